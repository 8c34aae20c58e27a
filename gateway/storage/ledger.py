"""The ledger of blobs: a row is touched before its bytes are written, so that the sweep and a writer never cross.

The sweep takes rows that nothing refers to and nobody touched for a while, marks them `deleting`, deletes the objects,
then the rows. A writer that meets `deleting` waits until the row is gone and begins anew. A crash anywhere leaves
either a row without bytes, which the sweep takes in time, or a row in `deleting`, which the next sweep finishes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db import Database, across_teams, now, upsert
from gateway.errors import StorageUnavailable
from gateway.storage.blobs import BlobRef, BlobStore, content_hash
from gateway.storage.tables import DELETING, LIVE, blobs

UNTOUCHED = 3_600_000_000
"""Microseconds (an hour) that a row must lie before the sweep takes it: far longer than from touch to image row."""
_WAIT_SECONDS = 30.0
_POLL_SECONDS = 0.02
_BATCH = 500


async def keep(db: Database, store: BlobStore, *contents: bytes) -> list[BlobRef]:
    """Touch the rows, then write the bytes; when this returns they are durable and safe from the sweep for an hour.

    Call it outside of transactions. Raises StorageFull, StorageUnavailable.
    """
    refs = [BlobRef(await asyncio.to_thread(content_hash, data), len(data)) for data in contents]
    await _touch_all(db, refs)
    await asyncio.gather(*(store.put(data, ref.hash) for data, ref in zip(contents, refs, strict=True)))
    return refs


async def touch(connection: AsyncConnection, hash: str, bytes: int) -> bool:
    """Say that this blob is about to be written, or used again.

    False: it is being deleted and was not touched; commit, wait and touch it again before you write. `keep` does so.
    """
    row = {"hash": hash, "bytes": bytes, "state": LIVE, "touched_at": now()}
    return await upsert(connection, blobs, row, setting=["touched_at"], where=blobs.c.state == LIVE) == 1


async def sweep(db: Database, store: BlobStore, referenced: ColumnElement[bool], *, untouched: int = UNTOUCHED) -> int:
    """Delete what nothing refers to; returns how many blobs went.

    `referenced` is an `exists(...)` correlated with `blobs`: whoever keeps references says how they are found.
    """
    gone = await _finish(db, store)
    limit = now() - untouched
    takeable = (blobs.c.state == LIVE, blobs.c.touched_at < limit, ~referenced)
    after = ""
    while True:
        async with db.read() as connection:
            query = select(blobs.c.hash).where(blobs.c.hash > after, *takeable).order_by(blobs.c.hash).limit(_BATCH)
            found = list((await connection.execute(across_teams(query))).scalars())
        if not found:
            return gone
        after = found[-1]
        async with db.write() as connection:
            # Asked again: what was touched or referred to since the reading stays.
            mark = update(blobs).where(blobs.c.hash.in_(found), *takeable).values(state=DELETING)
            await connection.execute(across_teams(mark))
        gone += await _finish(db, store)


async def _finish(db: Database, store: BlobStore) -> int:
    """Delete what is marked, the objects before their rows; files that were imported in place stay."""
    gone = 0
    while True:
        async with db.read() as connection:
            query = select(blobs.c.hash, blobs.c.path).where(blobs.c.state == DELETING).limit(_BATCH)
            marked = list(await connection.execute(query))
        if not marked:
            return gone
        for hash, path in marked:
            if path is None:
                await store.delete(hash)
        async with db.write() as connection:
            hashes = [hash for hash, _ in marked]
            await connection.execute(delete(blobs).where(blobs.c.hash.in_(hashes), blobs.c.state == DELETING))
        gone += len(marked)


async def _touch_all(db: Database, refs: Iterable[BlobRef]) -> None:
    # One order for all: two writers of the same blobs never wait for each other's rows in a circle (PostgreSQL).
    left = sorted(set(refs), key=lambda ref: ref.hash)
    waited = 0.0
    while True:
        async with db.write() as connection:
            left = [ref for ref in left if not await touch(connection, ref.hash, ref.bytes)]
        if not left:
            return
        if waited >= _WAIT_SECONDS:
            raise StorageUnavailable("The same picture is being deleted and that does not end; try again later.")
        await asyncio.sleep(_POLL_SECONDS)
        waited += _POLL_SECONDS
