"""A database that is full or lost, and text that it cannot keep, in the words of our own errors, whichever database it is."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from gateway.errors import DarkroomError, InvalidInput, StorageFull, StorageUnavailable

_SQLITE_LOST = frozenset(
    {
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_NOTADB,
    }
)
_POSTGRESQL_DISK_FULL = "53100"
# The connection was lost, the server has no room for one more, or it is stopping, starting or failing.
_POSTGRESQL_LOST = ("08", "53", "57P", "58", "XX")
# It only reads (a standby after a fail-over), or ended the statement: for its time, a lock, or another transaction.
_POSTGRESQL_LATER = frozenset({"25006", "57014", "55P03", "40001", "40P01"})
# Text with the character NUL, which PostgreSQL cannot keep.
_POSTGRESQL_NUL = frozenset({"22021", "22P05"})


@contextmanager
def said_plainly() -> Iterator[None]:
    """Raises StorageFull, StorageUnavailable or InvalidInput in place of what the driver says; the rest passes."""
    try:
        yield
    except ConnectionError as error:  # PostgreSQL's driver lets these through
        raise StorageUnavailable("The database cannot be reached.") from error
    except PoolTimeout as error:  # no connection of the pool came free
        raise StorageUnavailable("The database is too busy to answer.") from error
    except DBAPIError as error:
        plain = _plain(error)
        if plain is None:
            raise
        raise plain from error


def _plain(error: DBAPIError) -> DarkroomError | None:
    cause = error.orig
    if isinstance(cause, sqlite3.Error):
        code = getattr(cause, "sqlite_errorcode", 0) & 0xFF  # the upper bits say more than we tell apart
        if code == sqlite3.SQLITE_FULL:
            return _full()
        if code == sqlite3.SQLITE_BUSY:
            return StorageUnavailable("The database is locked: another program holds it. End that and it goes on by itself.")
        return StorageUnavailable(f"The database cannot be used: {cause}.") if code in _SQLITE_LOST else None
    state = getattr(cause, "sqlstate", None) or ""
    if state == _POSTGRESQL_DISK_FULL:
        return _full()
    if state in _POSTGRESQL_NUL:
        return InvalidInput("Text cannot hold the character U+0000; leave it out.")
    if state in _POSTGRESQL_LATER:
        return StorageUnavailable("The database cannot do this now.")
    if error.connection_invalidated or state.startswith(_POSTGRESQL_LOST):
        return StorageUnavailable("The database cannot be reached.")
    return None


def _full() -> StorageFull:
    return StorageFull("The database's disk is full; make room on it and it goes on by itself.")
