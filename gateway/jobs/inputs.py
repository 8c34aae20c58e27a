"""What jobs work on: its bytes stay until the job ends, whatever becomes of the picture meanwhile."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from sqlalchemy import ColumnElement, delete, exists, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db import Database, across_teams, insert_ignore, marks, of_team
from gateway.errors import StorageUnavailable, WrongState
from gateway.images.tables import images
from gateway.jobs import records
from gateway.jobs.records import Job
from gateway.jobs.request import InputPicture, Resolved
from gateway.jobs.tables import LIVE, job_inputs, jobs
from gateway.storage import ledger
from gateway.storage.tables import blobs

INPUTS = "inputs"
"""The mark. Without it every start would read all that waits."""
_BATCH = 500
_GONE = "A picture that this works on is in the trash, or gone; restore it, or send another one."


async def hold(connection: AsyncConnection, job: Job) -> None:
    """Keep what a new job works on, in the transaction that queues it.

    Raises WrongState for a picture that went to the trash, or for good, after it was looked at.
    """
    rows = _rows(job)
    if not rows:
        return
    named = {row["image_id"] for row in rows} - {""}
    # Locked, for the sweep of uploads looks at these rows before it asks which are held.
    query = of_team(select(images.c.id), job.team_id, images).where(images.c.id.in_(named), images.c.deleted_at.is_(None))
    if len((await connection.execute(query.order_by(images.c.id).with_for_update(read=True))).all()) != len(named):
        raise WrongState(_GONE)
    try:
        await ledger.hold(connection, [row["blob"] for row in rows])
    except StorageUnavailable as error:
        raise WrongState(_GONE) from error
    await insert_ignore(connection, job_inputs, rows)


async def release(connection: AsyncConnection, job: Job) -> None:
    """The job has ended."""
    if _rows(job):
        await connection.execute(delete(job_inputs).where(job_inputs.c.job_id == job.id))


async def held(connection: AsyncConnection, image_ids: Collection[str]) -> set[str]:
    """Those of these images that jobs which are not finished work on."""
    query = select(job_inputs.c.image_id).where(job_inputs.c.image_id.in_(image_ids))
    return set((await connection.execute(query)).scalars())


def referenced() -> ColumnElement[bool]:
    """For `ledger.sweep`: whether some job that is not finished works on a blob."""
    return exists().where(job_inputs.c.blob == blobs.c.hash)


async def catch_up(db: Database) -> None:
    """Hold what jobs from before there was this table work on, once."""
    if await marks.is_done(db, INPUTS):
        return
    before = ""
    query = across_teams(select(jobs)).where(LIVE).order_by(jobs.c.id).limit(_BATCH)
    while True:
        async with db.write() as connection:
            found = [records.from_row(row) for row in await connection.execute(query.where(jobs.c.id > before))]
            if rows := [row for job in found for row in _rows(job)]:
                await insert_ignore(connection, job_inputs, rows)
        if not found:
            break
        before = found[-1].id
    await marks.done(db, INPUTS)


def _rows(job: Job) -> list[dict[str, Any]]:
    named = dict.fromkeys((each.blob, each.image or "") for each in _inputs(job.request))
    return [{"job_id": job.id, "blob": blob, "image_id": image_id} for blob, image_id in named]


def _inputs(kept: Resolved) -> Iterator[InputPicture]:
    yield from kept.pictures
    if kept.mask is not None:
        yield kept.mask
