"""Chat sessions: opened with a picture, and talked in."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, cast

from litestar import Request, Response, Router, delete, get, post
from litestar.openapi import ResponseSpec
from litestar.params import FromPath, JSONBody, QueryParameter

from gateway.api.access import SECURITY, allows
from gateway.api.chat import wire
from gateway.api.chat.stream import frames
from gateway.api.chat.wire import ChatExchange, ChatMessagePage, ChatSession, ChatSessionPage, NewMessage
from gateway.api.given import Asker, Db, TheChat, TheCursors, TheIncoming, TheLinks, TheStreams
from gateway.api.problems import responses
from gateway.api.repeats import IdempotencyKey, named
from gateway.api.streams import EventStream
from gateway.chat import records

READS, WRITES, MAKES = allows("gallery.read"), allows("gallery.write"), allows("features.image_generation")
Limit = Annotated[int, QueryParameter(ge=1, le=100, description="How many at most.")]
Next = Annotated[str | None, QueryParameter(name="next", description="`next` of the page before, with the same filters.")]
STREAMED = ResponseSpec(
    str, description="With `stream`: the events message, delta, tool and done.", media_type="text/event-stream"
)


@post(
    "/images/{image_id:str}/open-in-chat",
    operation_id="open_in_chat",
    summary="Talk about a picture",
    guards=[MAKES],
    responses=responses(401, 403, 404, 409),
)
async def open_in_chat(
    image_id: FromPath[str], principal: Asker, db: Db, incoming: TheIncoming, links: TheLinks
) -> ChatSession:
    """Open a session whose current picture is this one."""
    image = await incoming.of_team(principal, image_id, "image_id")
    async with db.write() as connection:
        session = await records.open_session(connection, principal, image)
        (shown,) = await wire.sessions(connection, links, [session])
    return shown


@get(
    "/chat/sessions",
    operation_id="list_chat_sessions",
    summary="List chat sessions, the last opened first",
    guards=[READS],
    responses=responses(401, 403, 422),
)
async def list_sessions(
    principal: Asker,
    db: Db,
    chat: TheChat,
    cursors: TheCursors,
    links: TheLinks,
    mine: Annotated[bool, QueryParameter(description="Only one's own, not the whole team's.")] = False,
    limit: Limit = 20,
    cursor: Next = None,
) -> ChatSessionPage:
    """The team's sessions, with their current pictures."""
    user_id = principal.user_id if mine else None
    scope = (principal.team_id, "chat sessions", user_id)
    before = cursors.open(cursor, *scope)
    await chat.settle(principal.team_id)
    async with db.read() as connection:
        newest = partial(records.newest, connection, principal.team_id, user_id=user_id)
        shown, following = cursors.cut(await newest(limit=limit + 1, before=before), limit, *scope)
        return ChatSessionPage(data=await wire.sessions(connection, links, shown), limit=limit, next=following)


@get(
    "/chat/sessions/{session_id:str}",
    operation_id="get_chat_session",
    summary="Get a chat session",
    guards=[READS],
    responses=responses(401, 403, 404),
)
async def get_session(session_id: FromPath[str], principal: Asker, db: Db, chat: TheChat, links: TheLinks) -> ChatSession:
    """With its current picture."""
    await chat.settle(principal.team_id)
    async with db.read() as connection:
        (shown,) = await wire.sessions(connection, links, [await records.get(connection, principal.team_id, session_id)])
    return shown


@delete(
    "/chat/sessions/{session_id:str}",
    operation_id="delete_chat_session",
    summary="Delete a chat session",
    guards=[WRITES],
    responses=responses(401, 403, 404),
)
async def delete_session(session_id: FromPath[str], principal: Asker, db: Db) -> None:
    """With all that was said in it. Pictures stay, and so do tasks that run."""
    async with db.write() as connection:
        await records.remove(connection, principal.team_id, session_id)


@get(
    "/chat/sessions/{session_id:str}/messages",
    operation_id="list_chat_messages",
    summary="List a session's messages, newest first",
    guards=[READS],
    responses=responses(401, 403, 404, 422),
)
async def list_messages(
    session_id: FromPath[str],
    principal: Asker,
    db: Db,
    chat: TheChat,
    cursors: TheCursors,
    links: TheLinks,
    limit: Limit = 20,
    cursor: Next = None,
) -> ChatMessagePage:
    """What was said and what was answered, with the pictures that came of it."""
    scope = (principal.team_id, "chat messages", session_id)
    await chat.settle(principal.team_id)
    async with db.read() as connection:
        session = await records.get(connection, principal.team_id, session_id)
        found = await records.messages(connection, session, limit=limit + 1, before=cursors.open(cursor, *scope))
        shown, following = cursors.cut(found, limit, *scope)
        return ChatMessagePage(data=await wire.messages(connection, links, shown), limit=limit, next=following)


@post(
    "/chat/sessions/{session_id:str}/messages",
    operation_id="send_chat_message",
    summary="Say what the picture shall become",
    status_code=202,
    guards=[MAKES],
    responses={200: STREAMED, **responses(400, 401, 402, 403, 404, 409, 413, 422, 429, 503)},
)
async def send_message(
    session_id: FromPath[str],
    data: JSONBody[NewMessage],
    request: Request[Any, Any, Any],
    principal: Asker,
    db: Db,
    chat: TheChat,
    links: TheLinks,
    streams: TheStreams,
    idempotency_key: IdempotencyKey = None,
) -> Response[ChatExchange]:
    """The answer is a job, whose result becomes the current picture, or words. One message at a time: until the one before
    is answered, its job included, another is refused (409).
    """
    said = (principal, session_id, data.text, await named(idempotency_key, "chat", session_id, data.text))
    if data.stream or "text/event-stream" in request.headers.get("accept", ""):
        pieces = await streams.hold(chat.stream(*said))
        return cast("Response[ChatExchange]", EventStream(frames(db, links, pieces), streams))
    both = await streams.hold(chat.say(*said))
    async with db.read() as connection:
        return Response(await wire.exchange(connection, links, both), status_code=202)


def chat_router() -> Router:
    handlers = [open_in_chat, list_sessions, get_session, delete_session, list_messages, send_message]
    return Router("/v1", route_handlers=handlers, security=SECURITY, tags=["Chat"])
