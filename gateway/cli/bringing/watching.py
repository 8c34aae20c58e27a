"""A folder from now on: files are taken once nobody writes to them any more."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from gateway.cli.bringing.folder import File, Trouble, picture, pictures

SETTLED_SECONDS = 2.0
"""A file that did not change for so long is finished; tools write a picture within less."""
_LOOK_EVERY = 500
"""Milliseconds."""

States = dict[str, tuple[int, int]]
"""What was taken, by name, as it was then."""


def finished(folder: Path, taken: States, trouble: Trouble) -> Iterator[list[File]]:
    """Files that are new or have changed, some at a time, as they are finished; without end, and often none.

    `taken` is what needs no taking; whoever takes files adds them to it.
    """
    import watchfiles

    waiting: dict[Path, tuple[tuple[int, int], float]] = {}
    began = False
    # Every change, hidden ones too: the filter that comes with it is made for source code.
    changes = watchfiles.watch(
        folder, watch_filter=None, debounce=_LOOK_EVERY, rust_timeout=_LOOK_EVERY, yield_on_timeout=True,
        ignore_permission_denied=True,
    )  # fmt: skip
    for changed in changes:
        paths = [Path(path) for kind, path in changed if kind != watchfiles.Change.deleted]
        # What came between the first pass and the beginning of the watch made no noise.
        for path in paths if began else [folder, *paths]:
            for file in _files(folder, path, trouble):
                if taken.get(file.name) != file.state:
                    waiting.setdefault(file.path, (file.state, time.monotonic()))
        began = True
        yield _settled(folder, waiting, trouble)


def _files(folder: Path, path: Path, trouble: Trouble) -> Iterator[File]:
    """The file; or all that a folder holds, which may have been moved here as a whole."""
    if path != folder and any(part.startswith(".") for part in path.relative_to(folder).parts):
        return
    if path.is_dir():
        yield from (each for each in pictures(folder, trouble, path) if each)
    elif path.is_file():
        file = picture(folder, path, _silent)
        if file:
            yield file


def _settled(folder: Path, waiting: dict[Path, tuple[tuple[int, int], float]], trouble: Trouble) -> list[File]:
    ready = []
    for path, (state, since) in list(waiting.items()):
        file = picture(folder, path, trouble) if path.exists() else None
        if file is None:
            del waiting[path]
        elif file.state != state:
            waiting[path] = (file.state, time.monotonic())
        elif time.monotonic() - since >= SETTLED_SECONDS:
            del waiting[path]
            ready.append(file)
    return ready


def _silent(_name: str, _reason: str) -> None:
    """A file that is gone again before it was looked at is nobody's trouble."""
