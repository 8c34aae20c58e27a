"""`/mcp`: one address to which clients post their messages."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

import msgspec
from litestar import Request, Response, Router, post
from litestar.types import ASGIApp, Receive, Scope, Send
from msgspec import UNSET, Struct, UnsetType

from gateway.api.access import Connection
from gateway.api.bodies import LARGE
from gateway.api.cross_origin import ALLOWED
from gateway.api.given import Asker, TheDoor, TheMcp
from gateway.api.mcp.documented import MessageOperation
from gateway.api.mcp.errors import HANDLERS, NotAcceptable, NotAMessage, NotJson, TooLargeForHere, responses
from gateway.api.mcp.serving import Mcp, Sent
from gateway.api.priorities import PriorityHeader
from gateway.api.repeats import IdempotencyKey
from gateway.errors import NotAuthenticated

MOST_BYTES = 16 << 20
"""Of a message, however large bodies may be elsewhere: it is read at once."""
_JSON, _STREAM = "application/json", "text/event-stream"
_PAGES = ("http://", "https://")


class Fields(Struct, frozen=True):
    """An object with whatever in it."""


class Frame(Struct, frozen=True, kw_only=True):
    """A request or a notification, as far as it is looked at before the SDK."""

    jsonrpc: Literal["2.0"]
    method: str
    id: int | str | UnsetType = UNSET
    params: Fields | UnsetType = UNSET


_FRAMES = msgspec.json.Decoder(Frame)


class Messages(Response[None]):
    """What the SDK answers to a message."""

    def __init__(self, mcp: Mcp, body: bytes, sent: Sent) -> None:
        super().__init__(None)
        self._mcp = mcp
        self._body = body
        self._sent = sent

    def to_asgi_response(self, *_: Any, **__: Any) -> ASGIApp:  # type: ignore[override]
        async def respond(scope: Scope, receive: Receive, send: Send) -> None:
            await self._mcp.answer(scope, self._body, receive, send, self._sent)

        return respond


@post(
    "/mcp",
    operation_id="mcp",
    summary="Send a message of the Model Context Protocol",
    status_code=200,
    operation_class=MessageOperation,
    responses=responses(400, 401, 403, 404, 406, 413, 415, 422, 429),
)
async def mcp_message(
    request: Request[Any, Any, Any],
    principal: Asker,
    door: TheDoor,
    mcp: TheMcp,
    priority: PriorityHeader = None,
    idempotency_key: IdempotencyKey = None,
) -> Messages:
    """Streamable HTTP, in every revision from 2024-11-05 to 2026-07-28. Tools and resources are those that the key may use."""
    see_who_sent_it(request, door)
    see_that_it_is_taken(request)
    body = await request.body()
    if len(body) > MOST_BYTES:
        raise TooLargeForHere(f"A message has at most {MOST_BYTES >> 20} MiB here; upload pictures with POST /v1/uploads.")
    if len(body) < LARGE:
        see_that_it_is_a_message(body)
    else:
        await asyncio.to_thread(see_that_it_is_a_message, body)
    return Messages(mcp, body, Sent(priority=priority, key=idempotency_key))


def see_who_sent_it(connection: Connection, door: TheDoor) -> None:
    """Raises NotAuthenticated for a session's cookie; CrossSite for another web site's page (MCP, "Transports")."""
    if connection.headers.get("authorization") is None:
        raise NotAuthenticated("Tools are for keys: send `Authorization: Bearer <key>`.")
    # Apps of a desktop name origins of their own, which no page can have.
    if ALLOWED not in connection.scope and connection.headers.get("origin", "").lower().startswith(_PAGES):
        door.refuse_other_sites(connection)


def see_that_it_is_taken(connection: Connection) -> None:
    """Raises NotJson, NotAcceptable."""
    if connection.headers.get("content-type", "").partition(";")[0].strip().lower() != _JSON:
        raise NotJson("Send a message as application/json.")
    accepted = {each.partition(";")[0].strip().lower() for each in connection.headers.get("accept", "").split(",")}
    if "*/*" not in accepted and not (accepted & {_JSON, "application/*"} and accepted & {_STREAM, "text/*"}):
        raise NotAcceptable(f"Answers come in either of two forms; send `Accept: {_JSON}, {_STREAM}`.")


def see_that_it_is_a_message(body: bytes) -> None:
    """Raises NotAMessage; what is no JSON at all the SDK tells well."""
    try:
        _FRAMES.decode(body)
    except msgspec.ValidationError as error:
        told = "Send one message of JSON-RPC 2.0: an object with jsonrpc, method and params. Several come one by one."
        raise NotAMessage(told) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return


def mcp_router() -> Router:
    return Router(
        "/",
        route_handlers=[mcp_message],
        exception_handlers=HANDLERS,
        security=[{"BearerToken": []}],
        tags=["MCP"],
    )
