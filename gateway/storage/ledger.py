"""The ledger of blobs: a row is touched before its bytes are written, so that the sweep and a writer never cross.

The sweep takes rows that nothing refers to and nobody touched for a while, marks them `deleting`, deletes the objects,
then the rows. A writer that meets `deleting` waits until the row is gone and begins anew. A crash anywhere leaves
either a row without bytes, which the sweep takes in time, or a row in `deleting`, which the next start finishes.

Whoever names a blob says `hold` in the same transaction: from then on the name itself keeps it from the sweep.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db import Database, across_teams, insert_ignore, now, upsert
from gateway.errors import StorageUnavailable
from gateway.storage.blobs import BlobRef, BlobStore, content_hash
from gateway.storage.inplace import Lying
from gateway.storage.tables import DELETING, LIVE, blobs

UNTOUCHED = 3_600_000_000
"""Microseconds (an hour) that a row must lie before the sweep takes it: far longer than from touch to image row."""
_WAIT_SECONDS = 30.0
_POLL_SECONDS = 0.02
_BATCH = 500
_STEP = 10_000
"""Rows that one reading of the sweep looks through."""
_turns: WeakKeyDictionary[Database, asyncio.Lock] = WeakKeyDictionary()
"""Who deletes objects: were there two, one could delete what a writer put after the other had let it go."""


async def keep(db: Database, store: BlobStore, *contents: bytes) -> list[BlobRef]:
    """Touch the rows, then write the bytes; when this returns they are durable and safe from the sweep for an hour.

    Call it outside of transactions. Raises StorageFull, StorageUnavailable.
    """
    refs = [BlobRef(await asyncio.to_thread(content_hash, data), len(data)) for data in contents]
    await _touch_all(db, refs)
    await asyncio.gather(*(store.put(data, ref.hash) for data, ref in zip(contents, refs, strict=True)))
    return refs


async def keep_all(db: Database, store: BlobStore, contents: Mapping[str, bytes]) -> None:
    """`keep` for hundreds of small blobs, by the hash of each: a statement or two, and few waits for the disk."""
    await _touch_all(db, [BlobRef(hash, len(data)) for hash, data in contents.items()])
    await store.put_all(contents)


async def keep_lying(db: Database, files: Mapping[str, Lying]) -> None:
    """Touch the rows of files that stay where they lie, by the hash of each, and write down where that is.

    A blob that the store has as well is read from there; of a file that was imported twice the last place counts.
    """
    await _touch_all(db, [BlobRef(hash, lying.bytes) for hash, lying in files.items()], files)


async def touch(connection: AsyncConnection, hash: str, bytes: int) -> bool:
    """Say that this blob is about to be written, or used again.

    False: it is being deleted and was not touched; commit, wait and touch it again before you write. `keep` does so.
    """
    row = {"hash": hash, "bytes": bytes, "state": LIVE, "touched_at": now()}
    return await upsert(connection, blobs, row, setting=["touched_at"], where=blobs.c.state == LIVE) == 1


async def hold(connection: AsyncConnection, hashes: Collection[str]) -> None:
    """Use these blobs in this transaction: they are seen to be there, and touched.

    Raises StorageUnavailable where one is gone or going, as after a wait of more than an hour since `keep`: keep it again.
    """
    wanted = set(hashes)
    held = update(blobs).where(blobs.c.hash.in_(wanted), blobs.c.state == LIVE).values(touched_at=now())
    if wanted and (await connection.execute(held)).rowcount != len(wanted):
        raise StorageUnavailable("A picture's bytes were swept before it was kept; try again.")


async def sweep(db: Database, store: BlobStore, referenced: ColumnElement[bool], *, untouched: int = UNTOUCHED) -> int:
    """Delete what nothing refers to; returns how many blobs went.

    `referenced` is an `exists(...)` correlated with `blobs`: whoever keeps references says how they are found.
    """
    limit = now() - untouched
    takeable = (blobs.c.state == LIVE, blobs.c.touched_at < limit, ~referenced)
    async with _turn(db):
        gone, after = await _finish(db, store), ""
        while True:
            async with db.read() as connection:
                step = select(blobs.c.hash).where(blobs.c.hash > after).order_by(blobs.c.hash).limit(_STEP).subquery()
                last = (await connection.execute(select(func.max(step.c.hash)))).scalar()
                if last is None:
                    return gone
                query = select(blobs.c.hash).where(blobs.c.hash > after, blobs.c.hash <= last, *takeable)
                found = list((await connection.execute(across_teams(query))).scalars())
            after = last
            for start in range(0, len(found), _BATCH):
                async with db.write() as connection:
                    # Asked again: what was touched or referred to since the reading stays.
                    mark = update(blobs).where(blobs.c.hash.in_(found[start : start + _BATCH]), *takeable)
                    await connection.execute(across_teams(mark.values(state=DELETING)))
                gone += await _finish(db, store)


async def finish(db: Database, store: BlobStore) -> int:
    """Delete what a sweep was stopped at, so that no writer waits for it; returns how many blobs went."""
    async with _turn(db):
        return await _finish(db, store)


async def delete_strays(db: Database, store: BlobStore, hashes: Collection[str]) -> int:
    """Delete objects that have no row; returns how many were. One that has a row by now stays.

    They get a row that is being deleted, so that a writer of the same bytes waits, as for any other.
    """
    rows = [{"hash": hash, "bytes": 0, "state": DELETING, "touched_at": now()} for hash in hashes]
    async with _turn(db):
        if rows:
            async with db.write() as connection:
                await insert_ignore(connection, blobs, rows)
        return await _finish(db, store)


def _turn(db: Database) -> asyncio.Lock:
    return _turns.setdefault(db, asyncio.Lock())


async def _finish(db: Database, store: BlobStore) -> int:
    """Delete what is marked, the objects before their rows; files that were imported in place stay."""
    gone = 0
    while True:
        async with db.read() as connection:
            query = select(blobs.c.hash).where(blobs.c.state == DELETING).limit(_BATCH)
            marked = list(await connection.execute(query))
        if not marked:
            return gone
        for (hash,) in marked:
            # What was imported in place may have been brought as bytes as well; the file at `path` is never ours.
            await store.delete(hash)
        async with db.write() as connection:
            hashes = [hash for (hash,) in marked]
            await connection.execute(delete(blobs).where(blobs.c.hash.in_(hashes), blobs.c.state == DELETING))
        gone += len(marked)


async def _touch_all(db: Database, refs: Iterable[BlobRef], lying: Mapping[str, Lying] | None = None) -> None:
    # One order for all: two writers of the same blobs never wait for each other's rows in a circle (PostgreSQL).
    left = sorted(set(refs), key=lambda ref: ref.hash)
    waited = 0.0
    while True:
        async with db.write() as connection:
            left = await _not_touched(connection, left, lying or {})
        if not left:
            return
        if waited >= _WAIT_SECONDS:
            raise StorageUnavailable("The same picture is being deleted and that does not end; try again later.")
        await asyncio.sleep(_POLL_SECONDS)
        waited += _POLL_SECONDS


async def _not_touched(connection: AsyncConnection, refs: list[BlobRef], lying: Mapping[str, Lying]) -> list[BlobRef]:
    """Touch them in one statement; only where some are being deleted, one by one, to know which."""

    async def touched(some: list[BlobRef]) -> bool:
        rows: list[dict[str, Any]] = [
            {"hash": ref.hash, "bytes": ref.bytes, "state": LIVE, "touched_at": now()} for ref in some
        ]
        for row in rows if lying else ():
            row |= {"path": lying[row["hash"]].path, "modified_at": lying[row["hash"]].modified_at}
        setting = ["touched_at", *(["path", "modified_at"] if lying else [])]
        return await upsert(connection, blobs, rows, setting=setting, where=blobs.c.state == LIVE) == len(rows)

    return [] if await touched(refs) else [ref for ref in refs if not await touched([ref])]
