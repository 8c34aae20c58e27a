from __future__ import annotations

import asyncio
import contextlib
import random
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import Column, ForeignKey, Integer, MetaData, Table, insert, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from gateway.db import Database
from gateway.errors import ConfigurationError, StorageFull, StorageUnavailable

_tables = MetaData()
counters = Table("counters", _tables, Column("id", Integer, primary_key=True), Column("value", Integer, nullable=False))
marks = Table("marks", _tables, Column("id", Integer, primary_key=True), Column("counter", ForeignKey("counters.id")))


@asynccontextmanager
async def with_a_counter(url: str) -> AsyncIterator[Database]:
    database = Database(url)
    async with database.write() as connection:
        await connection.run_sync(_tables.create_all)
        await connection.execute(insert(counters), [{"id": 1, "value": 0}])
    yield database
    await database.close()


@pytest.fixture
async def small(bare_url: str) -> AsyncIterator[Database]:
    async with with_a_counter(bare_url) as database:
        yield database


@pytest.fixture
async def file(tmp_path: Path) -> AsyncIterator[Database]:
    """The same, but always SQLite."""
    async with with_a_counter(f"sqlite:///{tmp_path}/small.db") as database:
        yield database


async def count(database: Database) -> int:
    async with database.read() as connection:
        return int((await connection.execute(select(counters.c.value))).scalar_one())


async def add_one(database: Database) -> None:
    async with database.write() as connection:
        value = (await connection.execute(select(counters.c.value))).scalar_one()
        await asyncio.sleep(0)
        await connection.execute(counters.update().values(value=value + 1))


async def test_writes_take_turns(small: Database) -> None:
    await asyncio.gather(*(add_one(small) for _ in range(20)))
    assert await count(small) == 20


async def test_a_write_that_raises_leaves_nothing(small: Database) -> None:
    async def fail() -> None:
        async with small.write() as connection:
            await connection.execute(counters.update().values(value=7))
            raise KeyError

    with pytest.raises(KeyError):
        await fail()
    assert await count(small) == 0


async def test_a_reader_sees_one_commit_throughout_and_waits_for_no_writer(small: Database) -> None:
    async with small.read() as reader:
        before = (await reader.execute(select(counters.c.value))).scalar_one()
        await add_one(small)
        after = (await reader.execute(select(counters.c.value))).scalar_one()
    assert before == after == 0
    assert await count(small) == 1


async def test_canceled_writers_free_the_writer(small: Database) -> None:
    """Whatever await of a write is canceled, the next one gets its turn and half a write is never seen."""
    chance = random.Random(1)
    for _ in range(40):
        task = asyncio.create_task(add_one(small))
        await asyncio.sleep(chance.random() * 0.002)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    before = await count(small)
    async with asyncio.timeout(5):
        await add_one(small)
    assert await count(small) == before + 1


async def test_a_write_within_a_write_is_an_error_not_a_wait(small: Database) -> None:
    async with asyncio.timeout(5):
        with pytest.raises(RuntimeError, match="pass the open connection on"):
            async with small.write(), small.write():
                pass
        await add_one(small)


async def test_reading_connections_do_not_write(small: Database) -> None:
    with pytest.raises((DBAPIError, StorageUnavailable)):
        async with small.read() as connection:
            await connection.execute(counters.update().values(value=7))
    assert await count(small) == 0


async def test_foreign_keys_are_enforced(small: Database) -> None:
    with pytest.raises(IntegrityError):
        async with small.write() as connection:
            await connection.execute(insert(marks), [{"id": 1, "counter": 99}])


async def test_a_commit_outlives_a_power_cut(file: Database) -> None:
    async with file.write() as connection:
        assert (await connection.exec_driver_sql("pragma synchronous")).scalar_one() == 2
        assert (await connection.exec_driver_sql("pragma journal_mode")).scalar_one() == "wal"


async def test_a_full_disk_is_said_plainly_and_nothing_is_lost(file: Database) -> None:
    async with file.write() as connection:
        await connection.exec_driver_sql("create table big (x)")
        pages = (await connection.exec_driver_sql("pragma page_count")).scalar_one()
        await connection.exec_driver_sql(f"pragma max_page_count={pages}")

    async def write_much() -> None:
        async with file.write() as connection:
            await connection.execute(counters.update().values(value=7))
            await connection.exec_driver_sql("insert into big values (zeroblob(1000000))")

    with pytest.raises(StorageFull, match="full"):
        await write_much()
    async with file.write() as connection:
        await connection.exec_driver_sql("pragma max_page_count=1000000")
    await add_one(file)
    assert await count(file) == 1


async def test_a_lost_database_is_said_plainly(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/no/such/folder/x.db")
    with pytest.raises(StorageUnavailable, match="unable to open"):
        async with database.read():
            pass
    await database.close()
    # After a connection that failed the driver stops its thread without waiting for it; here the loop ends with the test.
    async with asyncio.timeout(10):
        while any("_connection_worker_thread" in thread.name for thread in threading.enumerate()):
            await asyncio.sleep(0.01)


async def test_a_file_that_is_no_database_is_said_plainly(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"this is not a database, whatever its name" * 100)
    database = Database(f"sqlite:///{tmp_path}/x.db")
    with pytest.raises(StorageUnavailable, match="not a database"):
        async with database.read() as connection:
            await connection.exec_driver_sql("select * from sqlite_master")
    await database.close()


async def test_our_own_mistakes_are_not_the_storages(file: Database) -> None:
    with pytest.raises(OperationalError, match="no such table"):
        async with file.read() as connection:
            await connection.exec_driver_sql("select * from nowhere")


async def test_reshaping_may_break_keys_on_the_way_but_not_at_its_end(file: Database) -> None:
    async with file.write() as connection:
        await connection.execute(insert(marks), [{"id": 1, "counter": 1}])
    async with file.reshape() as connection:
        await connection.exec_driver_sql("delete from counters")
        await connection.execute(insert(counters), [{"id": 1, "value": 3}])
    assert await count(file) == 3
    with pytest.raises(RuntimeError, match="marks -> counters"):
        async with file.reshape() as connection:
            await connection.exec_driver_sql("delete from counters")
    assert await count(file) == 3
    with pytest.raises(IntegrityError):  # and afterwards they are enforced again
        async with file.write() as connection:
            await connection.exec_driver_sql("delete from counters")


@pytest.mark.parametrize("url", ["sqlite:///x.db", "sqlite+aiosqlite:///x.db"])
def test_the_driver_need_not_be_named(url: str) -> None:
    assert Database(url).url.drivername == "sqlite+aiosqlite"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "is none"),
        ("darkroom.db", "is none"),
        ("mysql://u@h/n", "no database 'mysql'"),
        ("sqlite://", "must be a file"),
        ("sqlite:///:memory:", "must be a file"),
    ],
)
def test_a_url_that_is_none_of_ours_is_refused(url: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        Database(url)


async def test_an_error_tells_nothing_of_what_was_written(small: Database) -> None:
    """It goes into the log: prompts, hashes of keys and passwords must not."""
    asked = text("SELECT value FROM no_such_table WHERE prompt = :prompt")
    for way in (small.read, small.write):
        with pytest.raises(DBAPIError, match="no_such_table") as told:
            async with way() as connection:
                await connection.execute(asked, {"prompt": "a secret prompt"})
        assert "a secret prompt" not in str(told.value)
