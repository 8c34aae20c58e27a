"""What nothing uses any more: uploads that nobody saved, and blobs that no image names."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from itertools import chain

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.catalog import Settings
from gateway.db import Database
from gateway.errors import StorageUnavailable
from gateway.images import uploads
from gateway.jobs import records
from gateway.storage import BlobStore, ledger

log = logging.getLogger(__name__)
FIRST_SECONDS, EVERY_SECONDS = 60.0, 3600.0
"""A start has other things to do."""


async def keep_swept(db: Database, store: BlobStore, settings: Callable[[], Settings]) -> None:
    """Sweep every hour, until canceled; what cannot be done now is done at the next one."""
    await asyncio.sleep(FIRST_SECONDS)
    while True:
        try:
            went = await sweep_uploads(db, settings().uploads.days)
            blobs = await ledger.sweep(db, store, uploads.referenced())
            if went or blobs:
                log.info("swept %d uploads that nobody used, %d blobs", went, blobs)
        except (StorageUnavailable, SQLAlchemyError) as error:
            log.warning("what nothing uses any more could not be swept: %s", error)
        await asyncio.sleep(EVERY_SECONDS)


async def sweep_uploads(db: Database, days: int) -> int:
    """Delete unsaved uploads that were not used for so many days: by no request, no job that is not finished, no variant.

    Returns how many went. Their blobs go by `ledger.sweep`.
    """
    went, after = 0, uploads.FIRST
    while True:
        async with db.read() as connection:
            found = await uploads.old(connection, days, after=after)
        if not found:
            return went
        after = found[-1]
        async with db.write() as connection:
            held = await _held(connection)
            went += await uploads.remove(connection, [each.id for each in found if each.id not in held], days)


async def _held(connection: AsyncConnection) -> set[str]:
    """The images that jobs which are not finished work on."""
    jobs = chain(await records.live(connection, "queued"), await records.live(connection, "running"))
    requests = [job.request for job in jobs]
    pictures = chain.from_iterable((*request.pictures, request.mask) for request in requests)
    return {picture.image for picture in pictures if picture is not None and picture.image is not None}
