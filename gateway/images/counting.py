"""How many pictures a list has: from the counters where they know, else counted up to a bound."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db import across_teams
from gateway.images import counters, ranges
from gateway.images.image import DAY, Facet
from gateway.images.wanted import Wanted

MOST = 1_000
"""What is counted by reading; beyond, a total says no more than that there are more."""
MOST_OF_A_PRESET = 10_000
"""Where it is all that is asked for: as far as page numbers reach."""
SHOWN = Facet("shown")


class Count(Struct, frozen=True):
    total: int
    capped: bool
    """There are more."""


async def count(connection: AsyncConnection, team_id: str, wanted: Wanted) -> Count:
    if (known := await _known(connection, team_id, wanted)) is not None:
        return Count(known, False)
    alone = wanted == Wanted(preset_id=wanted.preset_id, made_here=wanted.made_here)
    most = MOST_OF_A_PRESET if alone else MOST
    found = await bounded(connection, ranges.some(team_id, wanted, most + 1))
    return Count(min(found, most), found > most)


async def bounded(connection: AsyncConnection, some: Select[Any]) -> int:
    """How many rows a limited select has."""
    return int((await connection.execute(across_teams(select(func.count()).select_from(some.subquery())))).scalar_one())


def cheap(wanted: Wanted) -> list[Facet]:
    """What of the filters the counters know, each alone; for none of them all that is shown."""
    several = sorted(wanted.any_model or ())
    tags = (Facet("tag", tag) for tag in wanted.folded_tags)
    stars = [Facet("favorite")] if wanted.favorite is not None else []
    return [*stars, *(Facet("model", model) for model in several), *tags] or [SHOWN]


def exact(wanted: Wanted) -> bool:
    """Whether `rarest` and whole days are all that is asked."""
    words = wanted.needs_words or wanted.has_phrases
    others = words or wanted.preset_id is not None or wanted.made_here or wanted.favorite is False
    hours = (wanted.since or 0) % DAY or (-1 if wanted.until is None else wanted.until) % DAY != DAY - 1
    return not others and not hours and len(cheap(wanted)) == 1


async def rarest(connection: AsyncConnection, team_id: str, wanted: Wanted) -> Facet:
    """The filter that leaves the fewest, of those that the counters know."""
    asked = [facet for facet in cheap(wanted) if not (facet.kind == "favorite" and not wanted.favorite)] or [SHOWN]
    totals = await counters.total(connection, team_id, *asked)
    return min(asked, key=lambda facet: totals[facet])


async def _known(connection: AsyncConnection, team_id: str, wanted: Wanted) -> int | None:
    """By the counters; None where they cannot tell."""
    if wanted.impossible:
        return 0
    if wanted.needs_words or wanted.preset_id is not None:
        return None
    asked = cheap(wanted)
    kinds = {facet.kind for facet in asked}
    if len(kinds) > 1 or (wanted.made_here and asked != [SHOWN]):
        return None
    if wanted.since is not None or wanted.until is not None:
        return None if wanted.made_here else await _known_by_day(connection, team_id, wanted, asked)
    more = {Facet("upload")} if wanted.made_here else set()
    if wanted.favorite is False:
        more.add(SHOWN)
    totals = await counters.total(connection, team_id, *asked, *more)
    if wanted.favorite is False:
        return totals[SHOWN] - totals[Facet("favorite")]
    return sum(totals[facet] for facet in asked) - totals.get(Facet("upload"), 0)


async def _known_by_day(connection: AsyncConnection, team_id: str, wanted: Wanted, asked: list[Facet]) -> int | None:
    """Where both ends are whole days."""
    since, until = wanted.since, wanted.until
    if len(asked) > 1 or wanted.favorite is False:
        return None
    if (since is not None and since % DAY) or (until is not None and (until + 1) % DAY):
        return None
    first, last = (None if since is None else since // DAY), (None if until is None else until // DAY)
    return await counters.in_days(connection, team_id, asked[0], first, last)
