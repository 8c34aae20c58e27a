"""Every change of a job's state: each is one guarded UPDATE, so that of two who try only one succeeds.

The functions run inside the caller's write transaction and return the changed job, or None where the guard held.
The caller publishes the change after the commit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, and_, case, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db import across_teams, now, of_team
from gateway.jobs import attempts, billing, inputs, records
from gateway.jobs.attempts import Tried
from gateway.jobs.records import Job
from gateway.jobs.tables import LONGEST_UPSTREAM_ID, jobs
from gateway.webhooks import deliveries


async def claim(connection: AsyncConnection, ids: Sequence[str], *, sent: bool) -> list[Job]:
    """`queued` -> `running` under a new attempt, for those that are still queued; `sent` fences a paid upstream."""
    first = case((jobs.c.started_at.is_(None), now()), else_=jobs.c.started_at)
    values: dict[str, Any] = {"state": "running", "attempt": jobs.c.attempt + 1, "started_at": first}
    if sent:
        values["sent"] = True
    return await _change(connection, and_(jobs.c.id.in_(ids), jobs.c.state == "queued"), values)


async def put_back(connection: AsyncConnection, job: Job, *, failed: bool, tried: Tried | None = None) -> Job | None:
    """`running` -> `queued`, when the attempt came to nothing for reasons that are not the job's own; `tried` is kept."""
    values: dict[str, Any] = {"state": "queued", "sent": False, "failures": jobs.c.failures + int(failed)}
    if tried is not None:
        values["tried"] = attempts.written(attempts.added(job.tried, tried))
    queued = _one(await _change(connection, _running(job), values))
    if queued is not None and tried is not None:
        await billing.spent(connection, job, tried.usage)
    return queued


async def move(connection: AsyncConnection, job: Job, to: Job, tried: Tried | None = None) -> Job | None:
    """`running` or `queued` -> `queued` for another model, as `to` has it; its price and what it was charged stay. `tried` is
    kept."""
    guard = _running(job) if job.state == "running" else _untouched(job)
    values = {name: getattr(to, name) for name in ("model", "engine", "revision")}
    values |= {"request": records.encode_request(to.request), "state": "queued", "sent": False, "failures": 0}
    if tried is not None:
        values["tried"] = attempts.written(attempts.added(job.tried, tried))
    moved = _one(await _change(connection, guard, values))
    if moved is not None and tried is not None:
        await billing.spent(connection, job, tried.usage)
    if moved is not None:
        await billing.move(connection, job, moved)
    return moved


async def count_stored(connection: AsyncConnection, job: Job) -> Job | None:
    """One more picture of a job that still runs under this attempt, never more than were asked for."""
    return _one(await _change(connection, and_(_running(job), jobs.c.stored < jobs.c.pictures), {"stored": jobs.c.stored + 1}))


async def deliver(connection: AsyncConnection, job: Job, stored: int) -> Job | None:
    """So many pictures at once, of a job that still runs under this attempt."""
    return _one(await _change(connection, _running(job), {"stored": stored}))


async def finish(
    connection: AsyncConnection,
    job: Job,
    *,
    error: tuple[str, str] | None = None,
    upstream_id: str | None = None,
    usage: dict[str, Any] | None = None,
) -> Job | None:
    """`running` -> `succeeded` with at least one picture, else `failed`; what was not delivered is refunded."""
    code, message = error or ("no_image", "The engine ended without a picture.")
    done = jobs.c.stored > 0
    values = {
        "state": case((done, "succeeded"), else_="failed"),
        "error_code": case((done, None), else_=code),
        "error_message": case((done, None), else_=message),
        "upstream_id": upstream_id and upstream_id[:LONGEST_UPSTREAM_ID],
        "usage": None if usage is None else msgspec.json.encode(usage),
    }
    return await _end(connection, _running(job), values, usage)


async def fail_queued(connection: AsyncConnection, job: Job, code: str, message: str) -> Job | None:
    """`queued` -> `failed`: a job that can never be claimed, as long as it is with the same model."""
    guard = and_(jobs.c.id == job.id, jobs.c.state == "queued", jobs.c.model == job.model)
    return await _end(connection, guard, {"state": "failed", "error_code": code, "error_message": message})


async def cancel(connection: AsyncConnection, team_id: str, job_id: str) -> Job | None:
    """The row first: from here on no picture of it is kept, whatever the engine still does."""
    guard = and_(jobs.c.id == job_id, jobs.c.state.in_(("queued", "running")))
    return await _end(connection, guard, {"state": "canceled"}, team_id=team_id)


def _running(job: Job) -> ColumnElement[bool]:
    return and_(jobs.c.id == job.id, jobs.c.state == "running", jobs.c.attempt == job.attempt)


def _untouched(job: Job) -> ColumnElement[bool]:
    return and_(jobs.c.id == job.id, jobs.c.state == job.state, jobs.c.version == job.version)


async def _end(
    connection: AsyncConnection,
    guard: ColumnElement[bool],
    values: dict[str, Any],
    usage: dict[str, Any] | None = None,
    *,
    team_id: str | None = None,
) -> Job | None:
    """Every end comes through here: what belongs to it is in the same transaction, so that it happens once or not at all."""
    refunded = jobs.c.charged - jobs.c.price * jobs.c.stored
    job = _one(await _change(connection, guard, {**values, "finished_at": now(), "refunded": refunded}, team_id))
    if job is not None:
        await billing.settle(connection, job)
        await billing.spent(connection, job, usage)
        await inputs.release(connection, job)
        await deliveries.owe(connection, job.team_id, job.id, job.state, job.webhook)
    return job


async def _change(
    connection: AsyncConnection, guard: ColumnElement[bool], values: dict[str, Any], team_id: str | None = None
) -> list[Job]:
    """Without a team it is the gateway itself that changes them."""
    query = across_teams(update(jobs)) if team_id is None else of_team(update(jobs), team_id, jobs)
    query = query.where(guard).values(version=jobs.c.version + 1, **values)
    return [records.from_row(row) for row in await connection.execute(query.returning(jobs))]


def _one(changed: list[Job]) -> Job | None:
    return changed[0] if changed else None
