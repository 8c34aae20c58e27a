"""The texts in EXIF (CIPA DC-008, section 4.6), as tools that make pictures write them.

A1111 puts its `parameters` into UserComment, as big-endian UTF-16 whatever the byte order of the block is; others write
the block's order, or UTF-8 under the same mark. ComfyUI puts `prompt:{…}` and `workflow:{…}` into Make and Model.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

MOST_ENTRIES = 1000
_EXIF_IFD = 0x8769
_USER_COMMENT = 0x9286
_XP_COMMENT = 0x9C9C
_MAKER_NOTE = 0x927C
_NAMES = {
    0x010E: "ImageDescription",
    0x010F: "Make",
    0x0110: "Model",
    0x0131: "Software",
    0x0132: "DateTime",
    0x9003: "DateTimeOriginal",
    0x9011: "OffsetTimeOriginal",
    _MAKER_NOTE: "MakerNote",
    _USER_COMMENT: "UserComment",
    _XP_COMMENT: "XPComment",
}
_TEXT_TYPES = frozenset({1, 2, 7})
"""BYTE, ASCII and UNDEFINED; all have one byte per value."""
_OURS = b"Darkroom\0"
_PREFIXED = re.compile(r"(prompt|workflow):\s*(?=[{\[])", re.IGNORECASE)


def texts(block: bytes) -> Iterator[tuple[str, str]]:
    """Name -> text. `block` begins with the byte order's mark."""
    order = {b"II": "<", b"MM": ">"}.get(block[:2])
    if order is None or len(block) < 8:
        return
    (first,) = struct.unpack_from(order + "I", block, 4)
    for tag, value in _entries(block, first, order):
        if tag == _EXIF_IFD:
            for inner, bytes_of_it in _entries(block, struct.unpack(order + "I", value)[0], order):
                yield from _named(inner, bytes_of_it)
        else:
            yield from _named(tag, value)


def _entries(block: bytes, at: int, order: str) -> Iterator[tuple[int, bytes]]:
    """Those whose values are text, and the pointer to the second list; the first of equal ones, for values may overlap."""
    if at + 2 > len(block):
        return
    seen: set[int] = set()
    (count,) = struct.unpack_from(order + "H", block, at)
    for index in range(min(count, MOST_ENTRIES)):
        place = at + 2 + 12 * index
        if place + 12 > len(block):
            return
        tag, kind, length = struct.unpack_from(order + "HHI", block, place)
        if tag in seen:
            continue
        seen.add(tag)
        if tag == _EXIF_IFD:
            yield tag, block[place + 8 : place + 12]
        elif tag in _NAMES and kind in _TEXT_TYPES:
            start = place + 8 if length <= 4 else struct.unpack_from(order + "I", block, place + 8)[0]
            yield tag, block[start : start + length]


def _named(tag: int, value: bytes) -> Iterator[tuple[str, str]]:
    if tag == _MAKER_NOTE:
        if value.startswith(_OURS):
            yield "darkroom", value[len(_OURS) :].decode("utf-8", "replace")
        return
    if tag == _USER_COMMENT:
        said = comment(value)
    elif tag == _XP_COMMENT:
        said = value.decode("utf-16-le", "replace")
    else:
        said = value.decode("utf-8", "replace")
    said = said.rstrip("\0")
    prefixed = _PREFIXED.match(said)
    if prefixed:
        yield prefixed[1].lower(), said[prefixed.end() :]
    elif tag in _NAMES and said:
        yield _NAMES[tag], said


def comment(value: bytes) -> str:
    """UserComment: eight bytes that name the code, and the text."""
    code, rest = value[:8], value[8:]
    if code == b"UNICODE\0":
        return _sixteen(rest)
    if code in (b"ASCII\0\0\0", b"\0" * 8, b"JIS\0\0\0\0\0"):
        return rest.decode("utf-8", "replace")
    return value.decode("utf-8", "replace")


def _sixteen(data: bytes) -> str:
    """UTF-16 in the byte order that the text itself shows: some of it is ASCII, whose first half is nothing."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    if b"\0" not in data:
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            pass
    little = data[1::2].count(0) > data[0::2].count(0)
    return data.decode("utf-16-le" if little else "utf-16-be", "replace")
