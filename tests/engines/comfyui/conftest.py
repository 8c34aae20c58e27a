"""An engine with fake servers behind it, and lines to them that can be cut."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from engines.comfyui import running
from engines.comfyui.engine import ComfyUIEngine
from engines.comfyui.options import ModelOptions, Options
from engines.contract import Event, ImageRequest, ModelCard, ModelSpec
from engines.suite import Driver, Run, SuiteBatch, make_request
from tests.fakes.comfyui import FakeComfy
from tests.fakes.comfyui.line import Line
from tests.fakes.serving import served

TINY = ModelOptions(checkpoint="tiny-sd15.safetensors", also=("sd15-image-to-image", "sd15-inpaint"))


def spec(source: str = "sd15", options: ModelOptions = TINY) -> ModelSpec:
    return ModelSpec("tiny", source, "1", options)


class Lane:
    """One engine on one fake server, with a line between them."""

    def __init__(self, fake: FakeComfy, line: Line, engine: ComfyUIEngine) -> None:
        self.fake = fake
        self.line = line
        self.engine = engine
        self.name = engine.lanes()[0]

    async def card(self, source: str = "sd15", options: ModelOptions = TINY) -> ModelCard:
        return await self.engine.card(spec(source, options))

    async def request(self, source: str = "sd15", options: ModelOptions = TINY, **asked: Any) -> ImageRequest:
        return make_request(await self.card(source, options), spec(source, options), **{"steps": 4} | asked)

    async def run(self, request: ImageRequest, model: ModelSpec | None = None, **more: Any) -> Run:
        watch = more.pop("watch", None)
        batch = SuiteBatch([request], **more)
        driver = Driver(self.engine, model or spec(), self.name, seconds=20)
        return await driver.run(batch, (lambda event: watch(batch, event)) if watch else None)

    async def events(self, request: ImageRequest) -> AsyncIterator[Event]:
        batch = SuiteBatch([request])
        batch.model = spec()
        async for event in self.engine.generate(batch, self.name):
            yield event


@asynccontextmanager
async def opened(fake: FakeComfy | None = None, **options: Any) -> AsyncIterator[Lane]:
    fake = fake or FakeComfy()
    async with served(fake, sockets=True) as url, Line(url) as line:
        engine = ComfyUIEngine("comfyui", Options(servers=(line.url,), **{"patience_seconds": 2.0} | options))
        yield Lane(fake, line, engine)
        await engine.aclose()
        fake.kill()


@pytest.fixture
async def lane() -> AsyncIterator[Lane]:
    async with opened() as found:
        yield found


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits long in tests."""
    monkeypatch.setattr(running, "SILENT_SECONDS", 0.3)
    monkeypatch.setattr(running, "ASK_SECONDS", (0.05, 0.1))
    monkeypatch.setattr(running, "GLANCE_SECONDS", 0.02)
