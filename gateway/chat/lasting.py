"""How long sessions last: until somebody deletes them, or as long as the operator says after the last message."""

from __future__ import annotations

from collections.abc import Callable, Collection

from sqlalchemy import delete, select, union
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.catalog.settings import Chat
from gateway.chat.tables import chat_sessions
from gateway.db import Database, across_teams, now

DAY = 86_400_000_000
"""Microseconds."""
_BATCH = 20
"""Sessions of one transaction; each has up to a thousand messages."""


class Lasting:
    """What `gateway.jobs.leftovers` asks of the rooms above it."""

    def __init__(self, db: Database, settings: Callable[[], Chat]) -> None:
        self._db = db
        self._settings = settings

    async def held(self, connection: AsyncConnection, image_ids: Collection[str]) -> set[str]:
        """Those of these images that sessions are about, or were opened with: as long as they stand, uploads stay."""
        columns = (chat_sessions.c.image_id, chat_sessions.c.gallery_image_id)
        # One search of an index for each; a single one with `or` would read the table.
        some = union(*(across_teams(select(column)).where(column.in_(image_ids)) for column in columns))
        return set((await connection.execute(some)).scalars())

    async def sweep(self) -> None:
        """Delete sessions in which nothing was said for as many days as are set, of all teams; pictures stay."""
        days = self._settings().days
        if not days:
            return
        lain = chat_sessions.c.updated_at < now() - days * DAY
        query = across_teams(select(chat_sessions.c.id)).where(lain).order_by(chat_sessions.c.updated_at).limit(_BATCH)
        while True:
            async with self._db.write() as connection:
                ids = list((await connection.execute(query)).scalars())
                # Asked again, for PostgreSQL: something may have been said between the two.
                await connection.execute(across_teams(delete(chat_sessions)).where(chat_sessions.c.id.in_(ids), lain))
            if not ids:
                return
