"""A database that is full or lost, in the words of our own errors, whichever database it is."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from gateway.errors import StorageFull, StorageUnavailable

_SQLITE_LOST = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_NOTADB,
    }
)
_POSTGRESQL_DISK_FULL = "53100"


@contextmanager
def said_plainly() -> Iterator[None]:
    """Raises StorageFull or StorageUnavailable in place of what the driver says about either; the rest passes."""
    try:
        yield
    except ConnectionError as error:  # PostgreSQL's driver, before there is a connection to speak for
        raise StorageUnavailable("The database cannot be reached.") from error
    except DBAPIError as error:
        plain = _plain(error)
        if plain is None:
            raise
        raise plain from error


def _plain(error: DBAPIError) -> StorageUnavailable | None:
    cause = error.orig
    if isinstance(cause, sqlite3.Error):
        code = getattr(cause, "sqlite_errorcode", 0) & 0xFF  # the upper bits say more than we tell apart
        if code == sqlite3.SQLITE_FULL:
            return _full()
        return StorageUnavailable(f"The database cannot be used: {cause}.") if code in _SQLITE_LOST else None
    if getattr(cause, "sqlstate", None) == _POSTGRESQL_DISK_FULL:
        return _full()
    if error.connection_invalidated or isinstance(error, (OperationalError, InterfaceError)):
        return StorageUnavailable("The database cannot be reached.")
    return None


def _full() -> StorageFull:
    return StorageFull("The database's disk is full; make room on it.")
