"""What drivers say, in our words."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from gateway.db import Database
from gateway.db.faults import said_plainly
from gateway.db.tables import marks
from gateway.errors import StorageFull, StorageUnavailable


def test_a_database_that_another_program_holds(tmp_path: Path) -> None:
    holding = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    holding.execute("begin exclusive")
    asking = sqlite3.connect(tmp_path / "a.db", timeout=0)
    with pytest.raises(sqlite3.OperationalError) as caught:
        asking.execute("create table a (b)")
    with pytest.raises(StorageUnavailable, match="another program holds it"), said_plainly():
        raise OperationalError("create", None, caught.value)
    holding.close()
    asking.close()


async def test_a_lock_that_lasts_is_remembered_until_it_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.db.sqlite._PRAGMAS", ("busy_timeout=10", "journal_mode=WAL"))
    database = Database(f"sqlite:///{tmp_path / 'a.db'}")
    async with database.write() as connection:
        await connection.run_sync(marks.create)
    await database.check()
    with closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as holding:
        holding.execute("begin immediate")
        await database.check()  # nobody wrote meanwhile
        for _ in range(2):
            with pytest.raises(StorageUnavailable, match="another program holds it"):
                async with database.write() as connection:
                    await connection.execute(marks.delete())
            with pytest.raises(StorageUnavailable, match="another program holds it"):
                await database.check()
    await database.check()
    assert database.trouble is None
    await database.close()


async def test_what_another_storage_lacks_is_no_trouble_of_the_database(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'a.db'}")
    with pytest.raises(StorageFull):
        async with database.write():
            raise StorageFull("The blob store has no space left.")
    assert database.trouble is None
    await database.close()


def test_a_connection_that_outlives_the_event_loop_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in the midst of a start; what a thread would say of that is an error here."""
    entered, leave, connect, threads = threading.Event(), threading.Event(), sqlite3.connect, set(threading.enumerate())

    def slow(path: str) -> sqlite3.Connection:
        entered.set()
        leave.wait(10)
        return connect(path)

    async def start() -> None:
        async with Database(f"sqlite:///{tmp_path / 'a.db'}").read():
            pass

    async def stopped() -> None:
        starting = asyncio.create_task(start())
        await asyncio.to_thread(entered.wait, 10)
        starting.cancel()

    said: list[object] = []
    monkeypatch.setattr(sqlite3, "connect", slow)
    monkeypatch.setattr(threading, "excepthook", said.append)
    asyncio.run(stopped())
    leave.set()
    for thread in set(threading.enumerate()) - threads:
        thread.join(10)
    assert said == []
