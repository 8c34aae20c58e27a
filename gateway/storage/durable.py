"""Files that are there whole or not at all, and are still there after a power cut.

obstore's local store does neither fsync files nor the folders that name them, so local bytes are written here.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import secrets
import shutil
import time
from collections.abc import Mapping
from pathlib import Path

_PARTIAL = ".partial"
_STALE_SECONDS = 3600
"""A partial file that was not written to for so long was left by a crash."""
_PROBE = b"probe" * 1024
_syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
"""Linux's: all that was written to one file system is on disk when it returns."""
SMALLEST_FREE = 64 << 20
"""Bytes that must be free: a handful of large pictures, and the database's own log."""


class DurableFolder:
    """A folder of files that never change. Blocking: call it in a thread; it may be called in many at once.

    Raises OSError. Until a write returns, its file is not visible under its key, and nothing of it is left if it fails.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._partial = root / _PARTIAL
        self._durable = {root}
        """Folders whose own names are known to be on disk."""
        missing = [folder for folder in (root, *root.parents) if not folder.exists()]
        self._partial.mkdir(parents=True, exist_ok=True)
        for folder in reversed(missing):
            _sync_folder(folder.parent)
        self.remove_stale()

    def path(self, key: str) -> Path:
        return self.root / key

    def write(self, key: str, data: bytes) -> None:
        """Put `data` under `key`. What is there already under this key is taken to be the same when it is as long."""
        target = self.path(key)
        self._make_folder(target.parent)
        if not self._is_there(target, len(data)):
            partial = self._write_partial(data)
            try:
                os.replace(partial, target)
            except BaseException:
                _discard(partial)
                raise
        # Also for a file that was there: another thread may have renamed it and not have come this far.
        _sync_folder(target.parent)

    def write_all(self, files: Mapping[str, bytes]) -> None:
        """`write` for hundreds of small ones, with two waits for the disk in all, where there were two for each."""
        if _syncfs is None:
            for key, data in files.items():
                self.write(key, data)
            return
        partials: dict[str, Path] = {}
        # Opened before the writing: what fails in between is told to this descriptor.
        root = os.open(self.root, os.O_RDONLY | os.O_CLOEXEC)
        try:
            for key, data in files.items():
                if not self._is_there(self.path(key), len(data)):
                    partials[key] = self._write_partial(data, sync=False)
            if partials:
                _sync_all(root)
            for key, partial in partials.items():
                self.path(key).parent.mkdir(parents=True, exist_ok=True)
                os.replace(partial, self.path(key))
            _sync_all(root)
        finally:
            os.close(root)
            for partial in partials.values():
                _discard(partial)

    def begin(self) -> tuple[int, Path]:
        """A file to be written bit by bit, then given to `finish`: its descriptor, and where it lies until then."""
        partial = self._partial / secrets.token_hex(16)
        return os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644), partial

    def finish(self, descriptor: int, partial: Path, key: str) -> None:
        """Put it under `key`, in place of what is there."""
        os.fsync(descriptor)
        target = self.path(key)
        self._make_folder(target.parent)
        os.replace(partial, target)
        _sync_folder(target.parent)

    def probe(self) -> None:
        """Write a little and remove it. Raises OSError (ENOSPC) too when there is room for little more than that."""
        if shutil.disk_usage(self.root).free < SMALLEST_FREE:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        _discard(self._write_partial(_PROBE))

    def _write_partial(self, data: bytes, *, sync: bool = True) -> Path:
        partial = self._partial / secrets.token_hex(16)
        try:
            descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
            try:
                left = memoryview(data)
                while left:
                    left = left[os.write(descriptor, left) :]
                if sync:
                    os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except BaseException:
            _discard(partial)
            raise
        return partial

    def _make_folder(self, folder: Path) -> None:
        """Make the folder and see that its name is on disk, up to the root."""
        if folder in self._durable:
            return
        self._make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        _sync_folder(folder.parent)
        self._durable.add(folder)

    @staticmethod
    def _is_there(target: Path, length: int) -> bool:
        try:
            return target.stat().st_size == length
        except FileNotFoundError:
            return False

    def remove_stale(self) -> int:
        """Remove what a crash left half written, once it is old enough; how many files."""
        limit, removed = time.time() - _STALE_SECONDS, 0
        for partial in self._partial.iterdir():
            with contextlib.suppress(FileNotFoundError):
                if partial.stat().st_mtime < limit:
                    partial.unlink()
                    removed += 1
        return removed


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_all(descriptor: int) -> None:
    """All of the file system that the descriptor is on."""
    if _syncfs(descriptor):  # type: ignore[misc]  # who calls this has seen that there is one
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


def _discard(partial: Path) -> None:
    with contextlib.suppress(OSError):
        partial.unlink()
