"""How a session's rows change: each step is one transaction, so that a crash leaves a session that can be used."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.chat.records import Exchange, Message, Session, from_row, missing, values_of
from gateway.chat.tables import chat_messages, chat_sessions
from gateway.db import Database, across_teams, insert_ignore, new_id, now, of_team
from gateway.errors import IdempotencyConflict, WrongState
from gateway.images import records as images
from gateway.jobs import records as jobs_records
from gateway.jobs.idempotency import KEPT
from gateway.jobs.records import FINISHED, Job
from gateway.jobs.request import Idempotency
from gateway.jobs.tables import idempotency, jobs

MOST_MESSAGES = 1000
"""Of one session, answers included."""
INTERRUPTED = ("interrupted", "The gateway stopped while it was thinking about this; say it again.")
SURFACE = "gallery"
"""By whose jobs a chat's changes are made."""


def key_of(answer_id: str) -> str:
    """The Idempotency-Key of an answer's job: by it the job is found again after a crash between the two."""
    return f"chat:{answer_id}"


async def said_before(connection: AsyncConnection, team_id: str, named: Idempotency) -> Exchange | None:
    """What the same request led to. Raises IdempotencyConflict where the key came with another one."""
    mine = chat_messages.c.client_key == named.key
    row = (await connection.execute(of_team(select(chat_messages), team_id, chat_messages).where(mine))).one_or_none()
    if row is None:
        return None
    asked = from_row(row)
    if asked.created_at <= now() - KEPT:
        await connection.execute(of_team(update(chat_messages), team_id, chat_messages).where(mine).values(client_key=None))
        return None
    if asked.fingerprint != named.fingerprint:
        told = "This Idempotency-Key came with another request in the last 24 hours; send a new key with a new request."
        raise IdempotencyConflict(told, field="Idempotency-Key")
    behind = of_team(select(chat_messages), team_id, chat_messages).where(
        chat_messages.c.session_id == asked.session_id, chat_messages.c.id > asked.id
    )
    answer = (await connection.execute(behind.order_by(chat_messages.c.id).limit(1))).one()
    return Exchange(asked, from_row(answer))


async def say(connection: AsyncConnection, session: Session, text: str, named: Idempotency | None) -> tuple[Exchange, bool]:
    """Keep a message and the answer that is being made; False with what the same request led to earlier.

    Raises WrongState where another message is being answered or the session is full, IdempotencyConflict, and NotFound
    for a session that was deleted since it was read.
    """
    if named and (earlier := await said_before(connection, session.team_id, named)):
        return earlier, False
    if not await _touch(connection, session.team_id, session.id):
        raise missing(session.id)
    count = of_team(select(func.count()).select_from(chat_messages), session.team_id, chat_messages)
    if (await connection.execute(count.where(chat_messages.c.session_id == session.id))).scalar_one() >= MOST_MESSAGES:
        raise WrongState(f"A chat session has at most {MOST_MESSAGES} messages; open the picture in a new one.")
    same: dict[str, Any] = {"session_id": session.id, "team_id": session.team_id, "created_at": now()}
    names: dict[str, Any] = {"client_key": named.key, "fingerprint": named.fingerprint} if named else {}
    asked = Message(id=new_id(), role="user", text=text, **same, **names)
    answer = Message(id=new_id(), role="assistant", text="", state="working", **same)
    if not await insert_ignore(connection, chat_messages, values_of(answer)):
        if named and (twin := await said_before(connection, session.team_id, named)):
            return twin, False
        raise WrongState("The message before is still being answered; wait for that, or cancel its task.")
    await connection.execute(insert(chat_messages), [values_of(asked)])
    return Exchange(asked, answer), True


async def unsay(db: Database, exchange: Exchange) -> None:
    """Forget a message that was refused."""
    both = (exchange.message.id, exchange.answer.id)
    async with db.write() as connection:
        mine = of_team(delete(chat_messages), exchange.answer.team_id, chat_messages)
        await connection.execute(mine.where(chat_messages.c.id.in_(both)))


async def become(db: Database, answer: Message, **values: Any) -> None:
    """Change an answer that is being made; nothing where its session was deleted meanwhile."""
    async with db.write() as connection:
        await _change(connection, answer.team_id, answer.id, values)


async def link(db: Database, answer: Message, job: Job, **values: Any) -> None:
    """The answer is this job; its edit session is the chat's from now on."""
    async with db.write() as connection:
        await _change(connection, answer.team_id, answer.id, {"job_id": job.id, **values})
        await _touch(connection, answer.team_id, answer.session_id, edit_session_id=job.request.edit_session_id)


async def settle(db: Database, team_id: str, alive: Collection[str]) -> None:
    """Give answers whose jobs are finished their end, and those that nobody makes any more: a crash took their maker.

    `alive` are the answers that this process is making, as they are at each look.
    """
    left = chat_messages.outerjoin(jobs, jobs.c.id == chat_messages.c.job_id)
    over = or_(chat_messages.c.job_id.is_(None), jobs.c.state.in_(FINISHED))
    # The jobs are the team's because the messages are; of_team would leave out the messages without one.
    query = across_teams(select(chat_messages).select_from(left)).where(
        chat_messages.c.team_id == team_id, chat_messages.c.state == "working", over
    )
    async with db.read() as connection:
        rows = [row for row in await connection.execute(query) if row.job_id or row.id not in alive]
    if not rows:
        return
    async with db.write() as connection:
        for row in rows:
            # Asked again: when it was read, the one who had just committed it may not have come as far as saying so.
            if row.job_id is None and row.id in alive:
                continue
            if row.job_id is None:
                await _find(connection, team_id, row.id, row.session_id)
            else:
                await _end(connection, team_id, row.id, row.session_id, row.job_id)


async def _find(connection: AsyncConnection, team_id: str, answer_id: str, session_id: str) -> None:
    """The job that was made just before a crash, or the answer's end."""
    query = of_team(select(idempotency.c.job_id), team_id, idempotency)
    job_id = (
        await connection.execute(query.where(idempotency.c.surface == SURFACE, idempotency.c.key == key_of(answer_id)))
    ).scalar_one_or_none()
    if job_id is None:
        code, message = INTERRUPTED
        await _change(connection, team_id, answer_id, {"state": "failed", "error_code": code, "error_message": message})
        return
    await _change(connection, team_id, answer_id, {"job_id": job_id})
    job = await jobs_records.get(connection, team_id, job_id)
    await _touch(connection, team_id, session_id, edit_session_id=job.request.edit_session_id)
    if job.finished:
        await _end(connection, team_id, answer_id, session_id, job_id)


async def _end(connection: AsyncConnection, team_id: str, answer_id: str, session_id: str, job_id: str) -> None:
    job = await jobs_records.get(connection, team_id, job_id)
    if job.state != "succeeded":
        code, message = job.error_code or job.state, job.error_message or "Its task was canceled."
        await _change(connection, team_id, answer_id, {"state": "failed", "error_code": code, "error_message": message})
        return
    made = next(iter(await images.of_job(connection, job_id)), None)
    await _change(connection, team_id, answer_id, {"state": "done", "image_id": made.id if made else None})
    await _touch(connection, team_id, session_id, image_id=made.id if made else None)


async def _change(connection: AsyncConnection, team_id: str, answer_id: str, values: dict[str, Any]) -> None:
    mine = of_team(update(chat_messages), team_id, chat_messages)
    await connection.execute(mine.where(chat_messages.c.id == answer_id, chat_messages.c.state == "working").values(values))


async def _touch(connection: AsyncConnection, team_id: str, session_id: str, **values: str | None) -> bool:
    """What is None stays as it is. False: it was deleted meanwhile; else nobody deletes it before this is committed."""
    said = {name: value for name, value in values.items() if value is not None}
    mine = of_team(update(chat_sessions), team_id, chat_sessions).where(chat_sessions.c.id == session_id)
    return bool((await connection.execute(mine.values(updated_at=now(), **said))).rowcount)
