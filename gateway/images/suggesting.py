"""Tags and models by how they begin, with how many pictures each has: from the counters alone."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db import of_team
from gateway.images.tables import UNTITLED, image_counts
from gateway.images.tags import folded

MOST_READ = 1_000
"""Tags that begin so, where there are more, type on; or models, those of most pictures."""


class Suggestion(Struct, frozen=True):
    name: str
    count: int
    """Of pictures."""


async def suggest(
    connection: AsyncConnection, team_id: str, kind: Literal["tag", "model"], beginning: str, *, limit: int
) -> list[Suggestion]:
    """Those of most pictures first."""
    columns = (image_counts.c.label, image_counts.c.count.label("number"))
    query = of_team(select(*columns), team_id, image_counts).where(image_counts.c.kind == kind)
    start = folded(beginning.strip())
    if kind == "model" or not start:
        # Of models there are few, and their keys are as they are written: they are looked through.
        most = query.order_by(image_counts.c.count.desc()).limit(MOST_READ if start else limit)
        found = [Suggestion(row.label, row.number) for row in await connection.execute(most)]
        return [each for each in found if folded(each.name).startswith(start)][:limit]
    query = query.where(image_counts.c.key >= start, image_counts.c.key < start + UNTITLED).order_by(image_counts.c.key)
    found = [Suggestion(row.label, row.number) for row in await connection.execute(query.limit(MOST_READ))]
    return sorted(found, key=lambda each: -each.count)[:limit]
