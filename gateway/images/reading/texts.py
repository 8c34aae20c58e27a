"""The texts inside PNG, JPEG and WebP files, by their keywords; without unpacking a pixel.

PNG: tEXt, zTXt and iTXt (PNG, third edition, section 11.3.3). JPEG and WebP: EXIF, as `exif` reads it, and comments.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from gateway.images.reading import exif

LONGEST_TEXT = 8 << 20
"""Bytes of one text; a ComfyUI graph with pictures inside has some megabytes."""
LONGEST_IN_ALL = 24 << 20
"""Also of what is unpacked, whether or not it is kept: a kilobyte can ask for a megabyte of it."""
MOST_TEXTS = 100
MOST_PARTS = 100_000
"""Chunks or segments that are looked at."""
LONGEST_KEYWORD = 79
"""Section 11.3.3.1."""
_PNG = b"\x89PNG\r\n\x1a\n"
_EXIF_MARK = b"Exif\0\0"


def texts_of(data: bytes) -> dict[str, str]:
    """Keyword -> text; the first of equal keywords counts. Empty for what is no such file."""
    found: dict[str, str] = {}
    room = LONGEST_IN_ALL
    for keyword, value in _every(data):
        if len(found) >= MOST_TEXTS or room < len(value):
            break
        if keyword and value and keyword not in found:
            found[keyword] = value
            room -= len(value)
    return found


def decoded(data: bytes) -> str:
    """Latin-1 as tEXt is meant, or the UTF-8 that many write there."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _every(data: bytes) -> Iterator[tuple[str, str]]:
    if data.startswith(_PNG):
        return _of_png(data)
    if data.startswith(b"\xff\xd8"):
        return _of_jpeg(data)
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return _of_webp(data)
    return iter(())


def _of_png(data: bytes) -> Iterator[tuple[str, str]]:
    at, room = len(_PNG), LONGEST_IN_ALL
    for _ in range(MOST_PARTS):
        if at + 8 > len(data) or room <= 0:
            return
        length, kind = struct.unpack_from(">I4s", data, at)
        body, at = at + 8, at + 12 + length
        if kind == b"IEND":
            return
        if kind in (b"tEXt", b"zTXt", b"iTXt") and length <= LONGEST_TEXT:
            keyword, value, cost = _png_text(kind, data[body : body + length], min(LONGEST_TEXT, room))
            room -= cost
            yield keyword, value
        elif kind == b"eXIf" and length <= LONGEST_TEXT:
            yield from exif.texts(data[body : body + length])


def _png_text(kind: bytes, body: bytes, longest: int) -> tuple[str, str, int]:
    """Keyword, text, and how many bytes were unpacked for it."""
    keyword, _, rest = body[: LONGEST_KEYWORD + 1].partition(b"\0")
    rest = body[len(keyword) + 1 :]
    name = keyword.decode("latin-1")
    if kind == b"tEXt":
        return name, decoded(rest), 0
    if kind == b"zTXt":
        value, cost = _inflated(rest[1:], longest)
        return name, decoded(value), cost
    is_packed = rest[:1] == b"\1"
    _language, _, rest = rest[2:].partition(b"\0")
    _translated, _, value = rest.partition(b"\0")
    value, cost = _inflated(value, longest) if is_packed else (value, 0)
    return name, value.decode("utf-8", "replace"), cost


def _inflated(data: bytes, longest: int) -> tuple[bytes, int]:
    """Empty for what is broken, and for what would be too long; and what that cost, in bytes."""
    inflate = zlib.decompressobj()
    try:
        value = inflate.decompress(data, longest)
    except zlib.error:
        return b"", longest
    return (value, len(value)) if inflate.eof else (b"", longest)


def _of_jpeg(data: bytes) -> Iterator[tuple[str, str]]:
    at = 2
    for _ in range(MOST_PARTS):
        if at + 4 > len(data) or data[at] != 0xFF:
            return
        marker = data[at + 1]
        if marker in (0xDA, 0xD9):  # the picture's data begins, or the file ends
            return
        if marker == 0xFF or marker == 0x01 or 0xD0 <= marker <= 0xD8:  # filling, and markers without a length
            at += 1 if marker == 0xFF else 2
            continue
        (length,) = struct.unpack_from(">H", data, at + 2)
        body = data[at + 4 : at + 2 + length]
        if marker == 0xE1 and body.startswith(_EXIF_MARK):
            yield from exif.texts(body[len(_EXIF_MARK) :])
        elif marker == 0xFE:
            yield "Comment", decoded(body).rstrip("\0")
        at += 2 + length


def _of_webp(data: bytes) -> Iterator[tuple[str, str]]:
    at = 12
    for _ in range(MOST_PARTS):
        if at + 8 > len(data):
            return
        kind, length = struct.unpack_from("<4sI", data, at)
        if kind == b"EXIF" and length <= LONGEST_TEXT:
            yield from exif.texts(data[at + 8 : at + 8 + length].removeprefix(_EXIF_MARK))
        at += 8 + length + (length & 1)
