"""One gateway per PostgreSQL database: an advisory lock on a connection of its own.

The server lets go of it when the connection ends, however that comes about: a `kill -9` leaves nothing to clear. A
gateway that loses the connection writes nothing until it has the lock again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from sqlalchemy import URL

from gateway.db.postgresql import connect
from gateway.errors import AlreadyRunning, ConfigurationError, StorageUnavailable

log = logging.getLogger(__name__)

KEY = 0x6461726B726F6F6D
"""`darkroom` in ASCII; advisory locks are each database's own, so one number does for all."""
PATIENCE = 3.0
"""Seconds: the server takes a moment to see that a gateway was killed, and a restart comes within it."""
BETWEEN = 0.2
_HOLDER = """
SELECT a.application_name FROM pg_locks l JOIN pg_stat_activity a USING (pid)
WHERE l.locktype = 'advisory' AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
AND l.classid::bigint << 32 | l.objid::bigint = $1 AND l.granted
"""


class Lock:
    """This gateway's hold on the database."""

    def __init__(self, url: URL) -> None:
        self._url = url
        self._connection: Any = None
        self._lost = asyncio.Event()

    def check(self) -> None:
        """Raises StorageUnavailable while the lock is lost: another gateway may write."""
        if self._lost.is_set():
            raise StorageUnavailable("The connection that keeps other gateways from this database was lost; try again soon.")

    async def take(self, patience: float) -> None:
        """Raises AlreadyRunning that names the holder, and what the driver raises."""
        connection = await connect(self._url)
        try:
            deadline = asyncio.get_running_loop().time() + patience
            while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", KEY):
                if asyncio.get_running_loop().time() >= deadline:
                    holder = await connection.fetchval(_HOLDER, KEY)
                    raise AlreadyRunning(
                        f"Another gateway ({holder or 'of another user'}) already runs on the database "
                        f"{self._url.database}; use that one, stop it, or give this one a database of its own."
                    )
                await asyncio.sleep(BETWEEN)
        except BaseException:
            connection.terminate()
            raise
        self._connection = connection
        connection.add_termination_listener(self._gone)
        self._lost.clear()

    async def regain(self) -> None:
        """Take the lock again whenever it is lost, for ever."""
        while True:
            await self._lost.wait()
            log.error("the connection that holds the database's lock was lost; nothing is written until it is back")
            while self._lost.is_set():
                await asyncio.sleep(BETWEEN)
                with suppress(Exception):  # whatever is wrong with the server now, it is asked again
                    await self.take(0)
            log.warning("the database's lock is held again")

    async def release(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close(timeout=2)

    def _gone(self, connection: Any) -> None:
        if connection is self._connection:
            self._lost.set()


@asynccontextmanager
async def hold(url: URL) -> AsyncIterator[Lock]:
    """Keep every other gateway from the database until the block ends.

    Raises AlreadyRunning, and ConfigurationError that says why the database cannot be used.
    """
    import asyncpg

    lock = Lock(url)
    try:
        await lock.take(PATIENCE)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        shown = url.set(drivername="postgresql").render_as_string(hide_password=True)
        why = str(error) or type(error).__name__
        raise ConfigurationError(f"The database {shown} cannot be used: {why}. See DARKROOM_DATABASE_URL.") from error
    regaining = asyncio.create_task(lock.regain())
    try:
        yield lock
    finally:
        regaining.cancel()
        with suppress(asyncio.CancelledError):
            await regaining
        await lock.release()
