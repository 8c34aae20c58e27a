"""A team's jobs in pages, newest first, and how many there are as far as it is worth while to count."""

from __future__ import annotations

from msgspec import Struct
from sqlalchemy import and_, case, func, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db import of_team
from gateway.errors import InvalidInput
from gateway.jobs import records
from gateway.jobs.records import Job, JobCapability, State
from gateway.jobs.tables import jobs

DEEPEST = 10_000
"""Rows that page numbers reach, and that a count looks at; a cursor reaches all of them."""
MOST_COUNTED = 1_000


class Wanted(Struct, frozen=True, kw_only=True):
    """Which jobs; None asks for all. An index answers each filter alone."""

    state: State | None = None
    user_id: str | None = None
    model: str | None = None
    capability: JobCapability | None = None


class Count(Struct, frozen=True):
    total: int
    capped: bool
    """There may be more."""


async def page(
    connection: AsyncConnection, team_id: str, wanted: Wanted, *, limit: int, page: int = 1, before: str | None = None
) -> list[Job]:
    """A page by its number, or those before the id `before`; one more than `limit` where there are so many.

    Raises InvalidInput for a page that is too deep.
    """
    offset = 0 if before else (page - 1) * limit
    if offset + limit > DEEPEST:
        raise InvalidInput(
            f"Pages reach the first {DEEPEST} tasks; go on with `next` of the page before, or narrow what you ask for.",
            field="page",
        )
    filters = {name: getattr(wanted, name) for name in Wanted.__struct_fields__}
    return await records.newest(connection, team_id, limit=limit + 1, before=before, offset=offset, **filters)


async def count(connection: AsyncConnection, team_id: str, wanted: Wanted) -> Count:
    """Up to `MOST_COUNTED`, of the newest `DEEPEST` that the first filter leaves: it reads no more, however many there are."""
    given = [(jobs.c[name], value) for name in Wanted.__struct_fields__ if (value := getattr(wanted, name)) is not None]
    first, others = given[:1], given[1:]
    most = DEEPEST if others else MOST_COUNTED + 1
    columns = [column for column, _ in others] or [jobs.c.id]
    newest = of_team(select(*columns), team_id, jobs).where(*(column == value for column, value in first))
    looked_at = newest.order_by(jobs.c.id.desc()).limit(most).subquery()
    fits = and_(true(), *(looked_at.c[column.name] == value for column, value in others))
    query = select(func.count(case((fits, 1))), func.count()).select_from(looked_at)
    found, seen = (await connection.execute(query)).one()
    return Count(min(found, MOST_COUNTED), found > MOST_COUNTED or (bool(others) and seen == most))
