"""The nearest valid word, for messages about a wrong one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

LONGEST_LIST = 20
"""Words in a message; a longer list hides the answer instead of giving it."""


def nearest(word: str, among: Iterable[str]) -> str | None:
    """The word that was most likely meant, whatever its case; None when nothing is near."""
    spelled = {candidate.casefold(): candidate for candidate in among}
    found = difflib.get_close_matches(word.casefold(), spelled, n=1, cutoff=0.6)
    return spelled[found[0]] if found else None


def did_you_mean(word: str, among: Iterable[str]) -> str:
    """`; did you mean "x"?`, or nothing: to be hung behind a statement."""
    found = nearest(word, among)
    return f'; did you mean "{found}"?' if found else ""


def listed(words: Iterable[str]) -> str:
    """Words for a sentence, cut where nobody would read on."""
    every = list(words)
    more = len(every) - LONGEST_LIST
    return ", ".join(every[:LONGEST_LIST]) + (f" and {more} more" if more > 0 else "")
