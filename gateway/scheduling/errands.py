"""What is begun beside the loop: batches, questions to lanes, looks into the table."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine

from gateway.errors import StorageUnavailable

log = logging.getLogger(__name__)


class Errands:
    """What goes wrong in one leaves its jobs to the next reconciliation. `on_blocked` is told why nothing can be stored."""

    def __init__(self, on_blocked: Callable[[str], None]) -> None:
        self._on_blocked = on_blocked
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(self._watched(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def wait(self, seconds: float) -> None:
        """Until all are done that are under way, at most so long."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)

    async def cancel(self) -> None:
        """All that are under way; ended when it returns."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _watched(self, work: Coroutine[None, None, None]) -> None:
        try:
            await work
        except StorageUnavailable as error:
            self._on_blocked(error.message)
        except Exception:
            log.exception("something that the scheduler began did not end well")
