"""What nothing uses any more: uploads that nobody saved, what has lain in the trash, and blobs that no image names."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from typing import Protocol

from sqlalchemy import ColumnElement, or_
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.catalog import Settings
from gateway.db import Database
from gateway.errors import StorageUnavailable
from gateway.images import records, uploads
from gateway.images.closed import Closed
from gateway.images.trash import Trash
from gateway.jobs import inputs
from gateway.jobs.exports import Exports
from gateway.sharing import links
from gateway.storage import BlobStore, ledger
from gateway.storage.objects import remove_stale

log = logging.getLogger(__name__)
Held = Callable[[AsyncConnection, Collection[str]], Awaitable[set[str]]]
FIRST_SECONDS, EVERY_SECONDS = 60.0, 3600.0
"""A start has other things to do."""


class Others(Protocol):
    """A room above this one, which knows of pictures too."""

    async def held(self, connection: AsyncConnection, image_ids: Collection[str]) -> set[str]:
        """Those of these uploads that it still needs."""

    async def sweep(self) -> None:
        """Take away what is old of its own."""


class Leftovers:
    """Takes them away, every hour."""

    def __init__(
        self,
        db: Database,
        store: BlobStore,
        settings: Callable[[], Settings],
        trash: Trash,
        closed: Closed,
        exports: Exports,
        *others: Others,
    ) -> None:
        self._db = db
        self._store = store
        self._settings = settings
        self._trash = trash
        self._closed = closed
        self._exports = exports
        self._others = others

    async def keep_swept(self) -> None:
        """Until canceled; what cannot be done now is done an hour later."""
        await self._try(self._mend)
        await asyncio.sleep(FIRST_SECONDS)
        while True:
            await self._try(self.sweep)
            await asyncio.sleep(EVERY_SECONDS)

    async def sweep(self) -> None:
        """All of it, once."""
        settings = self._settings()
        for each in self._others:
            await each.sweep()
        unused = await sweep_uploads(self._db, settings.uploads.days, *(each.held for each in self._others))
        trashed = await self._trash.sweep(settings.gallery.trash_days)
        await self._closed.rebuild()
        await self._exports.sweep()
        stale = await remove_stale(self._store)
        gone = await sweep_blobs(self._db, self._store)
        if unused or trashed or gone or stale:
            log.info(
                "swept %d uploads that nobody used, %d pictures from the trash, %d blobs, %d half-written files",
                *(unused, trashed, gone, stale),
            )

    async def _mend(self) -> None:
        """What the last end left half done, at once: a writer may wait for it."""
        await ledger.finish(self._db, self._store)
        await inputs.catch_up(self._db)

    async def _try(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except (StorageUnavailable, SQLAlchemyError) as error:
            log.warning("what nothing uses any more could not be swept: %s", error)


async def sweep_blobs(db: Database, store: BlobStore, *, untouched: int = ledger.UNTOUCHED) -> int:
    """Delete the blobs that no image needs, no link and no job that is not finished; how many went."""
    return await ledger.sweep(db, store, needed(), untouched=untouched)


def needed() -> ColumnElement[bool]:
    """Whether somebody refers to a blob."""
    return or_(uploads.referenced(), inputs.referenced(), links.referenced())


async def sweep_uploads(db: Database, days: int, *also_held: Held) -> int:
    """Delete unsaved uploads that were not used for so many days: by no request, no job that is not finished, no variant.

    `also_held` say which of them others need. Returns how many went. Their blobs go by `sweep_blobs`.
    """
    went, after = 0, uploads.FIRST
    while True:
        async with db.read() as connection:
            found = await uploads.old(connection, days, after=after)
        if not found:
            return went
        after = found[-1]
        async with db.write() as connection:
            # Locked first, then asked: a job that took one of them before is seen, one that comes now finds it gone.
            old = await uploads.take(connection, [each.id for each in found], days)
            ids = [each.id for each in old]
            held = set().union(*[await some(connection, ids) for some in (inputs.held, *also_held)])
            going = [each for each in old if each.id not in held]
            await records.purge(connection, going)
            went += len(going)
