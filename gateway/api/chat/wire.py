"""How chat sessions and messages are shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta, Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.api.gallery import wire as gallery
from gateway.api.gallery.wire import GalleryImage
from gateway.api.links import Links
from gateway.api.times import moment
from gateway.chat.records import Exchange, Message, Role, Session, State
from gateway.chat.tools import LONGEST_PROMPT, Call, arguments
from gateway.images.image import Image
from gateway.images.variants import not_deleted


class NewMessage(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the current picture shall become, in plain words."""

    text: Annotated[str, Meta(min_length=1, max_length=LONGEST_PROMPT)]
    stream: bool = False
    """Answer as server-sent events; so does `Accept: text/event-stream`."""


class ChatTool(Struct, frozen=True):
    """What the language model chose to do."""

    name: str
    arguments: dict[str, Any]


class ChatError(Struct, frozen=True):
    code: str
    message: str


class ChatMessage(Struct, frozen=True, kw_only=True):
    """What a person said, or what was answered."""

    id: str
    role: Role
    text: str
    state: State
    """`working`: the answer, or its job, is being made; follow `/v1/tasks/{job_id}`, or ask again."""
    tool: ChatTool | None
    job_id: str | None
    image_id: str | None
    """What the job made."""
    image: GalleryImage | None
    """The same; null where it is in the trash or gone."""
    error: ChatError | None
    created_at: datetime


class ChatExchange(Struct, frozen=True):
    message: ChatMessage
    answer: ChatMessage


class ChatSession(Struct, frozen=True, kw_only=True):
    """A talk about a picture. Each change becomes its current picture, and the next message goes on from that."""

    id: str
    gallery_image_id: str
    """The picture that it was opened with."""
    image_id: str
    """The current picture."""
    image: GalleryImage | None
    """The same; null where it is in the trash or gone."""
    edit_session_id: str | None
    """Of its edits; null before the first."""
    title: str
    created_at: datetime
    updated_at: datetime


class ChatSessionPage(Struct, frozen=True, kw_only=True):
    """The last opened first; `next` opens the page behind, null at the end."""

    data: list[ChatSession]
    limit: int
    next: str | None


class ChatMessagePage(Struct, frozen=True, kw_only=True):
    """The newest first; `next` opens the page of older ones, null at the end."""

    data: list[ChatMessage]
    limit: int
    next: str | None


async def sessions(connection: AsyncConnection, links: Links, found: Sequence[Session]) -> list[ChatSession]:
    """With their pictures, in one statement."""
    pictures = await not_deleted(connection, [each.image_id for each in found])
    return [_session(each, pictures, links) for each in found]


async def messages(connection: AsyncConnection, links: Links, found: Sequence[Message]) -> list[ChatMessage]:
    """The same."""
    pictures = await not_deleted(connection, [each.image_id for each in found if each.image_id])
    return [_message(each, pictures, links) for each in found]


async def exchange(connection: AsyncConnection, links: Links, both: Exchange) -> ChatExchange:
    message, answer = await messages(connection, links, (both.message, both.answer))
    return ChatExchange(message, answer)


def tool(call: Call) -> ChatTool:
    return ChatTool(call.name, arguments(call))


def _session(each: Session, pictures: Mapping[str, Image], links: Links) -> ChatSession:
    fields = {name: getattr(each, name) for name in ("id", "gallery_image_id", "image_id", "edit_session_id", "title")}
    times = {name: moment(getattr(each, name)) for name in ("created_at", "updated_at")}
    return ChatSession(**fields, **times, image=_picture(each.image_id, pictures, links))


def _message(each: Message, pictures: Mapping[str, Image], links: Links) -> ChatMessage:
    fields = {name: getattr(each, name) for name in ("id", "role", "text", "state", "job_id", "image_id")}
    return ChatMessage(
        **fields,
        tool=tool(each.tool) if each.tool else None,
        image=_picture(each.image_id, pictures, links),
        error=ChatError(each.error_code, each.error_message or "") if each.error_code else None,
        created_at=moment(each.created_at),
    )


def _picture(image_id: str | None, pictures: Mapping[str, Image], links: Links) -> GalleryImage | None:
    found = pictures.get(image_id or "")
    return gallery.image(found, links) if found else None
