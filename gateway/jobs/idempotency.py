"""A request that is sent twice makes one job.

A client names its request with a key of its own choice. For a day the same key with the same request, in the same team
and on the same surface, leads to the job that the first one made; with another request it is refused. What was refused
leaves no trace, so that it can be mended and sent again under the same key.
"""

from __future__ import annotations

import asyncio
import logging

from sqlalchemy import delete, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.accounts import Principal
from gateway.db import Database, across_teams, insert_ignore, now, of_team
from gateway.errors import IdempotencyConflict, StorageUnavailable
from gateway.jobs import records
from gateway.jobs.records import Job
from gateway.jobs.request import Idempotency
from gateway.jobs.tables import idempotency

log = logging.getLogger(__name__)

KEPT = 24 * 3600 * 1_000_000
"""Microseconds that a key is remembered."""
SWEEP_SECONDS = 3600.0


async def earlier(db: Database, principal: Principal, surface: str, asked: Idempotency | None) -> Job | None:
    """The job that the same request made already, to be asked before any work is done for this one.

    Raises IdempotencyConflict where the key came with another request.
    """
    if asked is None:
        return None
    async with db.read() as connection:
        return await _known(connection, principal.team_id, surface, asked)


async def claim(connection: AsyncConnection, job: Job, asked: Idempotency) -> Job | None:
    """In the transaction that queues `job`: take the key for it. The job that has the key already, else None.

    Of requests that come at the same time one takes it and the others get its job. Raises IdempotencyConflict.
    """
    mine = of_team(delete(idempotency), job.team_id, idempotency)
    await connection.execute(
        mine.where(
            idempotency.c.surface == job.surface, idempotency.c.key == asked.key, idempotency.c.created_at <= now() - KEPT
        )
    )
    row = {
        "team_id": job.team_id,
        "surface": job.surface,
        "key": asked.key,
        "fingerprint": asked.fingerprint,
        "job_id": job.id,
        "created_at": now(),
    }
    if await insert_ignore(connection, idempotency, row):
        return None
    return await _known(connection, job.team_id, job.surface, asked)


async def sweep(db: Database) -> int:
    """Forget the keys of yesterday; how many those were."""
    old = idempotency.c.created_at <= now() - KEPT
    async with db.write() as connection:
        return (await connection.execute(across_teams(delete(idempotency).where(old)))).rowcount


async def keep_swept(db: Database, every: float = SWEEP_SECONDS) -> None:
    """Sweep now and each `every` seconds, until canceled."""
    while True:
        try:
            await sweep(db)
        except (SQLAlchemyError, StorageUnavailable) as error:
            log.warning("old idempotency keys could not be removed, and it is tried again: %s", error)
        await asyncio.sleep(every)


async def _known(connection: AsyncConnection, team_id: str, surface: str, asked: Idempotency) -> Job | None:
    query = of_team(select(idempotency), team_id, idempotency).where(
        idempotency.c.surface == surface, idempotency.c.key == asked.key, idempotency.c.created_at > now() - KEPT
    )
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        return None
    if row.fingerprint != asked.fingerprint:
        raise IdempotencyConflict(
            "This Idempotency-Key came with another request in the last 24 hours; send a new key with a new request.",
            field="Idempotency-Key",
        )
    return await records.get(connection, team_id, row.job_id)
