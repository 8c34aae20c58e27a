"""Names of files for pictures: what people called them, safe on every system that may unpack them. Pure."""

from __future__ import annotations

import re
import unicodedata

EXTENSIONS = {"image/png": "png", "image/webp": "webp", "image/jpeg": "jpg", "image/avif": "avif", "image/gif": "gif"}
"""By media type."""
_LONGEST_BYTES = 150
"""Of the name without what follows it: file systems take 255, and a folder's path counts on some."""
_UNSAFE = re.compile(r'[<>:"/\\|?*]')
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
"""Categories of characters that no one sees, or that turn a line around."""
_RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])(\..*)?", re.IGNORECASE)
"""What Windows takes for a device, whatever follows the point."""


class FileNames:
    """Gives each picture of one archive a name that no other one has, also where letters' case does not count."""

    def __init__(self, *taken: str) -> None:
        self._taken = {_compared(name) for name in taken}

    def name(self, title: str, otherwise: str, extension: str) -> str:
        """After the title, else `otherwise` (its id). The title of an upload is often the name of a file already."""
        stem = safe(_without_ending(title, extension)) or otherwise
        name, number = f"{stem}.{extension}", 1
        while _compared(name) in self._taken:
            number += 1
            name = f"{stem} ({number}).{extension}"
        self._taken.add(_compared(name))
        return name


def safe(title: str) -> str:
    """Of a title what every file system takes, in one piece; empty where nothing is left."""
    seen = "".join(
        " " if character.isspace() else character
        for character in unicodedata.normalize("NFC", title)
        if character.isspace() or unicodedata.category(character) not in _UNSEEN
    )
    name = " ".join(_UNSAFE.sub("_", seen).split()).strip(". ")
    name = name.encode()[:_LONGEST_BYTES].decode(errors="ignore").strip(". ")
    return f"_{name}" if _RESERVED.fullmatch(name) else name


def _without_ending(title: str, extension: str) -> str:
    stem, point, ending = title.rpartition(".")
    return stem if point and ending.lower().replace("jpeg", "jpg") == extension else title


def _compared(name: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
