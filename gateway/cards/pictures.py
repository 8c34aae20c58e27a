"""Which part each of several pictures plays that come in one list. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from engines.contract import Capability, ModelCard
from gateway.cards.checking import NEEDS_SOURCE

CLOUD_SOURCE_BYTES = 4_000_000
"""What a paid cloud is sent of a picture where its card does not say: the least that any of them takes (OpenAI's masks)."""
_T = TypeVar("_T")


def arrange(pictures: Sequence[_T], capability: Capability, card: ModelCard) -> tuple[_T | None, tuple[_T, ...]]:
    """(source, references): the first is the source where the model changes one; the others are looked at."""
    if pictures and changes_one(capability, card):
        return pictures[0], tuple(pictures[1:])
    return None, tuple(pictures)


def takes(count: int, capability: Capability, card: ModelCard) -> bool:
    """Whether the model takes so many pictures, the source included."""
    return count <= card.max_references + changes_one(capability, card)


def source_bytes(card: ModelCard) -> int | None:
    """What a picture that is handed in may take as a PNG; None: as much as it likes."""
    return card.max_source_bytes or (CLOUD_SOURCE_BYTES if card.replay == "never" else None)


def changes_one(capability: Capability, card: ModelCard) -> bool:
    """Whether there is a source: a picture that is changed, of which the result is another version."""
    return capability in NEEDS_SOURCE and (card.takes_source or capability != "image_to_image")
