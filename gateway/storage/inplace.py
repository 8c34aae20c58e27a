"""Files that stay where they lie: a blob may be a file of the operator's own, imported in place.

Such a file can change or go at any time. It is known by its path, its size and the time of its last change; while these
hold, it is taken to be what it was when it was imported. It is only ever opened for reading.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct
from sqlalchemy import select

from gateway.db import Database
from gateway.errors import NotFound, StorageUnavailable
from gateway.storage.tables import blobs

_GONE = "The file of this picture, imported in place, is not where it lay; put it back, or import its folder again."
_CHANGED = "The file of this picture was changed since it was imported in place; import its folder again to have it as it is."


class FileChanged(NotFound):
    """What lies there is not what was imported: its bytes are given to nobody under the old picture's name."""

    status = 410
    code = "file_changed"


class Lying(Struct, frozen=True):
    """A file as it was when it was imported."""

    path: str
    """Absolute, without symbolic links."""
    bytes: int
    modified_at: int
    """Nanoseconds since the epoch, as the file system says."""


class InPlace:
    """Which blobs are files elsewhere."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def find(self, hash: str) -> Lying | None:
        """Where this blob lies, or lay; None for one that was never imported in place."""
        query = select(blobs.c.path, blobs.c.bytes, blobs.c.modified_at)
        async with self._db.read() as connection:
            row = (await connection.execute(query.where(blobs.c.hash == hash, blobs.c.path.is_not(None)))).one_or_none()
        return Lying(row.path, row.bytes, row.modified_at or 0) if row else None


def open_there(path: str | Path) -> BinaryIO:
    """A plain file, opened without following a link in its last place. Raises OSError, also for all that is no file.

    Blocks, but never for a pipe that nobody writes to.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FileNotFoundError(path)
    return os.fdopen(descriptor, "rb", buffering=0)


def open_unchanged(lying: Lying) -> BinaryIO:
    """The file, seen to be as it was. Raises NotFound for one that is gone, FileChanged, StorageUnavailable. Blocks."""
    try:
        file = open_there(lying.path)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFound(_GONE) from error
    except OSError as error:
        if os.path.islink(lying.path):
            raise FileChanged(_CHANGED) from error
        raise StorageUnavailable(f"The picture's file cannot be read: {error.strerror}.") from error
    try:
        see_unchanged(file, lying)
    except BaseException:
        file.close()
        raise
    return file


def see_unchanged(file: BinaryIO, lying: Lying) -> None:
    """Raises FileChanged. Asked again after each part that was read, no part of a changed file is given away."""
    now = os.fstat(file.fileno())
    if (now.st_size, now.st_mtime_ns) != (lying.bytes, lying.modified_at):
        raise FileChanged(_CHANGED)


def read(lying: Lying, start: int = 0, end: int | None = None) -> bytes:
    """The bytes from `start` up to, not including, `end`. Raises as `open_unchanged`. Blocks."""
    stop = lying.bytes if end is None else min(end, lying.bytes)
    parts = []
    with open_unchanged(lying) as file:
        while start < stop:
            part = os.pread(file.fileno(), stop - start, start)
            if not part:
                raise FileChanged(_CHANGED)
            parts.append(part)
            start += len(part)
        see_unchanged(file, lying)
    return b"".join(parts)
