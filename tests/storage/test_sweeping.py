"""The sweep and a writer of the same bytes, step by step, with a crash at every step: no named blob ever lacks its bytes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, MetaData, String, Table, delete, exists, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db import Database
from gateway.errors import StorageUnavailable
from gateway.storage import ledger
from gateway.storage.blobs import BlobStore, content_hash
from gateway.storage.ledger import delete_strays, finish, hold, keep, sweep
from gateway.storage.tables import DELETING, LIVE, blobs

DATA = b"one picture"
NAME = content_hash(DATA)
uses = Table("uses", MetaData(), Column("blob", String(64)))
"""Stands for the tables that refer to blobs."""
REFERENCED = exists().where(uses.c.blob == blobs.c.hash)


class Crash(BaseException):
    """The end of the process, as far as this task knows: nothing catches it."""


@pytest.fixture
async def db(database: Database) -> Database:
    async with database.write() as connection:
        await connection.run_sync(uses.metadata.create_all)
    return database


@pytest.fixture
def store(tmp_path: Path) -> BlobStore:
    return BlobStore(f"file://{tmp_path}/blobs")


async def make(db: Database, store: BlobStore) -> None:
    """What a job does with its picture: keep the bytes, then name them."""
    (ref,) = await keep(db, store, DATA)
    await name(db, ref.hash)


async def name(db: Database, hash: str) -> None:
    async with db.write() as connection:
        await hold(connection, [hash])
        await connection.execute(insert(uses), [{"blob": hash}])


async def age(db: Database) -> None:
    async with db.write() as connection:
        await connection.execute(update(blobs).values(touched_at=0))


async def rows(db: Database) -> list[Any]:
    async with db.read() as connection:
        return list(await connection.execute(select(blobs)))


async def nothing_is_lost(db: Database, store: BlobStore) -> None:
    async with db.read() as connection:
        named = set((await connection.execute(select(uses.c.blob))).scalars())
    for hash in named:
        assert content_hash(await store.get(hash)) == hash
    assert {(row.hash, row.state) for row in await rows(db)} >= {(hash, LIVE) for hash in named}


STEPS = range(7)
"""After how many of a task's doings, to the database or the store, it stops."""


class Doings:
    """Counts what is done to the database and the store, and stops before one of them."""

    def __init__(self, db: Database, store: BlobStore, patch: pytest.MonkeyPatch) -> None:
        self.task: asyncio.Task[Any] | None = None
        self.before = -1
        self.crashes = False
        self.stopped = asyncio.Event()
        self.go_on = asyncio.Event()
        self._seen = 0
        write, put, remove = db.write, store.put, store.delete

        @asynccontextmanager
        async def watched_write() -> AsyncIterator[AsyncConnection]:
            await self._step()
            async with write() as connection:
                yield connection

        async def watched_put(data: bytes, hash: str | None = None) -> Any:
            await self._step()
            return await put(data, hash)

        async def watched_remove(hash: str) -> None:
            await self._step()
            await remove(hash)

        patch.setattr(db, "write", watched_write)
        patch.setattr(store, "put", watched_put)
        patch.setattr(store, "delete", watched_remove)

    async def _step(self) -> None:
        if asyncio.current_task() is not self.task:
            return
        number, self._seen = self._seen, self._seen + 1
        if number != self.before:
            return
        self.stopped.set()
        if self.crashes:
            raise Crash
        await self.go_on.wait()


@pytest.fixture
def doings(db: Database, store: BlobStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[Doings]:
    made = Doings(db, store, monkeypatch)
    yield made
    made.go_on.set()


async def begin(doings: Doings, work: Any, step: int, *, crashes: bool) -> asyncio.Task[Any]:
    """Run `work` up to a step of it, or to its end where it has not so many."""
    doings.before, doings.crashes = step, crashes

    async def run() -> None:
        doings.task = asyncio.current_task()
        await work

    task = asyncio.create_task(run())
    stopped = asyncio.ensure_future(doings.stopped.wait())
    await asyncio.wait((task, stopped), return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    return task


async def ended(task: asyncio.Task[Any]) -> None:
    with suppress(Crash):
        await task


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("crashes", [True, False])
async def test_a_sweep_stopped_anywhere_and_a_writer_of_the_same_bytes(
    step: int, crashes: bool, db: Database, store: BlobStore, doings: Doings
) -> None:
    await keep(db, store, DATA, b"another")
    await age(db)
    sweeping = await begin(doings, sweep(db, store, REFERENCED), step, crashes=crashes)
    if crashes:
        await ended(sweeping)
        await finish(db, store)  # as the next start does
        await make(db, store)
    else:
        writing = asyncio.create_task(make(db, store))
        await asyncio.wait((writing,), timeout=0.05)
        doings.go_on.set()
        await asyncio.gather(sweeping, writing)
    await nothing_is_lost(db, store)
    await age(db)
    await sweep(db, store, REFERENCED)
    await nothing_is_lost(db, store)
    assert [row.hash for row in await rows(db)] == [NAME]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("crashes", [True, False])
async def test_a_writer_stopped_anywhere_and_a_sweep(
    step: int, crashes: bool, db: Database, store: BlobStore, doings: Doings
) -> None:
    """Stopped for more than an hour, so that the sweep takes what it had kept and not named: then it cannot name it."""
    writing = await begin(doings, make(db, store), step, crashes=crashes)
    await age(db)
    await sweep(db, store, REFERENCED)
    doings.go_on.set()
    try:
        await ended(writing)
    except StorageUnavailable:
        await make(db, store)  # swept meanwhile: the job is put back, and runs again
    await nothing_is_lost(db, store)
    async with db.write() as connection:
        await connection.execute(delete(uses))
    await age(db)
    await sweep(db, store, REFERENCED)
    assert await rows(db) == []
    assert await store.objects(NAME[:2]) == {}


async def test_two_sweeps_take_turns(db: Database, store: BlobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or the second would let a writer in whose bytes the first then deletes."""
    await keep(db, store, DATA)
    await age(db)
    deleting, most, real = 0, 0, store.delete

    async def remove(hash: str) -> None:
        nonlocal deleting, most
        deleting += 1
        most = max(most, deleting)
        await asyncio.sleep(0.02)
        await real(hash)
        deleting -= 1

    monkeypatch.setattr(store, "delete", remove)
    went = await asyncio.gather(*(sweep(db, store, REFERENCED) for _ in range(2)), finish(db, store))
    assert (sum(went), most) == (1, 1)


async def test_what_is_being_deleted_cannot_be_named(db: Database, store: BlobStore) -> None:
    await keep(db, store, DATA)
    async with db.write() as connection:
        await connection.execute(update(blobs).values(state=DELETING))
    for hash in (NAME, "0" * 64):
        with pytest.raises(StorageUnavailable, match="swept"):
            await name(db, hash)
    async with db.read() as connection:
        assert (await connection.execute(select(uses))).all() == []


async def test_a_sweep_in_many_steps(db: Database, store: BlobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "_STEP", 3)
    monkeypatch.setattr(ledger, "_BATCH", 2)
    refs = await keep(db, store, *(bytes([number]) for number in range(20)))
    for ref in refs[::3]:
        await name(db, ref.hash)
    await age(db)
    assert await sweep(db, store, REFERENCED) == 13
    await nothing_is_lost(db, store)


@pytest.mark.parametrize("kept", [True, False])
async def test_an_object_without_a_row_goes_unless_someone_keeps_it(kept: bool, db: Database, store: BlobStore) -> None:
    await store.put(DATA)
    if kept:
        await make(db, store)
    assert await delete_strays(db, store, [NAME]) == (0 if kept else 1)
    await nothing_is_lost(db, store)
    assert (await store.objects(NAME[:2]) == {}) is not kept
