"""How many pictures each day has, by the counters alone."""

from __future__ import annotations

from datetime import date, timedelta

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.images import counters, counting
from gateway.images.image import DAY
from gateway.images.wanted import Wanted

_EPOCH = date(1970, 1, 1)


class Days(Struct, frozen=True):
    days: list[tuple[date, int]]
    """The last one first."""
    exact: bool
    """Whether all filters were looked at."""


async def days(connection: AsyncConnection, team_id: str, wanted: Wanted, *, limit: int) -> Days:
    """Of several filters the rarest is counted; words, seeds and filters that exclude are not, nor hours within a day."""
    facet = await counting.rarest(connection, team_id, wanted)
    first = None if wanted.since is None else wanted.since // DAY
    last = None if wanted.until is None else wanted.until // DAY
    if wanted.impossible:
        return Days([], True)
    found = await counters.by_day(connection, team_id, facet, first=first, last=last, limit=limit)
    return Days([(_EPOCH + timedelta(day), number) for day, number in found], counting.exact(wanted))
