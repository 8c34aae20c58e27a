"""What engines of a cloud account share: how many requests run at once, one after another in each lane, and the closing."""

from __future__ import annotations

import abc
from collections.abc import AsyncIterator, Hashable, Sequence
from typing import Any

from engines.contract import Batch, Event, ImageRequest, ModelCard, RemoteEngine
from engines.http.closing import Closing
from engines.http.waiting import Left


class Account(RemoteEngine):
    """`Options` has `concurrency`: that many lanes. A request that was canceled is left at once; its mates go on."""

    def __init__(self, name: str, options: Any) -> None:
        super().__init__(name, options)
        self._closing = Closing(self._close)

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

    async def aclose(self) -> None:
        await self._closing.aclose()

    @abc.abstractmethod
    def _make(self, batch: Batch, request: ImageRequest) -> AsyncIterator[Event]:
        """One request's events, `Done` too. Raises Left when it was canceled, and an EngineError."""

    @abc.abstractmethod
    async def _close(self) -> None:
        """Once, when nothing is under way any more."""
