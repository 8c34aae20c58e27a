"""Closing what others may still use."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager


class Closing:
    """Calls `close` once nobody uses the thing any more: an engine whose table changed is closed while its last requests,
    which may have been paid for, still run.
    """

    def __init__(self, close: Callable[[], Awaitable[None]]) -> None:
        self._close = close
        self._users = 0
        self._wanted = False
        self._ending: asyncio.Task[None] | None = None

    @contextmanager
    def using(self) -> Iterator[None]:
        self._users += 1
        try:
            yield
        finally:
            self._users -= 1
            if self._wanted and not self._users:
                self._ending = asyncio.ensure_future(self._closed())

    async def aclose(self) -> None:
        """Now, or when the last one has gone; this does not wait for that."""
        self._wanted = True
        if not self._users:
            await self._closed()

    async def _closed(self) -> None:
        await self._close()
