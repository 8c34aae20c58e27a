"""A whole copy of a SQLite database, made while it may be in use."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

from gateway.errors import StorageFull


def back_up(database: Path, folder: Path, revision: str) -> Path:
    """Copy the last commit of `database` into `folder`, durably; the copy's path, which tells `revision` and the time.

    Raises StorageFull when the copy cannot be written; no part of one is left.
    """
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    target = folder / f"{database.stem}-at-{revision}-{moment}{database.suffix}"
    unfinished = target.with_name(target.name + ".part")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        unfinished.touch(mode=0o600)
        with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(unfinished)) as copy:
            source.backup(copy)
        _make_durable(unfinished)
        unfinished.replace(target)
        _make_durable(folder)
    except (OSError, sqlite3.Error) as error:
        with suppress(OSError):
            unfinished.unlink()
        raise StorageFull(
            f"No copy of the database could be made in {folder} ({error}), and without one it is not migrated. Make room there."
        ) from error
    return target


def _make_durable(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
