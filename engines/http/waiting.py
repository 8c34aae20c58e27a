"""Waiting for another server while the one who asked may leave."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable
from typing import TypeVar

from engines.contract import Batch

T = TypeVar("T")
LOOK_SECONDS = 0.1


class Left(Exception):
    """The request was canceled; what it waited for was dropped, and its connection is closed."""


async def unless_canceled(batch: Batch, request_id: str, work: Awaitable[T]) -> T:
    """What the work comes to. Raises Left as soon as the request is canceled, and what the work raises."""
    task = asyncio.ensure_future(work)
    try:
        while not task.done():
            if batch.canceled(request_id):
                raise Left
            await asyncio.wait([task], timeout=LOOK_SECONDS)
        return task.result()
    finally:
        if not task.done():
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task
