"""An A1111 engine with one fake server behind it, as the tests of several of its sides want it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from msgspec.structs import replace

from engines.a1111.engine import A1111Engine
from engines.a1111.options import ModelOptions, Options
from engines.contract import Event, ImageRequest, ModelCard, ModelSpec
from engines.suite import Driver, Run, SuiteBatch, make_request
from tests.fakes.a1111.server import A1111
from tests.fakes.serving import Proxy, served

SOURCE = "random-sd15"


class Lane:
    """What a test asks of it, in short words."""

    def __init__(self, server: A1111, engine: A1111Engine, proxy: Proxy) -> None:
        self.server = server
        self.proxy = proxy
        self.engine = engine
        self.name = engine.lanes()[0]

    async def card(self, source: str = SOURCE, **options: Any) -> ModelCard:
        return await self.engine.card(spec(source, **options))

    async def request(self, source: str = SOURCE, **asked: Any) -> ImageRequest:
        return make_request(await self.card(source), spec(source), **asked)

    async def run(
        self,
        *requests: ImageRequest,
        model: ModelSpec | None = None,
        watch: Callable[[SuiteBatch, Event], None] | None = None,
        watched: bool = False,
        saving: bool = False,
    ) -> Run:
        batch = SuiteBatch(requests, watched=[request.id for request in requests] if watched else (), saving=saving)
        driver = Driver(self.engine, model or spec(), self.name, seconds=20)
        return await driver.run(batch, (lambda event: watch(batch, event)) if watch else None)

    def sent(self, route: str = "txt2img") -> list[dict[str, Any]]:
        return [body for path, body in self.server.asked if path.endswith(route)]


def spec(source: str = SOURCE, **options: Any) -> ModelSpec:
    return ModelSpec(id=source, source=source, options=ModelOptions(**options))


@asynccontextmanager
async def lane(server: A1111 | str, *, address: str = "", secret: str = "", **options: Any) -> AsyncIterator[Lane]:
    """`address` is one instead of the server's own; `secret` is what the secret LOGIN holds."""
    server = A1111(server, step_seconds=0.005) if isinstance(server, str) else server
    async with served(server) as own, Proxy(own).open() as proxy:
        table = Options(servers=(address or proxy.url,), **{"poll_seconds": 0.01, **options})
        engine = A1111Engine("a1111", table)
        if secret:
            engine.secret = lambda name: secret if name == "LOGIN" else ""
        try:
            yield Lane(server, engine, proxy)
        finally:
            await engine.aclose()


def of(request: ImageRequest, **changes: Any) -> ImageRequest:
    return replace(request, **changes)
