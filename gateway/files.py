"""Small files of the operator: written whole or not at all, and still there after a power cut."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def replace(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Put `data` in the place of what `path` holds; a reader sees the old file or the new one. Raises OSError."""
    # An editor's link is followed, so that the file it points to changes and not the link.
    path = Path(os.path.realpath(path))
    with _written_beside(path, data, mode) as temporary:
        os.replace(temporary, path)
        _sync_folder(path.parent)


def create(path: Path, data: bytes, mode: int = 0o600) -> bool:
    """Make the file if there is none; of several who try at once one wins and all see its file. Raises OSError.

    Returns whether it was made by this call.
    """
    with _written_beside(path, data, mode) as temporary:
        try:
            os.link(temporary, path)
        except FileExistsError:
            return False
        except OSError:
            # Some network and memory-card filesystems have no hard links. Two starts within the same millisecond are
            # then told apart by nothing; whoever reads the file back afterwards still sees what stayed.
            if path.exists():
                return False
            os.replace(temporary, path)
        _sync_folder(path.parent)
    return True


@contextmanager
def _written_beside(path: Path, data: bytes, mode: int) -> Iterator[str]:
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with open(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        yield temporary
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
