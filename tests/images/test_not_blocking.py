"""Long texts are looked through beside the event loop, and not on it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gateway.db import Database
from gateway.images import library, records
from gateway.images.library import Count, Wanted
from gateway.images.tokens import terms
from tests.images.shelf import MINE, furnish, picture

LONG = "red circle and blue square, " * 500
WAITS = 1.0
"""Seconds that nothing else may be kept from its turn; on the loop it would be several."""


@asynccontextmanager
async def never_kept_waiting() -> AsyncIterator[None]:
    longest = 0.0

    async def tick() -> None:
        nonlocal longest
        while True:
            began = time.perf_counter()
            await asyncio.sleep(0.01)
            longest = max(longest, time.perf_counter() - began)

    ticking = asyncio.create_task(tick())
    await asyncio.sleep(0.02)
    yield
    await asyncio.sleep(0.02)
    ticking.cancel()
    assert longest < WAITS


async def test_long_prompts_are_taken_in_and_searched(database: Database) -> None:
    await furnish(database)
    several = [picture(f"{LONG}{number}") for number in range(80)]
    async with never_kept_waiting(), database.write() as connection:
        await records.add_all(connection, several)
    wanted = Wanted(terms=tuple(terms("red blue")), phrases=("red blue",))
    async with never_kept_waiting(), database.read() as connection:
        assert (await library.page(connection, MINE, wanted, limit=20)).images == []
        assert await library.count(connection, MINE, wanted) == Count(0, False)
