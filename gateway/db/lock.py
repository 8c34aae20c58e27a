"""One gateway per database.

The lock is the kernel's (flock): it goes with the process, however that ends, so a `kill -9` leaves nothing to clear.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec
import psutil
from filelock import FileLock, Timeout
from msgspec import Struct

from gateway.errors import AlreadyRunning, ConfigurationError


class _Server(Struct):
    """What a running gateway says of itself in server.json, as far as it matters here."""

    pid: int
    url: str


@contextmanager
def hold(data: Path, database: Path | None = None) -> Iterator[None]:
    """Keep every other gateway from starting on the folder `data`, and on the file `database` wherever that lies.

    Makes the folder. Raises AlreadyRunning, which names the other's process and URL where they can be known, and
    ConfigurationError for a folder that cannot be written.
    """
    # The database's own lock is beside it, darkroom.lock for a darkroom.db: at home that is the folder's lock.
    beside = [] if database is None else [database.with_suffix(".lock")]
    files = dict.fromkeys(file.resolve() for file in (data / "darkroom.lock", *beside))
    with ExitStack() as held:
        for file in files:
            held.enter_context(_lock(file, data))
        yield


@contextmanager
def _lock(file: Path, data: Path) -> Iterator[None]:
    # Not bound to a thread: what starts the gateway need not be what ends it.
    lock = FileLock(file, mode=0o600, thread_local=False)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(blocking=False)
    except Timeout:
        raise AlreadyRunning(
            f"Another gateway {_who(data)}already runs on {file.parent}; use that one, stop it, "
            "or give this one a folder of its own with --data."
        ) from None
    except OSError as error:
        raise ConfigurationError(f"The folder {file.parent} cannot be used: {error.strerror or error}.") from None
    try:
        yield
    finally:
        lock.release()


def _who(data: Path) -> str:
    try:
        server = msgspec.json.decode((data / "server.json").read_bytes(), type=_Server)
    except (OSError, msgspec.DecodeError):
        return ""
    # One that was killed leaves its file behind; whoever holds the lock now may not have written its own yet.
    return f"(process {server.pid}, {server.url}) " if psutil.pid_exists(server.pid) else ""
