"""Other people's servers, and a caller that runs as a gateway's does."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from gateway.catalog.settings import Webhooks
from gateway.errors import NotFound
from gateway.events import Bus
from gateway.fetch import Network
from gateway.webhooks.caller import Caller
from gateway.webhooks.deliveries import Delivery
from gateway.webhooks.signing import Signing

if TYPE_CHECKING:
    from tests.webhooks.conftest import Desk

SIGNING = Signing(b"k" * 32)


class Call(Struct, frozen=True):
    url: str
    body: bytes
    headers: dict[str, str]
    allow: list[Network]
    seconds: float


class World:
    """Other people's servers, and what they were sent. An answer is a status, an error, or an event to wait for first."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.answers: dict[str, Any] = {}
        self.now: Counter[str] = Counter()
        self.busiest: Counter[str] = Counter()

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], *, allow: Iterable[Network], seconds: float) -> int:
        self.calls.append(Call(url, body, dict(headers), list(allow), seconds))
        answer = self.answers.get(url, 200)
        self.now[url] += 1
        self.busiest[url] = max(self.now[url], self.busiest[url])
        try:
            if isinstance(answer, asyncio.Event):
                await answer.wait()
                return 200
        finally:
            self.now[url] -= 1
        if isinstance(answer, Exception):
            raise answer
        return int(answer)

    @property
    def busy(self) -> int:
        return self.now.total()

    def to(self, url: str) -> list[Call]:
        return [call for call in self.calls if call.url == url]


async def envelope(team_id: str, job_id: str) -> bytes:
    if job_id == "gone":
        raise NotFound("There is no task gone.")
    if job_id == "bug":
        raise KeyError(job_id)
    return json.dumps({"task_id": job_id, "prompt": "แมว 🐈"}).encode()


class Running:
    """A caller that runs, and can be stopped and started as a gateway is."""

    def __init__(self, desk: Desk, world: World, settings: Webhooks) -> None:
        self.desk = desk
        self.world = world
        self.settings = settings
        self.bus = Bus()
        self.caller: Caller
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self.caller = Caller(self.desk.db, self.bus, self.world.post, envelope, SIGNING, lambda: self.settings)
        self._task = asyncio.create_task(self.caller.run())

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def until(self, state: str, **filters: Any) -> Delivery:
        async with asyncio.timeout(20):
            while (kept := await self.desk.one(**filters)).state != state:
                await asyncio.sleep(0.01)
        return kept

    async def tried(self, attempts: int, **filters: Any) -> Delivery:
        async with asyncio.timeout(20):
            while (kept := await self.desk.one(**filters)).attempts != attempts:
                await asyncio.sleep(0.01)
        return kept

    async def next_attempt(self) -> None:
        await self.desk.make_due()
        self.caller.poke()


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.005)
