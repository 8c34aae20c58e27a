"""Server-sent events (WHATWG HTML, section 9.2) over plain ASGI: cleaned up when the client goes, ended by us at the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Mapping
from contextlib import aclosing
from typing import Any, TypeVar

import msgspec
from litestar import Response
from litestar.types import Receive, Scope, Send

from gateway.errors import NotAccepting

KEEP_ALIVE_SECONDS = 15.0
"""Below the 30 to 60 s after which proxies cut a silent connection."""
KEEP_ALIVE = b": still here\n\n"
_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]

Frames = AsyncGenerator[bytes, None]
_T = TypeVar("_T")


def frame(event: str, data: Any, version: int | None = None) -> bytes:
    """One event; `version` becomes its id."""
    head = f"event: {event}\n" if version is None else f"event: {event}\nid: {version}\n"
    return head.encode() + b"data: " + msgspec.json.encode(data) + b"\n\n"


class Streams:
    """The open streams of this gateway, so that its end need not wait for clients that never leave."""

    def __init__(self) -> None:
        self._writers: set[asyncio.Future[Any]] = set()
        self.ending = False
        """Streams are cut because the gateway stops, and not because their clients left."""

    def __len__(self) -> int:
        return len(self._writers)

    def end(self) -> None:
        """End every open stream; their clients come back to whoever answers next."""
        self.ending = True
        for writer in self._writers:
            writer.cancel()

    async def hold(self, work: Coroutine[Any, Any, _T]) -> _T:
        """The result of `work`, which a client waits for. Raises NotAccepting where `end` comes first."""
        waiter = asyncio.ensure_future(work)
        self._add(waiter)
        try:
            await asyncio.wait((waiter,))
        finally:
            self._writers.discard(waiter)
            waiter.cancel()
        if waiter.cancelled():
            raise NotAccepting("The gateway is ending; what was accepted goes on when it is back. Try again then.")
        return waiter.result()

    async def run(self, frames: Frames, receive: Receive, send: Send) -> None:
        """Send frames until there are none, the client has left, or `end` was called."""
        writer = asyncio.ensure_future(_write(frames, send))
        leaver = asyncio.ensure_future(_left(receive))
        self._add(writer)
        try:
            await asyncio.wait((writer, leaver), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._writers.discard(writer)
            leaver.cancel()
            writer.cancel()
            # Both are ours alone: the frames' own clean-up has run when this returns.
            await asyncio.gather(writer, leaver, return_exceptions=True)
        if not writer.cancelled() and (error := writer.exception()):
            raise error
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _add(self, writer: asyncio.Future[Any]) -> None:
        """One that comes after `end`, on a connection that is still open, ends at once too."""
        self._writers.add(writer)
        if self.ending:
            writer.cancel()


class EventStream(Response[None]):
    """What a handler returns for a stream; `frames` is begun only when the answer is sent."""

    def __init__(self, frames: Frames, streams: Streams, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(None, media_type="text/event-stream")
        self._more = [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]
        self._frames = frames
        self._streams = streams

    def to_asgi_response(self, *_: Any, is_head_response: bool = False, **__: Any) -> Any:
        async def respond(_scope: Scope, receive: Receive, send: Send) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": [*_HEADERS, *self._more]})
            await self._streams.run(self._frames, receive, send)

        return respond


async def _write(frames: Frames, send: Send) -> None:
    async with aclosing(frames):
        async for each in frames:
            await send({"type": "http.response.body", "body": each, "more_body": True})


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
