"""What only PostgreSQL does: its lock, its lost connections, its URLs."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import make_url, text
from sqlalchemy.exc import ProgrammingError

from gateway.db import Database
from gateway.errors import AlreadyRunning, ConfigurationError, InvalidInput, StorageUnavailable
from tests.databases import Server

ROOT = Path(__file__).parents[2]
HOLDER = """
import asyncio, sys
from gateway.db import Database
async def main():
    async with Database(sys.argv[1]).alone():
        print("held", flush=True)
        await asyncio.sleep(60)
asyncio.run(main())
"""
ONE = text("SELECT 1")


@pytest.fixture
def url(postgresql_server: Server) -> str:
    return postgresql_server.database("bare")


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    database = Database(url)
    yield database
    await database.close()


def start_holder(url: str) -> subprocess.Popen[str]:
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, url], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert holder.stdout
    assert holder.stdout.readline() == "held\n"
    return holder


async def write(database: Database) -> None:
    async with database.write() as connection:
        await connection.execute(ONE)


async def end_connections(url: str, only: str = "true") -> None:
    """As a restart of the server would."""
    connection = await asyncpg.connect(url)
    others = f"datname = current_database() AND pid <> pg_backend_pid() AND {only}"
    await connection.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}")
    await connection.close()


OF_LOCK = "pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory')"

# ------------------------------------------------------------------------------------------ one gateway


async def test_a_second_gateway_is_told_who_runs(url: str, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.db.advisory.PATIENCE", 0.1)
    with await asyncio.to_thread(start_holder, url) as holder:
        with pytest.raises(AlreadyRunning, match=rf"process {holder.pid} on "):
            async with database.alone():
                pass
        holder.kill()
    async with database.alone():  # and a kill leaves nothing that blocks
        await write(database)


async def test_another_database_of_the_server_is_another_gateways(
    database: Database, postgresql_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.db.advisory.PATIENCE", 0.1)
    other = Database(postgresql_server.database("other"))
    async with database.alone(), other.alone():
        pass
    await other.close()


async def test_a_start_waits_a_moment_for_one_that_ends(url: str, database: Database) -> None:
    first = Database(url)
    ending = asyncio.Event()

    async def run() -> None:
        async with first.alone():
            ending.set()
            await asyncio.sleep(0.5)
        await first.close()

    running = asyncio.create_task(run())
    await ending.wait()
    async with database.alone():
        await running


async def test_without_the_lock_nothing_is_written(url: str, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.db.advisory.BETWEEN", 0.01)
    async with database.alone():
        await write(database)
        await end_connections(url, OF_LOCK)
        other = await asyncpg.connect(url)  # a gateway that was quicker
        while not await other.fetchval("SELECT pg_try_advisory_lock($1)", 0x6461726B726F6F6D):
            await end_connections(url, f"{OF_LOCK} AND pid <> {other.get_server_pid()}")
        await asyncio.sleep(0.1)
        with pytest.raises(StorageUnavailable, match="keeps other gateways"):
            await write(database)
        async with database.read() as connection:
            assert (await connection.execute(ONE)).scalar_one() == 1
        await other.close()
        async with asyncio.timeout(5):
            while True:
                try:
                    await write(database)
                    break
                except StorageUnavailable:
                    await asyncio.sleep(0.01)


async def test_a_database_that_cannot_be_used_says_why_and_hides_the_password(url: str) -> None:
    missing = Database(str(make_url(url).set(database="no_such", password="hidden").render_as_string(hide_password=False)))
    with pytest.raises(ConfigurationError, match='"no_such" does not exist') as caught:
        async with missing.alone():
            pass
    assert "hidden" not in caught.value.message
    nowhere = Database("postgresql://me:hidden@127.0.0.1:9/darkroom")
    with pytest.raises(ConfigurationError, match=r"127\.0\.0\.1:9/darkroom cannot be used") as caught:
        async with nowhere.alone():
            pass
    assert "hidden" not in caught.value.message
    with pytest.raises(StorageUnavailable):
        await write(nowhere)


# ------------------------------------------------------------------------------------------ connections


async def test_connections_that_the_server_ended_are_made_anew(url: str, database: Database) -> None:
    await write(database)
    await end_connections(url)
    await write(database)
    async with database.read() as connection:
        assert (await connection.execute(ONE)).scalar_one() == 1


async def test_one_that_is_lost_in_a_write_is_said_plainly_and_the_next_goes(url: str, database: Database) -> None:
    async def lose() -> None:
        async with database.write() as connection:
            await connection.execute(text("CREATE TABLE half (x int)"))
            await end_connections(url)
            await connection.execute(ONE)

    with pytest.raises(StorageUnavailable):
        await lose()
    async with database.write() as connection:
        await connection.execute(text("CREATE TABLE half (x int)"))


async def test_our_own_mistakes_are_not_the_storages(database: Database) -> None:
    with pytest.raises(ProgrammingError, match="nowhere"):
        async with database.read() as connection:
            await connection.execute(text("SELECT * FROM nowhere"))


async def test_nul_is_the_askers_mistake(database: Database) -> None:
    with pytest.raises(InvalidInput, match=r"U\+0000"):
        async with database.read() as connection:
            await connection.execute(text("SELECT CAST(:x AS text)"), {"x": "a\0b"})


async def test_tables_can_change_under_connections_that_knew_them(database: Database) -> None:
    async with database.write() as connection:
        await connection.execute(text("CREATE TABLE t (x int)"))
    async with database.read() as connection:
        await connection.execute(text("SELECT * FROM t"))
    async with database.reshape() as connection:
        await connection.execute(text("ALTER TABLE t ADD y int"))
    async with database.read() as connection:
        assert list((await connection.execute(text("SELECT * FROM t"))).keys()) == ["x", "y"]


@pytest.mark.parametrize(
    "more", ["sslmode=prefer", "ssl=prefer", "channel_binding=prefer&connect_timeout=5", "application_name=x"]
)
async def test_what_hosters_put_into_urls_is_understood(url: str, more: str) -> None:
    database = Database(f"{url}{'&' if '?' in url else '?'}{more}")
    await write(database)
    await database.close()


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg"])
def test_the_driver_need_not_be_named(scheme: str) -> None:
    assert Database(f"{scheme}://me@db/darkroom").url.drivername == "postgresql+asyncpg"


def test_without_the_driver_the_cure_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    with pytest.raises(ConfigurationError, match=r"darkroom-gateway\[postgres\]"):
        Database("postgresql://me@db/darkroom")
