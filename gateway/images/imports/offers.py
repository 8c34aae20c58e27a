"""What is offered to an import, and what became of each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from gateway.images.tags import LONGEST_TAG, MOST_TAGS, folded

Status = Literal["added", "joined", "trashed", "refused", "wanted"]
LONGEST_ORIGIN = 1024
"""Characters; of a longer path its end is kept."""
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029]+")


class Known(Struct, frozen=True, kw_only=True):
    """A file by the hash of its content, before it is sent."""

    path: str
    """Below the folder that is imported; how the file is spoken of."""
    hash: str
    """SHA-256 in hex."""
    tags: Sequence[str] = ()


class Brought(Struct, frozen=True, kw_only=True):
    """A file with its content."""

    path: str
    data: bytes
    modified_at: int | None = None
    """Microseconds since the epoch: when the picture was made, where its metadata does not tell."""
    tags: Sequence[str] = ()


class Left(Struct, frozen=True, kw_only=True):
    """A file that stays where it lies, below a folder of the gateway's own machine."""

    path: str
    tags: Sequence[str] = ()


class Outcome(Struct, frozen=True, kw_only=True):
    """What became of a file."""

    path: str
    status: Status
    """`joined`: the team has these bytes already, and they got the tags that they lacked; `trashed`: it has them in its
    trash, where they stay; `wanted`: it does not have them, send the file."""
    id: str | None = None
    """Of the image, where there is one."""
    reason: str = ""
    """Why it was refused, and what helps."""


def origin(path: str) -> str:
    """A path as it is kept: text on one line."""
    return _UNSEEN.sub(" ", path)[-LONGEST_ORIGIN:]


def taken_tags(given: Sequence[str]) -> list[str]:
    """Folders' names as tags: what a tag cannot hold is left out, and nothing is refused for it."""
    kept: dict[str, str] = {}
    for each in given:
        tag = _UNSEEN.sub(" ", each).strip()[:LONGEST_TAG].strip()
        if tag:
            kept.setdefault(folded(tag), tag)
    return list(kept.values())[:MOST_TAGS]


def joined_tags(had: Sequence[str], given: Sequence[str]) -> list[str]:
    """Those that a picture had, and behind them those that it lacked, as far as there is room."""
    return taken_tags([*had, *given])
