"""Sessions and messages as values, and how their rows are read."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import Struct
from sqlalchemy import Row, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.accounts import Principal
from gateway.chat.tables import chat_messages, chat_sessions
from gateway.chat.tools import Call
from gateway.db import new_id, now, of_team
from gateway.errors import NotFound
from gateway.images.image import Image

LONGEST_TITLE = 80

Role = Literal["user", "assistant"]
State = Literal["done", "working", "failed"]


class Session(Struct, frozen=True, kw_only=True):
    """Times are microseconds since the epoch, here and below."""

    id: str
    team_id: str
    user_id: str
    gallery_image_id: str
    image_id: str
    edit_session_id: str | None
    title: str
    created_at: int
    updated_at: int


class Message(Struct, frozen=True, kw_only=True):
    id: str
    session_id: str
    team_id: str
    role: Role
    text: str
    state: State = "done"
    tool: Call | None = None
    job_id: str | None = None
    image_id: str | None = None
    error_code: str | None = None
    error_message: str | None = None
    client_key: str | None = None
    fingerprint: str | None = None
    created_at: int


class Exchange(Struct, frozen=True):
    """What was said, and what was or will be answered."""

    message: Message
    answer: Message


async def open_session(connection: AsyncConnection, principal: Principal, image: Image) -> Session:
    moment = now()
    session = Session(
        id=new_id(),
        team_id=principal.team_id,
        user_id=principal.user_id,
        gallery_image_id=image.id,
        image_id=image.id,
        edit_session_id=None,
        title=(image.title or " ".join(image.prompt.split()))[:LONGEST_TITLE],
        created_at=moment,
        updated_at=moment,
    )
    await connection.execute(insert(chat_sessions), [msgspec.structs.asdict(session)])
    return session


async def get(connection: AsyncConnection, team_id: str, session_id: str) -> Session:
    """Raises NotFound, also for another team's."""
    query = of_team(select(chat_sessions), team_id, chat_sessions).where(chat_sessions.c.id == session_id)
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise missing(session_id)
    return Session(**row._mapping)


async def newest(
    connection: AsyncConnection, team_id: str, *, limit: int, before: str | None = None, user_id: str | None = None
) -> list[Session]:
    """The team's sessions, or those that one user opened, the last opened first, from behind the id `before`."""
    query = of_team(select(chat_sessions), team_id, chat_sessions).order_by(chat_sessions.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(chat_sessions.c.id < before)
    if user_id is not None:
        query = query.where(chat_sessions.c.user_id == user_id)
    return [Session(**row._mapping) for row in await connection.execute(query)]


async def remove(connection: AsyncConnection, team_id: str, session_id: str) -> None:
    """With all that was said in it; pictures and tasks stay. Raises NotFound."""
    mine = of_team(delete(chat_sessions), team_id, chat_sessions).where(chat_sessions.c.id == session_id)
    if not (await connection.execute(mine)).rowcount:
        raise missing(session_id)


async def messages(connection: AsyncConnection, session: Session, *, limit: int, before: str | None = None) -> list[Message]:
    """Newest first, from behind the id `before`."""
    query = of_team(select(chat_messages), session.team_id, chat_messages)
    query = query.where(chat_messages.c.session_id == session.id).order_by(chat_messages.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(chat_messages.c.id < before)
    return [from_row(row) for row in await connection.execute(query)]


async def message(connection: AsyncConnection, team_id: str, message_id: str) -> Message:
    """Raises NotFound: its session was deleted meanwhile."""
    query = of_team(select(chat_messages), team_id, chat_messages).where(chat_messages.c.id == message_id)
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise NotFound("This chat session was deleted meanwhile.")
    return from_row(row)


def from_row(row: Row[Any]) -> Message:
    values = dict(row._mapping)
    tool = values.pop("tool")
    return Message(tool=tool and msgspec.json.decode(tool, type=Call), **values)


def values_of(each: Message) -> dict[str, Any]:
    return {**msgspec.structs.asdict(each), "tool": each.tool and msgspec.json.encode(each.tool)}


def missing(session_id: str) -> NotFound:
    return NotFound(f"There is no chat session {session_id}.")
