"""Pictures whose bytes are gone: said so, and taken back when the bytes are there again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db import Database, across_teams, now
from gateway.errors import InvalidInput, NotFound
from gateway.images.tables import images
from gateway.storage import BlobStore, keep, ledger
from gateway.storage.reading import LARGEST_KEPT

_BATCH = 500


async def pictures(connection: AsyncConnection, hashes: Sequence[str]) -> list[str]:
    """The ids of those whose own bytes these are."""
    return await _ids(connection, images.c.blob.in_, hashes)


async def mark(db: Database, hashes: Sequence[str]) -> int:
    """Say of every picture with these bytes that they are gone; of how many that is new."""
    marked = 0
    for part in _parts(hashes):
        change = across_teams(update(images)).where(images.c.blob.in_(part), images.c.lost_at.is_(None))
        async with db.write() as connection:
            marked += (await connection.execute(change.values(lost_at=now()))).rowcount
    return marked


async def find_again(db: Database, store: BlobStore) -> int:
    """Take it back of those whose bytes are there again, as after a backup was restored; of how many."""
    found, after = 0, ""
    query = across_teams(select(images.c.id, images.c.blob, images.c.bytes)).where(images.c.lost_at.is_not(None))
    while True:
        async with db.read() as connection:
            some = list(await connection.execute(query.where(images.c.id > after).order_by(images.c.id).limit(_BATCH)))
        if not some:
            return found
        after = some[-1].id
        back = [row.id for row in some if await _is_there(store, row.blob, row.bytes)]
        async with db.write() as connection:
            await connection.execute(across_teams(update(images)).where(images.c.id.in_(back)).values(lost_at=None))
        found += len(back)


async def drop_copies(db: Database, hashes: Sequence[str]) -> int:
    """Forget the copies for the public gallery that these were, so that they are made anew; of how many pictures."""
    dropped = 0
    for part in _parts(hashes):
        change = across_teams(update(images)).where(images.c.public_blob.in_(part)).values(public_blob=None)
        async with db.write() as connection:
            dropped += (await connection.execute(change)).rowcount
    return dropped


async def make_thumbnails(db: Database, store: BlobStore, hashes: Sequence[str]) -> int:
    """Make those thumbnails anew that these were, where the picture itself can be read; of how many pictures."""

    def either(part: Sequence[str]) -> ColumnElement[bool]:
        return or_(images.c.thumbnail_256.in_(part), images.c.thumbnail_768.in_(part))

    async with db.read() as connection:
        wanted = await _ids(connection, either, hashes)
    return sum([await _make(db, store, image_id) for image_id in wanted])


async def _make(db: Database, store: BlobStore, image_id: str) -> bool:
    query = across_teams(select(images.c.blob)).where(images.c.id == image_id)
    async with db.read() as connection:
        blob = (await connection.execute(query)).scalar()
    try:
        data = await store.get(blob or "")
        made = await asyncio.to_thread(keep, data, largest_pixels=LARGEST_KEPT)
    except (InvalidInput, NotFound):
        return False
    refs = await ledger.keep(db, store, *made.thumbnails.values())
    kept = dict(zip(made.thumbnails, (ref.hash for ref in refs), strict=True))
    values = {"thumbnail_256": kept[256], "thumbnail_768": kept.get(768), "thumbhash": made.thumbhash}
    async with db.write() as connection:
        await ledger.hold(connection, kept.values())
        await connection.execute(across_teams(update(images)).where(images.c.id == image_id).values(values))
    return True


async def _is_there(store: BlobStore, blob: str, length: int) -> bool:
    try:
        return await store.size(blob) == length
    except NotFound:
        return False


async def _ids(
    connection: AsyncConnection, of: Callable[[Sequence[str]], ColumnElement[bool]], hashes: Sequence[str]
) -> list[str]:
    found: list[str] = []
    for part in _parts(hashes):
        found += (await connection.execute(across_teams(select(images.c.id)).where(of(part)))).scalars()
    return found


def _parts(hashes: Sequence[str]) -> Iterator[Sequence[str]]:
    yield from (hashes[start : start + _BATCH] for start in range(0, len(hashes), _BATCH))
