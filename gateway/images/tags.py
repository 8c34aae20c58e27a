"""Titles and tags: what of them is taken, how they are compared, and how titles sort. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from gateway.errors import InvalidInput
from gateway.images.tables import UNTITLED

LONGEST_TITLE = 200
LONGEST_TAG = 64
"""Characters."""
MOST_TAGS = 50
"""Of one picture."""
_SORTED_BY = 64
"""Characters of a title; those that begin alike so far stand in the order of their ids."""
_UNSEEN = {"Cc", "Cs", "Zl", "Zp"}
"""Categories that no line of text has: control characters, halves of pairs, separators of lines."""
_BLANK = {"Cf", "Zs"}
"""Categories that say nothing by themselves: spaces, and what only joins, divides or turns what is beside it."""


def folded(tag: str) -> str:
    """As tags are compared: without differences of case, width and composition."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", tag).casefold())


def title_key(title: str) -> str:
    """What a title sorts by; pictures without one come last."""
    return folded(title)[:_SORTED_BY] or UNTITLED


def cleaned_title(title: str, field: str = "title") -> str:
    """On one line and without spaces around it; empty for none. Raises InvalidInput."""
    return _line(title, "A title", LONGEST_TITLE, field)


def cleaned(tags: Sequence[str], field: str = "tags") -> list[str]:
    """In the order given, each once, as it was written first. Raises InvalidInput."""
    if len(tags) > MOST_TAGS:
        raise InvalidInput(f"A picture has at most {MOST_TAGS} tags; these are {len(tags)}.", field=field)
    kept: dict[str, str] = {}
    for place, given in enumerate(tags):
        tag = _line(given, "A tag", LONGEST_TAG, f"{field}[{place}]")
        if not tag:
            raise InvalidInput("A tag cannot be empty; leave it out.", field=f"{field}[{place}]")
        kept.setdefault(folded(tag), tag)
    return list(kept.values())


def _line(text: str, what: str, longest: int, field: str) -> str:
    if len(text) > longest:
        raise InvalidInput(f"{what} has at most {longest} characters; this one has {len(text)}.", field=field)
    if any(unicodedata.category(character) in _UNSEEN for character in text):
        raise InvalidInput(f"{what} is one line of text, without control characters.", field=field)
    return text.strip() if any(unicodedata.category(character) not in _BLANK for character in text) else ""
