"""`server.json`: how a running gateway tells its own command where it is and with which key to come in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from msgspec import Struct

from gateway import files


class ServerFile(Struct, frozen=True):
    """Mode 0600 in the data folder, from the moment that the gateway answers until it ends."""

    url: str
    """On this machine; not the public URL."""
    key: str
    pid: int


def read(path: Path) -> ServerFile | None:
    """None where there is none that can be understood. One that was killed leaves its file behind: see `is_alive`."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=ServerFile)
    except (OSError, msgspec.DecodeError):
        return None


def is_alive(server: ServerFile) -> bool:
    """Whether its process is there; that it also answers must be asked of it."""
    import psutil

    return psutil.pid_exists(server.pid)


@contextmanager
def published(path: Path, url: str, key: str) -> Iterator[None]:
    """The file is there while the block runs; it is written whole or not at all, and only ours is removed."""
    mine = ServerFile(url=url, key=key, pid=os.getpid())
    files.replace(path, msgspec.json.encode(mine), 0o600)
    try:
        yield
    finally:
        if read(path) == mine:
            path.unlink(missing_ok=True)
