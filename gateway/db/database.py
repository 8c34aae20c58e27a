"""Connections: many readers, one writer.

SQLite allows one writer at a time. All writing goes through one connection behind one lock and begins with
BEGIN IMMEDIATE, so a write never fails half-way for want of the lock; readers see the last commit (WAL). PostgreSQL is
written to in the same way, for one gateway is all that writes there: what a write has read stays true until it commits,
on both, and no two writes can wait for each other in a circle.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, make_url, text
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db import advisory
from gateway.db.faults import said_plainly
from gateway.db.metadata import now
from gateway.db.postgresql import postgresql_engine
from gateway.db.scope import guard
from gateway.db.sqlite import sqlite_engine
from gateway.db.tables import marks
from gateway.errors import ConfigurationError, StorageUnavailable

READERS = 4
_PROBE = "probe"
_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg"}


class Database:
    """`read()` gives a connection that only looks; `write()` gives the writer, in a transaction of its own.

    Both raise StorageFull and StorageUnavailable for a full disk and a lost database.
    """

    def __init__(self, url: str) -> None:
        """`url` is `sqlite:///path` or `postgresql://…`; the driver need not be named. Raises ConfigurationError."""
        self.url = _understood(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        if self.is_sqlite:
            self._writer = sqlite_engine(self.url, size=1, begin="BEGIN IMMEDIATE")
            self._reader = sqlite_engine(self.url, size=READERS, begin="BEGIN", only_reads=True)
        else:
            self._writer = postgresql_engine(self.url, size=1)
            self._reader = postgresql_engine(self.url, size=READERS, only_reads=True)
        for engine in {self._reader, self._writer}:
            guard(engine)
        self._turn = asyncio.Lock()
        self._writing: set[asyncio.Task[Any] | None] = set()
        self._lock: advisory.Lock | None = None
        self.trouble: str | None = None
        """Why the last write failed; None after one that did not."""

    @property
    def path(self) -> Path | None:
        """The file, where the database is one."""
        return Path(self.url.database) if self.is_sqlite and self.url.database else None

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Keep every other gateway from a PostgreSQL database until the block ends; a file has its lock beside it.

        Raises AlreadyRunning, and ConfigurationError for a database that cannot be used.
        """
        if self.is_sqlite:
            yield
            return
        async with advisory.hold(self.url) as self._lock:
            try:
                yield
            finally:
                self._lock = None

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """Sees one commit throughout; a write through it fails."""
        with said_plainly():
            async with self._reader.begin() as connection:
                yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """Commits when the block ends and rolls back when it raises. Never nest two: RuntimeError."""
        async with self._in_turn():
            try:
                with said_plainly():
                    async with self._writer.begin() as connection:
                        yield connection
            except StorageUnavailable as error:
                if isinstance(error.__cause__, (SQLAlchemyError, ConnectionError)):  # else it is of another storage
                    self.trouble = error.message
                raise
            self.trouble = None

    async def check(self) -> None:
        """Returns when it can be read, and written too where the last write failed. Raises StorageFull, StorageUnavailable."""
        async with self.read() as connection:
            await connection.execute(text("SELECT 1"))
        if self.trouble:
            async with self.write() as connection:
                await connection.execute(marks.insert().values(name=_PROBE, done_at=now()))
                await connection.execute(marks.delete().where(marks.c.name == _PROBE))

    @asynccontextmanager
    async def reshape(self) -> AsyncIterator[AsyncConnection]:
        """The writer, for migrations: one transaction, foreign keys not enforced within it but checked at its end.

        SQLite changes a table by building a second one and dropping the first, which enforced keys would refuse, or
        answer by deleting the rows that point there.
        """
        async with self._in_turn():
            with said_plainly():
                async with self._writer.connect() as connection:
                    await self._enforce(connection, "OFF")
                    try:
                        async with connection.begin():
                            yield connection
                            await self._check_keys(connection)
                    finally:
                        await self._enforce(connection, "ON")
        if not self.is_sqlite:
            # Statements that a connection has prepared know the tables as they were.
            await self._writer.dispose()
            await self._reader.dispose()

    async def close(self) -> None:
        await self._writer.dispose()
        await self._reader.dispose()

    @asynccontextmanager
    async def _in_turn(self) -> AsyncIterator[None]:
        task = asyncio.current_task()
        if task in self._writing:
            raise RuntimeError("write() within write(): pass the open connection on, or the task waits for itself")
        self._writing.add(task)
        try:
            async with self._turn:
                if self._lock:
                    self._lock.check()
                yield
        finally:
            self._writing.discard(task)

    async def _enforce(self, connection: AsyncConnection, state: str) -> None:
        if not self.is_sqlite:
            return
        # Past SQLAlchemy, which would begin a transaction first; within one this pragma does nothing.
        driver: Any = (await connection.get_raw_connection()).driver_connection
        cursor = await driver.execute(f"PRAGMA foreign_keys={state}")
        await cursor.close()

    async def _check_keys(self, connection: AsyncConnection) -> None:
        if not self.is_sqlite:
            return
        broken = (await connection.exec_driver_sql("PRAGMA foreign_key_check")).fetchall()
        if broken:
            tables = ", ".join(sorted({f"{row[0]} -> {row[2]}" for row in broken}))
            raise RuntimeError(f"{len(broken)} rows would point to nothing ({tables}); nothing was changed")


def _understood(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise ConfigurationError("The database's URL is none; write sqlite:///path or postgresql://user@host/name.") from None
    if parsed.drivername in _DRIVERS:
        parsed = parsed.set(drivername=_DRIVERS[parsed.drivername])
    if parsed.drivername not in _DRIVERS.values():
        raise ConfigurationError(f"There is no database {parsed.drivername!r} here; it is sqlite or postgresql.")
    if parsed.get_backend_name() == "sqlite" and (parsed.database or ":memory:") == ":memory:":
        raise ConfigurationError("The database must be a file, sqlite:///path: what is in memory is gone with the process.")
    return parsed
