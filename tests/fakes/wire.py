"""Fakes on real sockets: an ASGI app behind uvicorn, and a line to it that can be cut."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext, suppress
from typing import Any

import uvicorn


@asynccontextmanager
async def serve(app: Any) -> AsyncIterator[str]:
    """Its address."""
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, lifespan="off", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    server.capture_signals = nullcontext  # type: ignore[method-assign, assignment]  # they are pytest's
    running = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.002)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = server.force_exit = True
        await running


class Line:
    """A line to `target` (host and port) that a test can cut: now, after so many bytes of an answer, or for good."""

    def __init__(self, target: str) -> None:
        self._target = target.removeprefix("http://").rpartition(":")[0], int(target.rpartition(":")[2])
        self._open: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self.url = ""
        self.cut_after: int | None = None
        """Bytes from the server that still pass, on the connections that begin from now on."""

    async def __aenter__(self) -> Line:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.down()

    async def down(self) -> None:
        """Nobody listens there any more."""
        if self._server:
            self._server.close()
        self.cut()
        await asyncio.sleep(0)

    async def up(self) -> None:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", self.port)

    def cut(self) -> None:
        """Every connection breaks."""
        for writer in list(self._open):
            writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        left = self.cut_after
        try:
            there, back = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        self._open |= {writer, back}
        try:
            await asyncio.gather(_pump(reader, back, None), _pump(there, writer, left))
        finally:
            for each in (writer, back):
                self._open.discard(each)
                each.transport.abort()


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter, most: int | None) -> None:
    with suppress(ConnectionError):
        while chunk := await source.read(65_536):
            if most is not None:
                chunk, most = chunk[:most], max(0, most - len(chunk))
            sink.write(chunk)
            await sink.drain()
            if most == 0:
                break
    sink.transport.abort() if most == 0 else sink.close()
