"""What reading a file would cost beyond its pixels, counted before it is read.

A few bytes can ask for much: each scan of a progressive JPEG goes over the whole picture once more, and parsers walk
through chunks, segments and blocks one by one, some copying what they gathered so far.
"""

from __future__ import annotations

import re
import struct

MOST_SCANS = 64
"""Of a JPEG: encoders write ten, optimizers up to twenty. At 50 megapixels each takes a seventh of a second."""
MOST_PARTS = 20_000
"""Chunks, segments or blocks: a PNG of 32 MB, in the chunks of 8 kB that libpng writes, has four thousand."""
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
"""What begins a segment; not a stuffed zero, a restart or a fill byte."""
_END, _SCAN = 0xD9, 0xDA
_LENGTHLESS = frozenset({0x01, 0xC8, 0xD8, 0xD9, *range(0xF0, 0xFE)})
"""Markers behind which no length is read: some have none, the others mean nothing to Pillow, which goes on within them."""
_GIF_EXTENSION, _GIF_COMMENT, _GIF_APPLICATION = 0x21, 0xFE, 0xFF
_GIF_ENDS = frozenset(b",;")
"""A frame, and the file's end."""


class TooCostly(ValueError):
    """The message says of what there is too much."""


def check(data: bytes, media_type: str) -> None:
    """Raises TooCostly. Broken files pass: reading them says more."""
    walk = {"image/png": _png, "image/jpeg": _jpeg, "image/webp": _webp, "image/gif": _gif}.get(media_type)
    if walk:
        try:
            walk(data)
        except (struct.error, IndexError):
            return


def _png(data: bytes) -> None:
    at = 8
    for _ in range(MOST_PARTS):
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"IEND":
            return
        at += 12 + length
    raise TooCostly("chunks")


def _webp(data: bytes) -> None:
    at = 12
    for _ in range(MOST_PARTS):
        (length,) = struct.unpack_from("<I", data, at + 4)
        at += 8 + length + length % 2
    raise TooCostly("chunks")


def _jpeg(data: bytes) -> None:
    at, parts, scans = 2, 0, 0
    while match := _MARKER.search(data, at):
        marker = data[match.end() - 1]
        if scans and marker == _END:
            return
        # What lies between segments is walked through byte by byte, until the pixels begin.
        parts += 1 if scans else 1 + match.start() - at
        scans += marker == _SCAN
        if scans > MOST_SCANS or parts > MOST_PARTS:
            raise TooCostly("scans" if scans > MOST_SCANS else "segments")
        at = match.end() + (0 if marker in _LENGTHLESS else struct.unpack_from(">H", data, match.end())[0])
    if not scans and len(data) - at > MOST_PARTS:
        raise TooCostly("segments")


def _gif(data: bytes) -> None:
    """The blocks before the first frame, as Pillow finds them: bytes that begin none are passed over one by one."""
    palette = 3 << (data[10] & 7) + 1 if data[10] & 0x80 else 0
    at, parts = 13 + palette, 0
    while (begins := data[at]) not in _GIF_ENDS:
        at, parts = at + 1, parts + 1
        if begins == _GIF_EXTENSION:
            label, first = data[at], data[at + 1]
            netscape = label == _GIF_APPLICATION and data.startswith(b"NETSCAPE2.0", at + 2, at + 2 + first)
            at += 2 + first
            if netscape:
                at += 1 + data[at]
            while (label != _GIF_COMMENT or first) and data[at]:
                at, parts = at + 1 + data[at], parts + 1
                if parts > MOST_PARTS:
                    raise TooCostly("blocks")
            at += label != _GIF_COMMENT or first > 0
        if parts > MOST_PARTS:
            raise TooCostly("blocks")
