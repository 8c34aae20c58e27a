"""The `parameters` text that AUTOMATIC1111's web UI writes into pictures, and its whole family reads.

    a red cube
    Negative prompt: blurry
    Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 512x512, Model: shapes, Version: Darkroom 0.1.0

The form has no escape for prompts. What comes back changed: white space at the ends of a prompt's lines, a line of a
prompt that begins with "Negative prompt:", and a last line that looks like the fields. Fields come back as written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from msgspec import Struct

NEGATIVE = "Negative prompt:"
FEWEST_FIELDS = 3
"""A last line with fewer is prompt: A1111's own rule, which its relatives share."""
LONGEST_FIELDS = 65_536
"""Characters; a longer last line is no infotext, and reading it must not take long."""

_KEY = re.compile(r"\s*(\w[\w \-/]+):\s*")
_QUOTED = re.compile(r'"(?:\\.|[^\\"])*"(?=\s*(?:,|$))')
_BLANKS = re.compile(r"\s*")
_SIZE = re.compile(r"([0-9]{1,6})x([0-9]{1,6})")


class Infotext(Struct, frozen=True):
    """What such a text says; the values of fields are text, their quotes removed."""

    prompt: str = ""
    negative_prompt: str = ""
    fields: dict[str, str] = {}


def write(prompt: str, negative_prompt: str, fields: Mapping[str, object]) -> str:
    """The text; fields keep their order, those that are None are left out."""
    said = ", ".join(f"{key}: {_value(value)}" for key, value in fields.items() if value is not None)
    negative = f"{NEGATIVE} {negative_prompt}" if negative_prompt else ""
    return "\n".join(part for part in (prompt, negative, said) if part)


def parse(text: str) -> Infotext:
    """Read such a text, ours or a stranger's. Never fails: text without fields is all prompt."""
    *lines, last = text.strip().split("\n")
    fields = dict(_fields(last)) if len(last) <= LONGEST_FIELDS else {}
    if len(fields) < FEWEST_FIELDS:
        lines, fields = [*lines, last], {}
    prompt: list[str] = []
    negative: list[str] = []
    part = prompt
    for line in map(str.strip, lines):
        if line.startswith(NEGATIVE):
            part = negative
            line = line.removeprefix(NEGATIVE).strip()
        part.append(line)
    return Infotext("\n".join(prompt), "\n".join(negative), fields)


def size(value: str) -> tuple[int, int] | None:
    """Width and height of a field such as "512x768"."""
    match = _SIZE.fullmatch(value)
    return (int(match[1]), int(match[2])) if match else None


def _value(value: object) -> str:
    text = f"{value:.0f}" if isinstance(value, float) and value.is_integer() else str(value)
    bare = text and text == text.strip() and not any(mark in text for mark in ",:\n") and text[0] not in '"{['
    return text if bare else json.dumps(text, ensure_ascii=False)


def _fields(line: str) -> Iterator[tuple[str, str]]:
    """The line's fields; what is none (a stray comma, a word without a colon) is passed over."""
    at = 0
    while at < len(line):
        key = _KEY.match(line, at)
        if key:
            value, at = _read_value(line, key.end())
            yield key[1], value
            at += 1  # the comma
        else:
            comma = line.find(",", at)
            at = len(line) if comma < 0 else comma + 1


def _read_value(line: str, at: int) -> tuple[str, int]:
    """The value that begins at `at`, and where it ends: quoted text, JSON as some peers write it bare, or plain."""
    quoted = _QUOTED.match(line, at)
    if quoted:
        return _unquoted(quoted[0]), _past_blanks(line, quoted.end())
    end = _json_end(line, at) if line.startswith(("{", "["), at) else at
    after = _past_blanks(line, end)
    if end > at and line[after : after + 1] in ("", ","):
        return line[at:end], after
    comma = line.find(",", at)
    end = len(line) if comma < 0 else comma
    return line[at:end].strip(), end


def _unquoted(text: str) -> str:
    try:
        return str(json.loads(text))
    except ValueError:
        return text


def _json_end(line: str, at: int) -> int:
    """Where the JSON ends that begins at `at`; `at` itself where none does."""
    try:
        return json.JSONDecoder().raw_decode(line, at)[1]
    except (ValueError, RecursionError):
        return at


def _past_blanks(line: str, at: int) -> int:
    match = _BLANKS.match(line, at)
    return match.end() if match else at
