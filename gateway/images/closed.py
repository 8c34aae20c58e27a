"""Pictures whose signed addresses open no longer: those in the trash, and those that were deleted for good.

An address is checked without the database, so what is denied stands in memory: it is changed with each commit that
trashes, restores or purges, and read anew at the start and every hour. Where there are more than is worth the memory,
the database is asked instead, and its answers are remembered for half a minute.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db import Database, across_teams, insert_ignore, now
from gateway.errors import NotFound
from gateway.images.image import DAY, Image
from gateway.images.tables import images, purged_images

MOST = 100_000
"""Ids in memory, some 130 bytes each."""
SECONDS = 30.0
"""That an answer of the database is believed."""
REMEMBERED = 4096
TRASH_SECONDS = 3600
"""That an address of a picture in the trash opens."""
SECOND = 1_000_000


class Closed:
    """Call `rebuild` at the start. `days` is how long addresses open that are handed out now; their end is rounded up."""

    def __init__(self, db: Database, days: Callable[[], int]) -> None:
        self._db = db
        self._days = days
        self._ids: set[str] = set()
        self._asks = False
        self._since: list[tuple[bool, str]] | None = None
        """What was closed and opened while the database is being read."""
        self._known: OrderedDict[str, tuple[float, bool]] = OrderedDict()

    async def rebuild(self) -> None:
        """Read what is denied, and forget what was purged so long ago that no address of it is left."""
        since: list[tuple[bool, str]] = []
        self._since = since
        async with self._db.write() as connection:
            await connection.execute(delete(purged_images).where(purged_images.c.until <= now()))
            trashed = across_teams(select(images.c.id)).where(images.c.deleted_at.is_not(None)).limit(MOST + 1)
            ids = set((await connection.execute(trashed)).scalars())
            ids.update((await connection.execute(select(purged_images.c.image_id).limit(MOST + 1))).scalars())
        self._since = None
        for closed, each in since:
            (ids.add if closed else ids.discard)(each)
        self._set(ids)

    async def note_purged(self, connection: AsyncConnection, several: Iterable[Image]) -> None:
        """Remember, in the transaction that deletes them, those of which an address may still open."""
        life, least = (self._days() + 1) * DAY, now() + 2 * TRASH_SECONDS * SECOND
        rows = [{"image_id": each.id, "until": max((each.deleted_at or now()) + life, least)} for each in several]
        if rows:
            await insert_ignore(connection, purged_images, rows)

    def close(self, ids: Iterable[str]) -> None:
        """They went to the trash, or for good; that is committed."""
        for each in ids:
            self._known.pop(each, None)
            self._ids.add(each)
            self._note(each, closed=True)
        if len(self._ids) > MOST:
            self._set(self._ids)

    def open(self, ids: Iterable[str]) -> None:
        """They are out of the trash again; that is committed."""
        for each in ids:
            self._known.pop(each, None)
            self._ids.discard(each)
            self._note(each, closed=False)

    def may_be(self, image_id: str) -> bool:
        """False: its addresses open. True: ask `require`."""
        return image_id in self._ids or self._asks

    async def require(self, image_id: str) -> None:
        """Raises NotFound for a picture whose addresses do not open."""
        if image_id in self._ids or (self._asks and not await self._is_shown(image_id)):
            raise NotFound("This picture was deleted.")

    async def require_kept(self, image_id: str) -> None:
        """The same for an address of the trash, which opens as long as the picture is there at all."""
        async with self._db.read() as connection:
            if (await connection.execute(across_teams(select(images.c.id)).where(images.c.id == image_id))).first() is None:
                raise NotFound("This picture was deleted for good.")

    def _note(self, image_id: str, *, closed: bool) -> None:
        if self._since is not None:
            self._since.append((closed, image_id))

    def _set(self, ids: set[str]) -> None:
        self._asks = len(ids) > MOST
        self._ids = set() if self._asks else ids
        self._known.clear()

    async def _is_shown(self, image_id: str) -> bool:
        until, shown = self._known.get(image_id, (0.0, False))
        if until <= time.monotonic():
            query = across_teams(select(images.c.id)).where(images.c.id == image_id, images.c.deleted_at.is_(None))
            async with self._db.read() as connection:
                shown = (await connection.execute(query)).first() is not None
            self._known[image_id] = time.monotonic() + SECONDS, shown
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return shown
