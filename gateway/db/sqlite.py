"""SQLite's connections for SQLAlchemy: aiosqlite, with one trip to its thread for a statement instead of four."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import suppress
from threading import Thread
from typing import Any

import aiosqlite
from aiosqlite.core import _connection_worker_thread
from sqlalchemy import URL, event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

_PRAGMAS = (
    "busy_timeout=5000",
    "journal_mode=WAL",
    "foreign_keys=ON",
    # FULL: a job that was accepted, and a picture that was announced, outlive a power cut.
    "synchronous=FULL",
    "cache_size=-65536",
)


def _work(asked: Any) -> None:
    # Of a gateway that is stopped while it starts the event loop may be gone before what a thread was asked is done.
    with suppress(RuntimeError):
        _connection_worker_thread(asked)


class _Connection(aiosqlite.Connection):
    """SQLAlchemy asks for a cursor, executes, fetches and closes: each is a trip to the connection's thread and back,
    which costs more than the statement. Here the thread does all four at once, and begins the transaction on the way."""

    def __init__(self, connector: Callable[[], sqlite3.Connection]) -> None:
        super().__init__(connector, iter_chunk_size=64)
        self._thread = Thread(target=_work, args=(self._tx,), name="sqlite", daemon=True)
        self._begin = ""

    def cursor(self) -> Any:
        return _opened(_Cursor(self))

    def begin_with(self, statement: str) -> None:
        """The transaction begins so, right before the next statement; with none there is no transaction."""
        self._begin = statement

    def begun(self) -> sqlite3.Connection:
        """In the thread: the connection, within the transaction."""
        statement, self._begin = self._begin, ""
        if statement:
            self._conn.execute(statement)
        return self._conn

    async def commit(self) -> None:
        if not self._begin:
            await super().commit()

    async def rollback(self) -> None:
        self._begin = ""
        await super().rollback()


class _Reader(_Connection):
    """Nobody waits for the end of a transaction that changes nothing; the thread comes to it before what is next."""

    async def commit(self) -> None:
        if not self._begin:
            self._tx.put_nowait((None, self._conn.commit))


class _Cursor:
    """What SQLAlchemy's dialect uses of a cursor; all rows are here when `execute` returns."""

    def __init__(self, connection: _Connection) -> None:
        self._connection = connection
        self._in_thread: Any = connection._execute
        self._rows: list[Any] = []
        self.description: Any = None
        self.lastrowid: int | None = None
        self.rowcount = -1

    async def execute(self, sql: str, parameters: Iterable[Any] = ()) -> None:
        await self._in_thread(self._run, "execute", sql, parameters)

    async def executemany(self, sql: str, parameters: Iterable[Iterable[Any]]) -> None:
        await self._in_thread(self._run, "executemany", sql, parameters)

    async def fetchall(self) -> list[Any]:
        return self._rows

    async def close(self) -> None:
        self._rows = []

    def _run(self, method: str, sql: str, parameters: Any) -> None:
        cursor = self._connection.begun().cursor()
        try:
            getattr(cursor, method)(sql, parameters)
            self.description, self.lastrowid, self.rowcount = cursor.description, cursor.lastrowid, cursor.rowcount
            self._rows = cursor.fetchall() if cursor.description else []
        finally:
            # At once, or a canceled task's connection keeps its transaction, and with it the one writer's lock.
            cursor.close()


def sqlite_engine(url: URL, *, size: int, begin: str, only_reads: bool = False) -> AsyncEngine:
    """An engine of at most `size` connections, whose transactions begin with the statement `begin`."""

    async def connect() -> aiosqlite.Connection:
        return await (_Reader if only_reads else _Connection)(lambda: sqlite3.connect(str(url.database)))

    # Every transaction is ended by the block that began it; a rollback at every return would be one more trip. Errors
    # are logged, and their parameters may be secrets.
    engine = create_async_engine(
        url,
        async_creator=connect,
        pool_size=size,
        max_overflow=0,
        pool_use_lifo=True,  # the connection that was used last still has the pages
        pool_reset_on_return=None,
        hide_parameters=True,
    )

    @event.listens_for(engine.sync_engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        # The driver must not begin transactions by itself: `begin` below does.
        connection.isolation_level = None
        cursor = connection.cursor()
        try:
            for pragma in (*_PRAGMAS, *(["query_only=ON"] if only_reads else [])):
                cursor.execute(f"PRAGMA {pragma}")
        except BaseException:
            connection.close()  # nobody else will, and its thread would outlive the event loop
            raise
        finally:
            cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def _begin(connection: Any) -> None:
        connection.connection.driver_connection.begin_with(begin)

    @event.listens_for(engine.sync_engine, "invalidate")
    def _let_go(connection: Any, _record: Any, _error: Any) -> None:
        # A task that is canceled in a statement has its connection closed, but only after what the thread still does.
        with suppress(Exception, asyncio.CancelledError):
            connection.run_async(lambda driver: asyncio.shield(driver.rollback()))

    return engine


async def _opened(cursor: _Cursor) -> _Cursor:
    return cursor
