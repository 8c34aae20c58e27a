"""Several things of one request at the same time, but never too many."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, TypeVar

AT_ONCE = 4
"""Pictures of one request that are fetched or read at the same time; some decode to 200 MB."""
_T = TypeVar("_T")
_Given = TypeVar("_Given")


async def each(given: Iterable[_Given], work: Callable[[_Given], Coroutine[Any, Any, _T]]) -> list[_T]:
    """What `work` makes of each, a few at a time; the first that fails, in this order, is raised, and the others end."""
    room = asyncio.Semaphore(AT_ONCE)

    async def one(thing: _Given) -> _T:
        async with room:
            return await work(thing)

    tasks = [asyncio.ensure_future(one(thing)) for thing in given]
    try:
        return [await task for task in tasks]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
