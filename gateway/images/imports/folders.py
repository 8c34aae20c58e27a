"""Files that an administrator leaves where they lie: only below folders that the operator lists in models.toml."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from gateway.errors import Forbidden, InvalidInput, StorageUnavailable
from gateway.images.imports.offers import origin
from gateway.storage import inplace
from gateway.storage.inplace import Lying

_GONE = "It is no file that the gateway can read."
_LARGE = "The file has {size} bytes; at most {largest} are read ([settings.limits] max_body_bytes in models.toml)."


class Unfit(InvalidInput):
    """A file that cannot be imported in place; the others can."""


def allowed(folder: str, listed: Sequence[str]) -> Path:
    """The folder itself, whatever links lead there. Raises Forbidden that says what to add to models.toml, InvalidInput."""
    if not Path(folder).is_absolute() or "\0" in folder:
        raise InvalidInput("Give the full path of a folder on the gateway's machine.", field="folder")
    real = Path(os.path.realpath(folder))
    if origin(str(real)) != str(real):
        raise InvalidInput("The folder's name is too long, or no text on one line; rename it.", field="folder")
    if not _below(real, listed):
        raise Forbidden(
            f'The gateway may not read {real} in place. Its operator can allow it: add "{real}", or a folder above it, to '
            "`folders` in [settings.imports] of models.toml. Without --in-place the pictures are copied, which needs no leave.",
            field="folder",
        )
    if not real.is_dir():
        raise InvalidInput(f"There is no folder {real} on the gateway's machine.", field="folder")
    return real


def lying(folder: Path, path: str, listed: Sequence[str], *, largest: int) -> Lying:
    """The file as it is now, with all links followed. Raises Unfit. Blocks."""
    if os.path.isabs(path) or "\0" in path:
        raise Unfit("Its path must be below the folder.")
    real = Path(os.path.realpath(folder / path))
    if origin(str(real)) != str(real):
        raise Unfit("Its name, or its folder's, is too long or no text on one line; rename it.")
    if not _below(real, listed):
        raise Unfit("It lies elsewhere, outside of the folders in [settings.imports] of models.toml.")
    try:
        with inplace.open_there(real) as file:
            about = os.fstat(file.fileno())
    except (OSError, ValueError) as error:
        raise Unfit(_GONE) from error
    if about.st_size > largest:
        raise Unfit(_LARGE.format(size=about.st_size, largest=largest))
    return Lying(str(real), about.st_size, about.st_mtime_ns)


def content(file: Lying) -> bytes:
    """Its bytes, all of one moment. Raises Unfit. Blocks."""
    try:
        return inplace.read(file)
    except inplace.FileChanged as error:
        raise Unfit("It changed while it was read; import it again when it is finished.") from error
    except (OSError, InvalidInput, StorageUnavailable) as error:
        raise Unfit(_GONE) from error


def _below(path: Path, listed: Sequence[str]) -> bool:
    return any(path.is_relative_to(os.path.realpath(each)) for each in listed)
