"""/admin/tasks/{task_id}/attempts: what became of each of a task's attempts, and what its upstream calls it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from litestar import get
from litestar.params import FromPath
from msgspec import Struct

from gateway.api.given import Db
from gateway.api.problems import responses
from gateway.api.times import moment
from gateway.jobs import records
from gateway.jobs.attempts import Tried


class AttemptRow(Struct, frozen=True, kw_only=True):
    """One that came to nothing, or several in a row that came to the same."""

    attempt: int
    """Its number; the last one's of several."""
    times: int
    model: str
    lane: str | None
    code: str
    message: str
    upstream_id: str | None
    """What the upstream calls the request: ask its support by this."""
    usage: dict[str, Any] | None
    """As the upstream reported it; `cost_usd` is in US dollars, where that is known."""
    ended_at: datetime


class Attempts(Struct, frozen=True, kw_only=True):
    """The attempts that came to nothing, oldest first, the newest twenty at most; then what is known of the one that ended
    the task."""

    data: list[AttemptRow]
    attempts: int
    """How many were begun."""
    upstream_id: str | None
    usage: dict[str, Any] | None


@get(
    "/tasks/{task_id:str}/attempts",
    operation_id="list_attempts",
    summary="A task's attempts, with the ids and costs of its upstream",
    responses=responses(401, 403, 404),
)
async def list_attempts(task_id: FromPath[str], db: Db) -> Attempts:
    """Any team's. What upstreams were paid for attempts that failed is in GET /admin/usage too."""
    async with db.read() as connection:
        job = await records.get(connection, None, task_id)
        usage = await records.usage(connection, task_id)
    return Attempts(data=[_row(each) for each in job.tried], attempts=job.attempt, upstream_id=job.upstream_id, usage=usage)


def _row(tried: Tried) -> AttemptRow:
    return AttemptRow(
        attempt=tried.attempt,
        times=tried.times,
        model=tried.model,
        lane=tried.lane or None,
        code=tried.code,
        message=tried.message,
        upstream_id=tried.upstream_id,
        usage=tried.usage,
        ended_at=moment(tried.at),
    )
