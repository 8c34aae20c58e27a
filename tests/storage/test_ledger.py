"""The ledger: rows before bytes, and a sweep that never crosses a writer."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, MetaData, String, Table, exists, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db import Database, now
from gateway.errors import NotFound, StorageFull, StorageUnavailable
from gateway.storage import ledger
from gateway.storage.blobs import BlobRef, BlobStore, content_hash
from gateway.storage.ledger import keep, sweep, touch
from gateway.storage.tables import DELETING, LIVE, blobs

DATA = b"one picture"
NAME = content_hash(DATA)
HOUR = ledger.UNTOUCHED

uses = Table("uses", MetaData(), Column("blob", String(64)))
"""Stands for the tables that refer to blobs."""
REFERENCED = exists().where(uses.c.blob == blobs.c.hash)


@pytest.fixture
async def db(database: Database) -> Database:
    async with database.write() as connection:
        await connection.run_sync(uses.metadata.create_all)
    return database


@pytest.fixture
def store(tmp_path: Path) -> BlobStore:
    return BlobStore(f"file://{tmp_path}/blobs")


async def rows(db: Database) -> dict[str, Any]:
    async with db.read() as connection:
        return {row.hash: row for row in await connection.execute(select(blobs))}


async def age(db: Database, microseconds: int = HOUR + 1, **also: object) -> None:
    async with db.write() as connection:
        await connection.execute(update(blobs).values(touched_at=now() - microseconds, **also))


async def test_keeping_writes_row_and_bytes(db: Database, store: BlobStore) -> None:
    before = now()
    refs = await keep(db, store, DATA, b"another", DATA)
    assert refs[0] == refs[2] == BlobRef(NAME, len(DATA))
    assert await store.get(NAME) == DATA
    kept = await rows(db)
    assert set(kept) == {NAME, refs[1].hash}
    assert (kept[NAME].bytes, kept[NAME].state, kept[NAME].path) == (len(DATA), LIVE, None)
    assert before <= kept[NAME].touched_at <= now()


async def test_the_row_is_there_before_the_bytes(db: Database, store: BlobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []
    real = store.put

    async def put(data: bytes, hash: str | None = None) -> BlobRef:
        seen.append(content_hash(data) in await rows(db))
        return await real(data, hash)

    monkeypatch.setattr(store, "put", put)
    await keep(db, store, DATA)
    assert seen == [True]


async def test_keeping_again_touches_again(db: Database, store: BlobStore) -> None:
    await keep(db, store, DATA)
    await age(db)
    old = (await rows(db))[NAME].touched_at
    await keep(db, store, DATA)
    assert (await rows(db))[NAME].touched_at > old + HOUR


async def test_a_full_disk_is_told(db: Database, store: BlobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    async def put(_data: bytes, _hash: str | None = None) -> BlobRef:
        raise StorageFull("full")

    monkeypatch.setattr(store, "put", put)
    with pytest.raises(StorageFull):
        await keep(db, store, DATA)
    assert (await rows(db))[NAME].state == LIVE  # without bytes: the sweep's, in time


async def test_the_sweep_takes_what_is_old_and_unused(db: Database, store: BlobStore) -> None:
    used, unused, fresh = [ref.hash for ref in await keep(db, store, b"used", b"unused", b"fresh")]
    await age(db)
    async with db.write() as connection:
        await connection.execute(insert(uses).values(blob=used))
        assert await touch(connection, fresh, 5)
    assert await sweep(db, store, REFERENCED) == 1
    assert set(await rows(db)) == {used, fresh}
    with pytest.raises(NotFound):
        await store.get(unused)
    assert await store.get(used) == b"used"
    assert await sweep(db, store, REFERENCED) == 0


async def test_the_sweep_goes_through_many(db: Database, store: BlobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "_BATCH", 3)
    refs = await keep(db, store, *(bytes([n]) for n in range(10)))
    await age(db)
    async with db.write() as connection:
        await connection.execute(insert(uses), [{"blob": ref.hash} for ref in refs[::4]])
    assert await sweep(db, store, REFERENCED) == 7
    assert set(await rows(db)) == {ref.hash for ref in refs[::4]}


async def test_the_sweep_leaves_files_that_were_imported_in_place(db: Database, store: BlobStore, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs.png"
    theirs.write_bytes(DATA)
    async with db.write() as connection:
        await touch(connection, NAME, len(DATA))
    await age(db, path=str(theirs))
    assert await sweep(db, store, REFERENCED) == 1
    assert theirs.read_bytes() == DATA
    assert await rows(db) == {}


@pytest.mark.parametrize("bytes_are_gone", [False, True])
async def test_the_sweep_finishes_what_a_crash_left(bytes_are_gone: bool, db: Database, store: BlobStore) -> None:
    await keep(db, store, DATA)
    async with db.write() as connection:
        await connection.execute(update(blobs).values(state=DELETING))
    if bytes_are_gone:
        await store.delete(NAME)
    assert await sweep(db, store, REFERENCED) == 1
    assert await rows(db) == {}


async def test_a_writer_waits_for_a_deletion_and_then_writes(
    db: Database, store: BlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sweep holds the object in its hand when the same picture is made again: nothing is lost."""
    await keep(db, store, DATA)
    await age(db)
    at_the_object, go_on = asyncio.Event(), asyncio.Event()
    real = store.delete

    async def delete(hash: str) -> None:
        at_the_object.set()
        await go_on.wait()
        await real(hash)

    monkeypatch.setattr(store, "delete", delete)
    sweeping = asyncio.create_task(sweep(db, store, REFERENCED))
    await at_the_object.wait()
    writing = asyncio.create_task(keep(db, store, DATA, b"beside it"))
    await asyncio.sleep(0.1)
    assert not writing.done()
    assert (await rows(db))[NAME].state == DELETING
    go_on.set()
    assert await sweeping == 1
    await writing
    assert (await rows(db))[NAME].state == LIVE
    assert await store.get(NAME) == DATA


async def test_a_writer_that_comes_first_is_left_alone(db: Database, store: BlobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Touched between the sweep's reading and its marking: it stays."""
    await keep(db, store, DATA)
    await age(db)
    real, before = db.write, [(NAME, len(DATA))]

    @asynccontextmanager
    async def write() -> AsyncIterator[AsyncConnection]:
        while before:
            async with real() as connection:
                await touch(connection, *before.pop())
        async with real() as connection:
            yield connection

    monkeypatch.setattr(db, "write", write)
    assert await sweep(db, store, REFERENCED) == 0
    assert await store.get(NAME) == DATA


async def test_a_deletion_that_never_ends_is_told(db: Database, store: BlobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "_WAIT_SECONDS", 0.05)
    await keep(db, store, DATA)
    async with db.write() as connection:
        await connection.execute(update(blobs).values(state=DELETING))
        assert not await touch(connection, NAME, len(DATA))
    with pytest.raises(StorageUnavailable, match="being deleted"):
        await keep(db, store, DATA)


async def test_many_writers_and_sweeps_lose_nothing(db: Database, store: BlobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Writers keep the same few pictures again and again, while sweeps take what no writer has in hand."""
    in_hand: Counter[str] = Counter()
    deleted: list[str] = []
    real = store.delete

    async def delete(hash: str) -> None:
        deleted.append(hash)
        await real(hash)

    async def write(n: int) -> None:
        for turn in range(8):
            data = bytes([(n + turn) % 5])
            in_hand[content_hash(data)] += 1
            (ref,) = await keep(db, store, data)
            assert await store.get(ref.hash) == data
            in_hand[ref.hash] -= 1
            await asyncio.sleep(0.01)

    async def sweep_on() -> None:
        while True:
            async with db.write() as connection:
                let_go = [hash for hash, hands in in_hand.items() if not hands]
                await connection.execute(update(blobs).where(blobs.c.hash.in_(let_go)).values(touched_at=0))
            await sweep(db, store, REFERENCED)

    monkeypatch.setattr(store, "delete", delete)
    sweeping = asyncio.create_task(sweep_on())
    await asyncio.gather(*(write(n) for n in range(3)))
    sweeping.cancel()
    await asyncio.gather(sweeping, return_exceptions=True)
    assert deleted
