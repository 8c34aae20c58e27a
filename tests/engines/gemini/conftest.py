"""The engine before a fake of the Gemini API, which it asks by the SDK's own client."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from engines.contract import ModelSpec
from engines.gemini.engine import GeminiEngine
from engines.gemini.options import ModelOptions, Options
from engines.suite import Run, SuiteBatch, make_request
from engines.suite.driver import Driver
from tests.fakes.gemini_api import KEY, GeminiAPI

Open = Callable[..., GeminiEngine]


@pytest.fixture
def upstream() -> GeminiAPI:
    return GeminiAPI()


@pytest.fixture
async def engines() -> AsyncIterator[Open]:
    """Engines with Google's key, that a test asks for by their options and where they go instead of the network."""
    opened: list[GeminiEngine] = []

    def open_engine(app: Any = None, **options: Any) -> GeminiEngine:
        transport = httpx.ASGITransport(app) if app else None
        engine = GeminiEngine("cloud", Options(**{"api_key": "GEMINI_API_KEY", **options}), transport)
        engine.secret = lambda name: KEY if name else ""
        opened.append(engine)
        return engine

    yield open_engine
    for engine in opened:
        await engine.aclose()


@pytest.fixture
def engine(engines: Open, upstream: GeminiAPI) -> GeminiEngine:
    return engines(upstream)


@pytest.fixture
def make() -> Callable[..., Any]:
    """Runs one request of a model."""

    async def run(engine: GeminiEngine, offered: str = "gemini-3.1-flash-image", /, *, own: Any = None, watch: Any = None,
                  **asked: Any) -> Run:  # fmt: skip
        model = ModelSpec(id=offered, source=offered, options=own or ModelOptions())
        card = await engine.card(model)
        request = make_request(card, model, **{"size": card.native_sizes[0], **asked})
        engine.check(request, card)
        batch = SuiteBatch([request])
        noted = (lambda event: watch(event, batch, request)) if watch else None
        return await Driver(engine, model, "1", seconds=20).run(batch, noted)

    return run
