"""ASGI apps on real ports of this machine, and a proxy before them that has the faults of networks."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from msgspec import Struct

PIECE = 4096


@asynccontextmanager
async def served(app: Any, *, sockets: bool = False) -> AsyncIterator[str]:
    """The address of the app, such as http://127.0.0.1:41234, for as long as the block lasts; `sockets`: websockets too."""
    ws: Any = "websockets-sansio" if sockets else "none"
    config = uvicorn.Config(app, port=0, log_config=None, lifespan="off", ws=ws, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    server.capture_signals = contextlib.nullcontext  # type: ignore[assignment,method-assign]
    task = asyncio.create_task(server.serve())
    try:
        while not server.started:
            if task.done():
                task.result()
            await asyncio.sleep(0.005)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        # Its own way to an end sleeps twice for a tenth of a second, which hundreds of tests would wait for.
        work = [task, *server.server_state.tasks]
        for each in work:
            each.cancel()
        await asyncio.gather(*work, return_exceptions=True)
        for listener in server.servers:
            listener.close()
        for connection in list(server.server_state.connections):
            connection.transport.abort()  # type: ignore[union-attr]
        await asyncio.sleep(0)  # transports close at the loop's next turn


class Fault(Struct, frozen=True, kw_only=True):
    """What happens to one connection, or to each."""

    refuse: bool = False
    """Closed before anything is read."""
    swallow: bool = False
    """The request goes to the server, and nothing of its answer comes back: the connection is cut."""
    hang: bool = False
    """The request is read, goes nowhere, and nothing comes."""
    cut_after: int | None = None
    """Bytes of the answer; then the connection is cut."""
    delay: float = 0.0
    """Seconds before each piece of the answer."""
    answer: bytes | None = None
    """Instead of the server's, once the request's head has come."""


def http(status: int, body: bytes = b"", kind: str = "application/json", **headers: str) -> bytes:
    """A whole answer for `Fault.answer`; `retry_after="3"` is the header Retry-After."""
    lines = [f"HTTP/1.1 {status} Scripted", f"Content-Type: {kind}", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Proxy:
    """Stands before a server; `faults` has one for each connection to come, `always` is for those beyond."""

    def __init__(self, target: str) -> None:
        host, _, port = target.removeprefix("http://").partition(":")
        self._target = host, int(port)
        self.faults: list[Fault] = []
        self.always = Fault()
        self.connections = 0
        self.requests: list[bytes] = []
        """What each connection sent first: the head of its request, and maybe some of its body."""
        self.url = ""
        self._tasks: set[asyncio.Task[Any]] = set()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Proxy]:
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.close()
            await self.hang_up()

    async def hang_up(self) -> None:
        """Ends the connections that are open: whoever comes next opens one, and gets the next fault."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0)  # transports close at the loop's next turn

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self.connections += 1
        fault = self.faults.pop(0) if self.faults else self.always
        try:
            if not fault.refuse:
                await self._through(reader, writer, fault)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # asyncio's streams log a conversation that was canceled as an error of theirs
        finally:
            writer.transport.abort()

    async def _through(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, fault: Fault) -> None:
        first = await reader.read(PIECE)
        self.requests.append(first)
        if fault.answer is not None:
            writer.write(fault.answer)
            await writer.drain()
            await asyncio.sleep(0.05)  # or the abort could overtake it
            return
        if fault.hang:
            await asyncio.sleep(3600)
        upstream, onwards = await asyncio.open_connection(*self._target)
        onwards.write(first)
        up = asyncio.create_task(_pour(reader, onwards))
        try:
            await self._back(upstream, writer, fault)
        finally:
            up.cancel()
            await asyncio.gather(up, return_exceptions=True)
            onwards.transport.abort()

    async def _back(self, upstream: asyncio.StreamReader, writer: asyncio.StreamWriter, fault: Fault) -> None:
        left = fault.cut_after
        while piece := await upstream.read(PIECE):
            if fault.swallow:
                return
            await asyncio.sleep(fault.delay)
            if left is not None:
                piece, left = piece[:left], left - len(piece[:left])
            writer.write(piece)
            await writer.drain()
            if left == 0:
                await asyncio.sleep(0.02)
                return


async def _pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while piece := await reader.read(PIECE):
            writer.write(piece)
            await writer.drain()
