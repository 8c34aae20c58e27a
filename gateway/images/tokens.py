"""Text into what the search knows it by. Pure, and the same for both databases.

Words are found by their beginnings. Scripts that are written without spaces have no words to see, so each run of them is
kept as its characters and its pairs of neighbors, and is found by the pairs of what is asked for. An emoji is a token.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import pairwise
from typing import Literal

from msgspec import Struct

LONGEST = 64
"""Characters of a word that count; what follows is not looked at."""
MOST_TERMS = 32
"""Of one query; more would find less, and cost."""

_UNSPACED = re.compile(
    "["
    "\u0e00-\u0fff"  # Thai, Lao, Tibetan
    "\u1000-\u109f\u1780-\u17ff\u1950-\u19ff\u1a20-\u1aaf\u1b00-\u1b7f"  # Myanmar, Khmer, Tai, Balinese
    "\u3005-\u3007\u3040-\u312f\u31a0-\u31bf\u31f0-\u31ff"  # kana, bopomofo
    "\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uf900-\ufaff"  # Han, Yi
    "\ua980-\ua9ff\uaa60-\uaadf"  # Javanese, more of Myanmar and Tai
    "\U0001b000-\U0001b16f\U00020000-\U0003ffff"  # the rest of kana and Han
    "]"
)
_FLAG_LETTERS = range(0x1F1E6, 0x1F200)
_SKIN_TONES = range(0x1F3FB, 0x1F400)
_PICTURES = range(0x1F000, 0x1FB00)
"""Where emoji lie, also those that are younger than Python's tables."""
_SELECTORS = range(0xFE00, 0xFE10)
"""They say how the character before is drawn, and mean nothing."""

_WITH_MARKS = "\u0700"
"""Before it are Latin, Greek, Cyrillic, Armenian, Hebrew and Arabic letters, which are read without marks as well."""
_PLAIN = str.maketrans(
    {"æ": "ae", "ð": "d", "ø": "o", "þ": "th", "đ": "d", "ħ": "h", "ı": "i", "ł": "l", "ŋ": "n", "œ": "oe", "ŧ": "t"}
)
"""Letters that Unicode does not take apart, folded."""

Kind = Literal["word", "unspaced", "flag", "emoji", "gap", "nothing"]


class Term(Struct, frozen=True, order=True):
    """One condition of a query; all of them must hold."""

    text: str
    is_beginning: bool
    """Whether words that begin so count too."""
    words: tuple[str, ...] = ()
    """All words that begin so, where they are known; empty: whichever there are."""


def tokens(*texts: str) -> list[str]:
    """What the texts together are found by, each once, in an order that only depends on the texts."""
    found: dict[str, None] = {}
    for text in texts:
        for kind, run in _runs(text):
            if kind == "unspaced":
                found.update(dict.fromkeys(run))
                found.update(dict.fromkeys(map("".join, pairwise(run))))
            else:
                found[run] = None
    return list(found)


def terms(query: str) -> list[Term]:
    """The conditions that a query sets; none where it has neither word nor emoji."""
    found: dict[Term, None] = {}
    for kind, run in _runs(query):
        if kind == "unspaced":
            found.update(dict.fromkeys(Term("".join(pair), False) for pair in (pairwise(run) if len(run) > 1 else run)))
        else:
            found[Term(run, kind == "word")] = None
    return list(found)[:MOST_TERMS]


def in_a_row(text: str) -> str:
    """The text as phrases are looked for in it: folded, without signs, one space around each word and emoji.

    No space is around what begins or ends with a script that is written without them: a part of a run is found too.
    """
    runs = list(_runs(text))
    if not runs:
        return ""
    before, after = ("" if runs[end][0] == "unspaced" else " " for end in (0, -1))
    return f"{before}{' '.join(run for _, run in runs)}{after}"


def _runs(text: str) -> Iterator[tuple[Kind, str]]:
    """Words, unspaced runs, flags and emoji, in their order."""
    run = ""
    of: Kind = "gap"
    for character in _folded(text):
        kind = _kind(character, of)
        if kind == "nothing":
            continue
        if run and (kind != of or kind == "emoji" or (kind == "flag" and len(run) == 2)):
            yield of, run[:LONGEST] if of == "word" else run
            run = ""
        of = kind
        run = "" if kind == "gap" else run + character
    if run:
        yield of, run[:LONGEST] if of == "word" else run


def _folded(text: str) -> str:
    """Without differences of case, width, composition and accents."""
    return bare(unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()))


def bare(folded: str) -> str:
    """Without accents and points, which searchers leave out: `café` is `cafe`, `Đà Nẵng` (folded) `da nang`.

    Scripts that nobody writes without their marks keep them, such as Thai, Devanagari and kana.
    """
    if folded.isascii():
        return folded
    kept = []
    letter = ""
    for character in unicodedata.normalize("NFD", folded.translate(_PLAIN)):
        if unicodedata.category(character) != "Mn":
            letter = character
        elif letter < _WITH_MARKS:
            continue
        kept.append(character)
    return unicodedata.normalize("NFC", "".join(kept))


def _kind(character: str, before: Kind) -> Kind:
    code, category = ord(character), unicodedata.category(character)
    if category == "Cf" or code in _SKIN_TONES or code in _SELECTORS:
        return "nothing"
    if code in _FLAG_LETTERS:
        return "flag"
    if category == "So" or (code in _PICTURES and category == "Cn"):
        return "emoji"
    if category[0] not in "LNM":
        return "gap"
    if _UNSPACED.match(character):
        return "unspaced"
    # A mark that many scripts share belongs to what stands before it.
    return "unspaced" if category[0] == "M" and before == "unspaced" else "word"
