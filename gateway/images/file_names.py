"""Names of files for pictures: what people called them, safe on every system that may unpack them. Pure."""

from __future__ import annotations

import re
import unicodedata

EXTENSIONS = {"image/png": "png", "image/webp": "webp", "image/jpeg": "jpg", "image/avif": "avif", "image/gif": "gif"}
"""By media type."""
_LONGEST_BYTES = 150
"""Of the name without what follows it: file systems take 255, and a folder's path counts on some."""
LONGEST_SLUG = 60
"""Characters."""
_ENOUGH = 1000
"""Characters of a prompt that are looked at."""
_MOMENT = 13
"""Characters that an id begins with and that say when it was made, to the millisecond."""
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


def untitled(prompt: str, image_id: str) -> str:
    """For a picture without a title: its prompt's first words and how its id begins, else the id."""
    words = slug(prompt).encode()[: _LONGEST_BYTES - _MOMENT - 1].decode(errors="ignore").rstrip("-")
    return f"{words}-{image_id[:_MOMENT]}" if words else image_id


def slug(prompt: str) -> str:
    """The first words and numbers of a prompt, of any script, with hyphens between; empty where it has none."""
    kept = ""
    for character in unicodedata.normalize("NFC", prompt[:_ENOUGH].lower()):
        category = unicodedata.category(character)
        # Marks belong to their letters: Thai and the scripts of India write vowels with them.
        kept += character if category[0] in "LMN" else "" if category == "Cf" else " "
    name = ""
    for word in kept.split():
        longer = f"{name}-{word}" if name else word[:LONGEST_SLUG]
        if len(longer) > LONGEST_SLUG:
            break
        name = longer
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
