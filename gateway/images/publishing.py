"""The public gallery, which is over all teams: what goes there, what is there, and the copies that everyone gets.

A copy has the same pixels and the same marks as the picture, and nothing of the prompt, the place or the camera (see
`storage.public`). It is a blob of its own, made when the picture is published and let go when it is taken back.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from typing import NamedTuple

from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db import Database, across_teams, now
from gateway.errors import DarkroomError, NotFound, StorageUnavailable, WrongState
from gateway.images import records
from gateway.images.image import Image
from gateway.images.tables import images
from gateway.storage import BlobStore, ledger
from gateway.storage.public import declared, public_copy

log = logging.getLogger(__name__)
PUBLISHED = and_(images.c.published_at.is_not(None), images.c.deleted_at.is_(None))
PUBLIC = and_(PUBLISHED, images.c.public_blob.is_not(None))
_BATCH = 100


class Copy(NamedTuple):
    """A copy without private data."""

    blob: str
    source_type: str | None
    """The IPTC digital source type that the picture declares."""


async def copy_of(db: Database, store: BlobStore, image: Image) -> Copy:
    """Make one; it is safe from the sweep for an hour, and then as long as a row names it.

    Raises NotFound, WrongState for a picture whose file is lost, InvalidInput for one that cannot be cleaned,
    StorageUnavailable.
    """
    if image.lost_at is not None:
        raise WrongState(f"The file of image {image.id} is lost: only what is known of it is left, and nothing to show.")
    data = await store.get(image.blob)
    copy = await asyncio.to_thread(public_copy, data, image.media_type)
    (kept,) = await ledger.keep(db, store, copy)
    return Copy(kept.hash, await asyncio.to_thread(declared, data, image.media_type))


async def publish(db: Database, store: BlobStore, team_id: str, image_id: str) -> Image:
    """Put a picture into the public gallery. Raises as `copy_of`, and WrongState for one that cannot go there."""
    async with db.read() as connection:
        image = _may_go(await records.get(connection, team_id, image_id))
    if image.published_at is not None and image.public_blob is not None:
        return image
    copy = await copy_of(db, store, image)
    async with db.write() as connection:
        image = _may_go(await records.get(connection, team_id, image_id))
        (changed,) = await records.alter(connection, [image], published_at=image.published_at or now(), public_blob=copy.blob)
    return changed


async def set_public(db: Database, store: BlobStore, team_id: str, image_id: str, *, public: bool) -> None:
    """`publish`, or `withdraw`."""
    if public:
        await publish(db, store, team_id, image_id)
        return
    async with db.write() as connection:
        await withdraw(connection, team_id, image_id)


async def withdraw(connection: AsyncConnection, team_id: str, image_id: str) -> Image:
    """Take a picture of the team's out of the public gallery, or leave it outside. Raises NotFound."""
    image = await records.get(connection, team_id, image_id)
    (changed,) = await records.alter(connection, [image], published_at=None, public_blob=None)
    return changed


async def unpublish(connection: AsyncConnection, image_id: str) -> Image:
    """Take any team's picture out of the public gallery: for administrators. Raises NotFound for one that is not there."""
    query = across_teams(select(images)).where(images.c.id == image_id, images.c.published_at.is_not(None))
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise NotFound(f"There is no image {image_id} in the public gallery.")
    (changed,) = await records.alter(connection, [records.from_row(row)], published_at=None, public_blob=None)
    return changed


async def public(connection: AsyncConnection, *, limit: int, before: str | None = None) -> list[Image]:
    """What all teams published, the last made first, those before the id `before`."""
    query = across_teams(select(images)).where(PUBLIC).order_by(images.c.id.desc()).limit(limit)
    if before:
        query = query.where(images.c.id < before)
    return [records.from_row(row) for row in await connection.execute(query)]


async def catch_up(db: Database, store: BlobStore) -> None:
    """Make the copies of pictures that were published before there were any; until then nobody sees those.

    One that cannot be cleaned is taken back. What stops it is logged; the next start goes on.
    """
    before = "~"  # which no id comes after
    query = across_teams(select(images)).where(PUBLISHED, images.c.public_blob.is_(None)).order_by(images.c.id.desc())
    try:
        while True:
            async with db.read() as connection:
                found = await connection.execute(query.where(images.c.id < before).limit(_BATCH))
                lacking = [records.from_row(row) for row in found]
            if not lacking:
                return
            for image in lacking:
                await _catch_up_with(db, store, image)
            before = lacking[-1].id
    except StorageUnavailable as error:
        log.warning("not all published pictures are shown yet: %s", error.message)


async def _catch_up_with(db: Database, store: BlobStore, image: Image) -> None:
    try:
        await publish(db, store, image.team_id, image.id)
    except StorageUnavailable:
        raise
    except DarkroomError as error:
        log.warning("image %s is in the public gallery no more: %s", image.id, error.message)
        async with db.write() as connection:
            await withdraw(connection, image.team_id, image.id)


def _may_go(image: Image) -> Image:
    if image.deleted_at is not None or not image.saved:
        raise WrongState("A picture in the trash, or an upload that is not saved, cannot be published.", field="isPublic")
    return image


class Published:
    """Which bytes of pictures are public, remembered for a little while: a public page asks for a hundred at once."""

    SECONDS = 30.0
    MOST = 4096

    def __init__(self, db: Database) -> None:
        self._db = db
        self._known: OrderedDict[str, tuple[float, frozenset[str]]] = OrderedDict()

    async def require(self, image_id: str, blob: str) -> None:
        """Raises NotFound for what is not public; `SECONDS` late where nobody said `forget`."""
        until, blobs = self._known.get(image_id, (0.0, frozenset[str]()))
        if until <= time.monotonic():
            columns = (images.c.public_blob, images.c.thumbnail_256, images.c.thumbnail_768)
            async with self._db.read() as connection:
                query = across_teams(select(*columns)).where(images.c.id == image_id, PUBLIC)
                row = (await connection.execute(query)).one_or_none()
            blobs = frozenset(row or ())
            self._known[image_id] = time.monotonic() + self.SECONDS, blobs
            while len(self._known) > self.MOST:
                self._known.popitem(last=False)
        if blob not in blobs:
            raise NotFound("This picture is not public any more.")

    def forget(self, image_id: str) -> None:
        """It was put there or taken out: ask anew."""
        self._known.pop(image_id, None)
