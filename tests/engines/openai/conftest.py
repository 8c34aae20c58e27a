"""The engine before a fake of OpenAI, which it asks by the SDK's own client; where no socket is needed there is none."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from engines.contract import ModelCard, ModelSpec
from engines.openai.engine import OpenAIEngine
from engines.openai.options import ModelOptions, Options
from engines.suite import Run, SuiteBatch, make_request
from engines.suite.driver import Driver
from tests.fakes.openai_images import KEY, OpenAIImages

Open = Callable[..., OpenAIEngine]


@pytest.fixture
def upstream() -> OpenAIImages:
    return OpenAIImages()


@pytest.fixture
async def engines() -> AsyncIterator[Open]:
    """Engines with OpenAI's key, that a test asks for by their options and where they go instead of the network."""
    opened: list[OpenAIEngine] = []

    def open_engine(app: Any = None, **options: Any) -> OpenAIEngine:
        transport = httpx.ASGITransport(app) if app else None
        engine = OpenAIEngine("cloud", Options(**{"api_key": "OPENAI_API_KEY", **options}), transport)
        engine.secret = lambda name: KEY if name else ""
        opened.append(engine)
        return engine

    yield open_engine
    for engine in opened:
        await engine.aclose()


@pytest.fixture
def engine(engines: Open, upstream: OpenAIImages) -> OpenAIEngine:
    return engines(upstream)


@pytest.fixture
def make() -> Callable[..., Any]:
    """Runs one request of a model; `watched` lets somebody look."""

    async def run(engine: OpenAIEngine, offered: str = "gpt-image-2", /, *, watched: bool = False, own: Any = None,
                  watch: Any = None, **asked: Any) -> Run:  # fmt: skip
        model = ModelSpec(id=offered, source=offered, options=own or ModelOptions())
        card: ModelCard = await engine.card(model)
        request = make_request(card, model, **asked)
        engine.check(request, card)
        batch = SuiteBatch([request], watched={request.id} if watched else ())
        noted = (lambda event: watch(event, batch, request)) if watch else None
        return await Driver(engine, model, "1", seconds=20).run(batch, noted)

    return run
