"""A line to a server that breaks when a test says so: every connection, or the server as a whole for a while."""

from __future__ import annotations

import asyncio
from contextlib import suppress

PIECE = 16_384


class Line:
    """Use it as a context; `url` stays the same over `down` and `up`."""

    def __init__(self, target: str) -> None:
        host, _, port = target.removeprefix("http://").partition(":")
        self._target = host, int(port)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Line:
        await self.up()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.down()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0)

    async def up(self) -> None:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", self.port, reuse_address=True)
        self.port = self._server.sockets[0].getsockname()[1]

    async def down(self) -> None:
        """Connections break, and nobody takes new ones."""
        if self._server:
            self._server.close()
        self.cut()
        await asyncio.sleep(0)

    def cut(self) -> None:
        for writer in list(self._open):
            writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            there, onwards = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        self._open |= {writer, onwards}
        try:
            with suppress(asyncio.CancelledError):
                await asyncio.gather(_pour(reader, onwards), _pour(there, writer))
        finally:
            for each in (writer, onwards):
                self._open.discard(each)
                each.transport.abort()


async def _pour(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError, RuntimeError):
        while piece := await source.read(PIECE):
            sink.write(piece)
            await sink.drain()
    sink.transport.abort() if source.exception() else sink.close()
