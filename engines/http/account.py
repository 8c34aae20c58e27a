"""What engines of a cloud account share: how many requests run at once, one after another in each lane, and the closing."""

from __future__ import annotations

import abc
import asyncio
from collections.abc import AsyncIterator, Hashable, Sequence
from typing import Any

from engines.contract import Batch, Event, Health, ImageRequest, ModelCard, RemoteEngine
from engines.http.closing import Closing
from engines.http.waiting import Left


class Account(RemoteEngine):
    """`Options` has `concurrency`: that many lanes. A request that was canceled is left at once; its mates go on."""

    def __init__(self, name: str, options: Any) -> None:
        super().__init__(name, options)
        self._closing = Closing(self._close)
        self._asked: asyncio.Task[Health] | None = None

    def lanes(self) -> Sequence[str]:
        return tuple(str(number) for number in range(1, self.options.concurrency + 1))

    def batch_key(self, request: ImageRequest, card: ModelCard) -> Hashable | None:
        return None

    async def generate(self, batch: Batch, lane: str) -> AsyncIterator[Event]:
        for request in batch.requests:
            if batch.canceled(request.id):
                continue
            with self._closing.using():
                try:
                    async for event in self._make(batch, request):
                        yield event
                except Left:
                    continue

    async def health(self, lane: str) -> Health:
        """The lanes of an account are all asked at once, and one question answers them."""
        if self._asked is None or self._asked.done():
            self._asked = asyncio.ensure_future(self._how_it_is())
        asked = self._asked
        await asyncio.wait([asked])
        return Health(ok=False, reason="Its engine is closed.") if asked.cancelled() else asked.result()

    async def aclose(self) -> None:
        if self._asked is not None:
            self._asked.cancel()
            await asyncio.gather(self._asked, return_exceptions=True)
        await self._closing.aclose()

    @abc.abstractmethod
    def _make(self, batch: Batch, request: ImageRequest) -> AsyncIterator[Event]:
        """One request's events, `Done` too. Raises Left when it was canceled, and an EngineError."""

    @abc.abstractmethod
    async def _how_it_is(self) -> Health:
        """By a question that costs nothing. Raises nothing."""

    @abc.abstractmethod
    async def _close(self) -> None:
        """Once, when nothing is under way any more."""
