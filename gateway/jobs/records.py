"""A job's row as a value, and how rows are read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, cast

import msgspec
from msgspec import Struct
from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from engines.contract import Capability
from gateway.db import across_teams, of_team
from gateway.errors import NotFound
from gateway.jobs import attempts
from gateway.jobs.attempts import Tried
from gateway.jobs.request import Resolved
from gateway.jobs.tables import LIVE, jobs

State = Literal["queued", "running", "succeeded", "failed", "canceled"]
JobCapability = Capability | Literal["export"]
EXPORT: Literal["export"] = "export"
"""What is done without a lane, by the gateway itself: no scheduler knows of it."""
FINISHED: frozenset[str] = frozenset({"succeeded", "failed", "canceled"})


class Job(Struct, frozen=True, kw_only=True):
    """One row of the queue; times are microseconds since the epoch."""

    id: str
    team_id: str
    user_id: str
    key_id: str | None
    surface: str
    capability: JobCapability
    model: str
    engine: str
    revision: str
    state: State
    bulk: bool
    request: Resolved
    pictures: int
    stored: int
    price: int
    charged: int
    refunded: int
    attempt: int
    failures: int
    sent: bool
    upstream_id: str | None
    error_code: str | None
    error_message: str | None
    retry_of: str | None
    webhook: str | None
    version: int
    created_at: int
    started_at: int | None
    finished_at: int | None
    tried: tuple[Tried, ...] = ()
    """Attempts that came to nothing, oldest first."""

    @property
    def finished(self) -> bool:
        return self.state in FINISHED

    @property
    def does(self) -> Capability:
        """What an engine does for it: for jobs that have one."""
        return cast("Capability", self.capability)


_FIELDS = [field for field in Job.__struct_fields__ if field not in ("request", "tried")]
_decode = msgspec.json.Decoder(Resolved).decode
encode_request = msgspec.json.Encoder().encode


def from_row(row: Row[Any]) -> Job:
    """Raises msgspec.ValidationError for a row that no version of ours wrote."""
    mapping = row._mapping
    plain = {field: mapping[field] for field in _FIELDS}
    return Job(request=_decode(mapping["request"]), tried=attempts.read(mapping["tried"]), **plain)


def values(job: Job) -> dict[str, Any]:
    """As a row that is to be inserted."""
    plain = {field: getattr(job, field) for field in _FIELDS}
    return {**plain, "request": encode_request(job.request), "tried": attempts.written(job.tried)}


async def get(connection: AsyncConnection, team_id: str | None, job_id: str) -> Job:
    """The team's job (any team's when None is given, for the gateway itself). Raises NotFound."""
    query = select(jobs).where(jobs.c.id == job_id)
    query = across_teams(query) if team_id is None else of_team(query, team_id, jobs)
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise NotFound(f"There is no task {job_id}.")
    return from_row(row)


async def maker(connection: AsyncConnection, team_id: str, job_id: str | None) -> Job | None:
    """The job that made a picture of the team's, by its image's `job_id`; None where none did, or it is remembered no more."""
    if job_id is None:
        return None
    try:
        return await get(connection, team_id, job_id)
    except NotFound:
        return None


async def usage(connection: AsyncConnection, job_id: str) -> dict[str, Any] | None:
    """What the upstream reported of any team's job that is over."""
    query = across_teams(select(jobs.c.usage).where(jobs.c.id == job_id))
    told = (await connection.execute(query)).scalar_one_or_none()
    return None if told is None else cast("dict[str, Any]", msgspec.json.decode(told))


async def newest(
    connection: AsyncConnection,
    team_id: str,
    *,
    limit: int,
    before: str | None = None,
    offset: int = 0,
    user_id: str | None = None,
    state: State | None = None,
    capability: JobCapability | None = None,
    model: str | None = None,
) -> list[Job]:
    """The team's jobs, newest first, those before the id `before` or behind so many; every other argument filters."""
    query = of_team(select(jobs), team_id, jobs).order_by(jobs.c.id.desc()).limit(limit).offset(offset)
    if before is not None:
        query = query.where(jobs.c.id < before)
    for column, value in (
        (jobs.c.user_id, user_id),
        (jobs.c.state, state),
        (jobs.c.capability, capability),
        (jobs.c.model, model),
    ):
        if value is not None:
            query = query.where(column == value)
    return [from_row(row) for row in await connection.execute(query)]


async def live(connection: AsyncConnection, state: State) -> list[Job]:
    """Every team's jobs for a lane in this state, oldest first: what a start rebuilds the queue from."""
    query = across_teams(select(jobs)).where(LIVE, jobs.c.state == state, jobs.c.capability != EXPORT)
    query = query.order_by(jobs.c.id)
    return [from_row(row) for row in await connection.execute(query)]


async def queued_ids(connection: AsyncConnection) -> list[str]:
    """Of every team's queued jobs for a lane, oldest first."""
    query = across_teams(select(jobs.c.id)).where(LIVE, jobs.c.state == "queued", jobs.c.capability != EXPORT)
    query = query.order_by(jobs.c.id)
    return list((await connection.execute(query)).scalars())


async def some(connection: AsyncConnection, ids: Sequence[str]) -> list[Job]:
    """Those of any team that there are, oldest first."""
    query = across_teams(select(jobs)).where(jobs.c.id.in_(ids)).order_by(jobs.c.id)
    return [from_row(row) for row in await connection.execute(query)]
