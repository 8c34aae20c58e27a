"""Pictures for messages in other programs' chats: the ids are theirs, and mean something within the team alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.chat.tables import chat_links
from gateway.db import Database, insert_ignore, now, of_team
from gateway.images.image import Image, from_row
from gateway.images.tables import SHOWN, images
from gateway.jobs.records import Job

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
    jobs = of_team(select(chat_links.c.job_id), team_id, chat_links).where(chat_links.c.chat_id == chat_id)
    if message_id is not None:
        jobs = jobs.where(chat_links.c.message_id == message_id)
    found = of_team(select(images), team_id, images).where(SHOWN, images.c.job_id.in_(jobs))
    rows = await connection.execute(found.order_by(images.c.id.desc()).limit(limit).offset(offset))
    total = await connection.execute(found.with_only_columns(func.count(), maintain_column_froms=True))
    return Linked([from_row(row) for row in rows], total.scalar_one())
