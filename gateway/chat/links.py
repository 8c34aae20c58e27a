"""Pictures for messages in other programs' chats: the ids are theirs, and mean something within the team alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, Delete, delete, exists, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.chat.tables import chat_links
from gateway.db import Database, across_teams, insert_ignore, now, of_team
from gateway.images.image import Image, from_row
from gateway.images.tables import SHOWN, images
from gateway.jobs.records import FINISHED, Job
from gateway.jobs.tables import jobs

LONGEST = 200


class Linked(NamedTuple):
    images: Sequence[Image]
    """Of one page, newest first."""
    total: int


async def note(db: Database, job: Job, chat_id: str, message_id: str) -> None:
    """The job's pictures are that message's; told twice it is so once."""
    row = {
        "team_id": job.team_id,
        "chat_id": chat_id,
        "message_id": message_id,
        "job_id": job.id,
        "created_at": now(),
    }
    async with db.write() as connection:
        await insert_ignore(connection, chat_links, row)


async def pictures(
    connection: AsyncConnection, team_id: str, chat_id: str, message_id: str | None, *, limit: int, offset: int
) -> Linked:
    """Of the chat, or of one of its messages, past the trash."""
    mine = of_team(select(chat_links.c.job_id), team_id, chat_links).where(chat_links.c.chat_id == chat_id)
    if message_id is not None:
        mine = mine.where(chat_links.c.message_id == message_id)
    # By their jobs, which are the team's: asked for the team's own, the databases look through all that it has.
    made = across_teams(select(images.c.id)).where(images.c.job_id.in_(mine), SHOWN)
    found = of_team(select(images), team_id, images).where(images.c.id.in_(made))
    rows = await connection.execute(found.order_by(images.c.id.desc()).limit(limit).offset(offset))
    total = await connection.execute(across_teams(select(func.count()).select_from(made.subquery())))
    return Linked([from_row(row) for row in rows], total.scalar_one())


async def forget(connection: AsyncConnection, gone: Iterable[Image]) -> None:
    """Pictures were deleted for good in this transaction; a job that has none left is no message's any more."""
    job_ids = sorted({image.job_id for image in gone if image.job_id})
    if job_ids:
        await connection.execute(across_teams(_without_pictures(chat_links.c.job_id.in_(job_ids))))


async def take_back(db: Database, job: Job) -> None:
    """The job came to nothing: there is nothing to link. One that goes on, or has made something, stays."""
    ended = exists(across_teams(select(jobs.c.id)).where(jobs.c.id == job.id, jobs.c.state.in_(FINISHED)))
    async with db.write() as connection:
        change = _without_pictures(chat_links.c.job_id == job.id, ended)
        await connection.execute(of_team(change, job.team_id, chat_links))


def _without_pictures(*which: ColumnElement[bool]) -> Delete:
    left = exists(across_teams(select(images.c.id)).where(images.c.job_id == chat_links.c.job_id))
    return delete(chat_links).where(*which, ~left)
