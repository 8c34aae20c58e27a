"""How many pictures there are, of each kind and for each day; and which tags a range of them has.

What changes pictures says so here, in the same transaction, all of them at once: it takes the same few statements for one
as for hundreds. Callers take `records.add`, `alter` and `purge`, which do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Table, bindparam, delete, func, insert, literal_column, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db import across_teams, of_team, upsert
from gateway.images.image import Facet, Image, facets
from gateway.images.tables import image_counts, image_days, image_tags
from gateway.images.tags import folded

Change = tuple[Image | None, Image | None]
"""A picture before and after; None: it was not there yet, or is no more."""
_UNDATED = frozenset({"trash", "upload"})
"""Kinds that nobody asks for by the day."""


async def changed(connection: AsyncConnection, changes: Sequence[Change]) -> None:
    """Count the pictures as they are now, and let filters find them so."""
    counts: Counter[tuple[str, Facet]] = Counter()
    days: Counter[tuple[str, Facet, int]] = Counter()
    labels: dict[tuple[str, Facet], str] = {}
    for image, sign in ((each, sign) for change in changes for each, sign in zip(change, (-1, 1), strict=True) if each):
        for facet, label in facets(image):
            counts[image.team_id, facet] += sign
            labels.setdefault((image.team_id, facet), label)
            if facet.kind not in _UNDATED:
                days[image.team_id, facet, image.day] += sign
    rows: list[dict[str, Any]] = [
        {"team_id": team, "kind": facet.kind, "key": facet.key, "label": labels[team, facet], "count": count}
        for (team, facet), count in sorted(counts.items(), key=_by_key)
        if count
    ]
    await _add(connection, image_counts, rows)
    dated: list[dict[str, Any]] = [
        {"team_id": team, "kind": facet.kind, "key": facet.key, "day": day, "count": count}
        for (team, facet, day), count in sorted(days.items(), key=_by_key)
        if count
    ]
    await _add(connection, image_days, dated)
    await _tag(connection, changes)


_TOTALS = of_team(
    select(image_counts.c.kind, image_counts.c.key, image_counts.c.count.label("number")), bindparam("team"), image_counts
).where(image_counts.c.kind.in_(bindparam("kinds", expanding=True)), image_counts.c.key.in_(bindparam("keys", expanding=True)))
"""Built once: every list asks it."""


async def total(connection: AsyncConnection, team_id: str, *wanted: Facet) -> dict[Facet, int]:
    """How many pictures of the team each of these has."""
    keys = sorted({facet.key for facet in wanted})
    kinds = sorted({facet.kind for facet in wanted})
    rows = await connection.execute(_TOTALS, {"team": team_id, "kinds": kinds, "keys": keys})
    found = {Facet(row.kind, row.key): row.number for row in rows}
    return {facet: found.get(facet, 0) for facet in wanted}


async def by_day(
    connection: AsyncConnection, team_id: str, facet: Facet, *, first: int | None, last: int | None, limit: int
) -> list[tuple[int, int]]:
    """(day, how many) of those days that have any, the last first."""
    query = _days(select(image_days.c.day, image_days.c.count.label("number")), team_id, facet, first, last)
    return [(row.day, row.number) for row in await connection.execute(query.order_by(image_days.c.day.desc()).limit(limit))]


async def in_days(connection: AsyncConnection, team_id: str, facet: Facet, first: int | None, last: int | None) -> int:
    """How many pictures these days have together."""
    query = _days(select(func.coalesce(func.sum(image_days.c.count), 0)), team_id, facet, first, last)
    return int((await connection.execute(query)).scalar_one())


def _days(query: Any, team_id: str, facet: Facet, first: int | None, last: int | None) -> Any:
    query = of_team(query, team_id, image_days).where(image_days.c.kind == facet.kind, image_days.c.key == facet.key)
    if first is not None:
        query = query.where(image_days.c.day >= first)
    return query if last is None else query.where(image_days.c.day <= last)


def _by_key(item: tuple[tuple[Any, ...], int]) -> tuple[Any, ...]:
    """The same order in every transaction."""
    team, facet, *day = item[0]
    return team, facet.kind, facet.key, *day


async def _add(connection: AsyncConnection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    if not rows:
        return
    await upsert(connection, table, rows, setting=lambda new: {"count": table.c.count + new.count})
    if any(row["count"] < 0 for row in rows):
        # Said as the partial index over them says it, which so finds them without a look at the rest.
        await connection.execute(across_teams(delete(table)).where(table.c.count <= literal_column("0")))


async def _tag(connection: AsyncConnection, changes: Sequence[Change]) -> None:
    moved = [(before, after) for before, after in changes if list(_postings(before)) != list(_postings(after))]
    gone = [before.id for before, _ in moved if before is not None and before.tags]
    if gone:
        await connection.execute(across_teams(delete(image_tags)).where(image_tags.c.image_id.in_(gone)))
    rows = [row for _, after in moved for row in _postings(after)]
    if rows:
        await connection.execute(insert(image_tags), rows)


def _postings(image: Image | None) -> Iterator[dict[str, Any]]:
    if image is not None and image.shown:
        about = {"team_id": image.team_id, "image_id": image.id, "model": image.model, "is_favorite": image.is_favorite}
        yield from ({**about, "tag": folded(tag)} for tag in image.tags)
