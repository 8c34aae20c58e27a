"""A folder's pictures: which files they are, and what their places say about them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".gif")
"""How their names end; what is called otherwise is looked into."""
_HEAD = 16
"""Bytes that show what a file is."""
_THUMBNAILS = "thumbnails"
MOST_TAGS = 100


class File(NamedTuple):
    """One picture's file as it was when it was found."""

    path: Path
    name: str
    """Below the folder, with slashes; text, whatever bytes the file system has for it."""
    size: int
    modified_ns: int

    @property
    def tags(self) -> list[str]:
        """The names of the folders that it lies in."""
        return self.name.split("/")[:-1][:MOST_TAGS]

    @property
    def state(self) -> tuple[int, int]:
        """Another one is another content."""
        return self.size, self.modified_ns


Trouble = Callable[[str, str], None]
"""Told the name of what cannot be read, and why."""


def pictures(folder: Path, trouble: Trouble, below: Path | None = None) -> Iterator[File | None]:
    """The pictures of the folder and of those inside, in the order of their names; None for each other file.

    Hidden files and folders are passed over, and links to folders are not followed. `below` begins further down.
    """
    open_folders = [_entries(folder, below or folder, trouble)]  # no recursion: folders may lie deeper than Python goes
    while open_folders:
        entry = next(open_folders[-1], None)
        if entry is None:
            open_folders.pop()
            continue
        try:
            is_folder, is_file = entry.is_dir(follow_symlinks=False), entry.is_file()
        except OSError as error:  # such as a link that leads to itself
            trouble(_name(folder, entry.path), f"The file cannot be read: {error.strerror}.")
            continue
        if is_folder:
            open_folders.append(_entries(folder, Path(entry.path), trouble))
        elif is_file:
            yield picture(folder, Path(entry.path), trouble)


def _entries(folder: Path, here: Path, trouble: Trouble) -> Iterator[os.DirEntry[str]]:
    """What lies in a folder and is not hidden, by name."""
    try:
        with os.scandir(here) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        trouble(_name(folder, str(here)), f"The folder cannot be read: {error.strerror}.")
        return
    yield from (entry for entry in entries if not entry.name.startswith("."))


def picture(folder: Path, path: Path, trouble: Trouble) -> File | None:
    """The file, where it is a picture that is not only the thumbnail of one."""
    try:
        if not _looks_like_one(path) or _is_thumbnail(path):
            return None
        about = path.stat()
    except OSError as error:
        trouble(_name(folder, str(path)), f"The file cannot be read: {error.strerror}.")
        return None
    return File(path, _name(folder, str(path)), about.st_size, about.st_mtime_ns)


def _looks_like_one(path: Path) -> bool:
    if path.suffix.lower() in PICTURES:
        return True
    from gateway.storage.reading import sniff

    with path.open("rb") as file:
        return sniff(file.read(_HEAD)) is not None


def _is_thumbnail(path: Path) -> bool:
    """InvokeAI keeps one beside each picture, of the same name, in a folder called so."""
    return path.parent.name == _THUMBNAILS and any(
        path.parent.parent.joinpath(path.stem + ending).exists() for ending in PICTURES
    )


def _name(folder: Path, path: str) -> str:
    return os.fsencode(os.path.relpath(path, folder)).decode("utf-8", "replace").replace(os.sep, "/")
