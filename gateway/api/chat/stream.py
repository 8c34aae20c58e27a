"""An answer as server-sent events: `message`, what was said; `delta` and `tool` as they come; `done`, the whole."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator

from gateway.api.chat import wire
from gateway.api.links import Links
from gateway.api.streams import KEEP_ALIVE, KEEP_ALIVE_SECONDS, frame
from gateway.chat.answering import Piece
from gateway.chat.records import Exchange
from gateway.db import Database


async def frames(db: Database, links: Links, pieces: AsyncIterator[Exchange | Piece]) -> AsyncGenerator[bytes, None]:
    """The first exchange begins the stream, the next ends it."""
    kind = "message"
    async for piece in _or_keep_alive(pieces):
        if piece is None:
            yield KEEP_ALIVE
        elif isinstance(piece, Exchange):
            async with db.read() as connection:
                yield frame(kind, await wire.exchange(connection, links, piece))
            kind = "done"
        elif piece.tool is not None:
            yield frame("tool", wire.tool(piece.tool))
        else:
            yield frame("delta", {"text": piece.text})


async def _or_keep_alive(pieces: AsyncIterator[Exchange | Piece]) -> AsyncGenerator[Exchange | Piece | None, None]:
    """The pieces, and None whenever none has come for a while."""
    coming = asyncio.ensure_future(anext(pieces, None))
    try:
        while True:
            await asyncio.wait((coming,), timeout=KEEP_ALIVE_SECONDS)
            if not coming.done():
                yield None
                continue
            if (piece := coming.result()) is None:
                return
            yield piece
            coming = asyncio.ensure_future(anext(pieces, None))
    finally:
        coming.cancel()
