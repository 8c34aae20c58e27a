"""The official SDK's server, begun when it is first asked for; its requests come one by one and know nothing of each other.

Both eras of the protocol are served. Before 2026-07-28 a client begins with a handshake and is given a session; ours is
a name that it sends along and nothing more, so that a gateway that was started anew, or asked a week later, goes on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from litestar.types import Message, Receive, Scope, Send
from msgspec import Struct

from gateway.accounts import Principal
from gateway.api.priorities import Priority
from gateway.db import Database, new_id
from gateway.events import Bus
from gateway.jobs.cancel import cancel
from gateway.jobs.records import Job

if TYPE_CHECKING:
    from mcp.server.lowlevel import Server
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

log = logging.getLogger(__name__)
SENT = "darkroom.mcp_sent"
"""Where `Mcp.answer` puts what the headers say into the ASGI scope."""
_SESSION = b"mcp-session-id"
_VERSION = b"mcp-protocol-version"
_ENDLESS = 1 << 62
"""Bytes: how large a body may be was seen before."""


Abandon = Callable[[Principal, Job], None]


class Sent(Struct, frozen=True, kw_only=True):
    """What headers say that are ours."""

    priority: Priority | None = None
    key: str | None = None


class Mcp:
    """Close it when the gateway ends."""

    def __init__(self, db: Database, bus: Bus, make: Callable[[Abandon], Server[Any]]) -> None:
        """`make` is called in a thread, with what cancels a job that its caller does not want any more."""
        self._db = db
        self._bus = bus
        self._make = make
        self._ready: asyncio.Future[StreamableHTTPSessionManager] | None = None
        self._serving: asyncio.Task[None] | None = None
        self._ending = asyncio.Event()
        self._behind: set[asyncio.Task[Job]] = set()

    async def answer(self, scope: Scope, body: bytes, receive: Receive, send: Send, sent: Sent) -> None:
        """Answer a POST of one message, whose body was read; `scope["user"]` is who asks."""
        scope[SENT] = sent  # type: ignore[literal-required]
        unread = [body]

        async def receive_again() -> Any:
            if unread:
                return {"type": "http.request", "body": unread.pop(), "more_body": False}
            return await receive()

        manager = await self._manager()
        await manager.handle_request(scope, receive_again, _naming_the_session(scope, send))  # type: ignore[arg-type]

    async def close(self) -> None:
        """Ends what is being answered; jobs go on."""
        self._ending.set()
        if self._serving is not None:
            await self._serving
        await asyncio.gather(*self._behind, return_exceptions=True)

    def abandon(self, principal: Principal, job: Job) -> None:
        """Cancel a job, behind the one who asks; not because the gateway ends."""
        if self._ending.is_set():
            return
        task = asyncio.create_task(cancel(self._db, self._bus, principal, job.id), name="mcp cancel")
        self._behind.add(task)
        task.add_done_callback(self._canceled)

    def _canceled(self, task: asyncio.Task[Job]) -> None:
        self._behind.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("a job that its caller canceled could not be", exc_info=error)

    async def _manager(self) -> StreamableHTTPSessionManager:
        if self._ready is None:
            self._ready = asyncio.get_running_loop().create_future()
            self._serving = asyncio.create_task(self._serve(self._ready), name="mcp")
        # One who leaves meanwhile must not take the server away from the others.
        return await asyncio.shield(self._ready)

    async def _serve(self, ready: asyncio.Future[StreamableHTTPSessionManager]) -> None:
        """All of it in one task, as the SDK's task group needs it."""
        try:
            manager = await asyncio.to_thread(self._made)
            async with manager.run():
                ready.set_result(manager)
                await self._ending.wait()
        except Exception as error:
            log.exception("the MCP server could not be begun")
            if not ready.done():
                ready.set_exception(error)

    def _made(self) -> StreamableHTTPSessionManager:
        """In a thread: the SDK takes a second to import."""
        from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

        # It tells of the beginning and the end of each request; that is in the gateway's own log.
        logging.getLogger("mcp").setLevel(logging.WARNING)
        return StreamableHTTPSessionManager(self._make(self.abandon), stateless=True, max_request_body_size=_ENDLESS)


def _naming_the_session(scope: Scope, send: Send) -> Send:
    """Of what has neither a session nor a revision: a handshake, or nothing that would mind."""
    said = {name for name, _ in scope["headers"]}
    if _SESSION in said or _VERSION in said:
        return send

    async def send_named(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == 200:
            message["headers"] = [*message.get("headers", ()), (_SESSION, new_id().encode())]
        await send(message)

    return send_named
