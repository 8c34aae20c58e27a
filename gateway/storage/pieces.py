"""Picture files in pieces: which of them a viewer needs, which are marks, and which are nobody else's business.

PNG: chunks (W3C PNG). JPEG: segments (ITU-T T.81). WebP: RIFF chunks (RFC 9649). GIF: blocks (GIF89a). The pieces, joined,
are the file again but for its padding and what lies behind its end. All raise ValueError, struct.error or IndexError for
a file whose parts do not add up.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Literal, NamedTuple

from gateway.storage import carriage

Role = Literal["needed", "xmp", "exif", "manifest", "private"]
EXIF = b"Exif\0\0"
"""How a JPEG's EXIF segment begins."""
MOST_XMP = 4 << 20
"""Bytes of XMP packets that are looked at; a file has one packet, and compressed ones unpack to a thousand times their size."""
PNG_NEEDED = frozenset(
    b"IHDR PLTE IDAT IEND tRNS bKGD hIST sPLT pHYs gAMA cHRM sRGB sBIT iCCP cICP mDCV cLLI mDCv cLLi acTL fcTL fdAT".split()
)
WEBP_NEEDED = frozenset((b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF", b"ICCP"))
_WEBP_ROLES: dict[bytes, Role] = {b"XMP ": "xmp", b"EXIF": "exif", b"C2PA": "manifest"}
_JPEG_NEEDED = {0xE2: b"ICC_PROFILE\0", 0xEE: b"Adobe"}
"""Application segments that change how the picture looks, and how they begin."""
_JPEG_TABLES = frozenset({*range(0xC0, 0xD0), *range(0xDB, 0xE0)})
_JPEG_SCAN, _JPEG_END, _JFIF, _JUMBF = 0xDA, 0xD9, 0xE0, 0xEB
_AFTER_SCAN = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]", re.DOTALL)
_GIF_NEEDED = (b"NETSCAPE2.0", b"ANIMEXTS1.0", b"ICCRGBG1012")
"""Application extensions: how often an animation is repeated, and a color profile."""


class Piece(NamedTuple):
    """A part of a file, from its first byte to its last."""

    role: Role
    raw: bytes
    text: bytes = b""
    """Of XMP, EXIF and manifests: what is inside."""


def png(data: bytes) -> Iterator[Piece]:
    """The header first, behind the signature and together with it. Past `MOST_XMP` packets are told without their texts."""
    kind, room = b"", MOST_XMP
    for part in carriage.png_parts(data):
        if (kind := part.kind) == b"IHDR":
            yield Piece("needed", data[: part.next])
            continue
        raw = data[part.at : part.next]
        if carriage.is_png_xmp(data, part):
            packet = carriage.png_xmp(data, part) if room > 0 else b""
            room -= len(packet)
            yield Piece("xmp", raw, packet)
        elif kind in (b"eXIf", b"caBX"):
            yield Piece("exif" if kind == b"eXIf" else "manifest", raw, data[part.body : part.end])
        else:
            yield Piece("needed" if kind in PNG_NEEDED else "private", raw)
    if kind != b"IEND":
        raise ValueError("the PNG has no end")


def jpeg(data: bytes) -> Iterator[Piece]:
    """All segments, those between the scans of a progressive picture too. JFIF's own stands with the beginning."""
    begin, at = data[:2], 2
    if data[2:4] == b"\xff\xe0":
        at = 4 + int.from_bytes(data[4:6], "big")
        begin += _without_thumbnail(data[2:at])
    yield Piece("needed", begin)
    scans = 0
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            raise ValueError("the JPEG has bytes between its segments")
        marker = data[at + 1]
        if marker == 0xFF:  # fill
            at += 1
            continue
        if marker == _JPEG_END:
            break
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if end < at + 4 or end > len(data):
            raise ValueError("the JPEG ends within a segment")
        if marker == _JPEG_SCAN:
            following = _AFTER_SCAN.search(data, end)
            end = following.start() if following else len(data)
            scans += 1
            yield Piece("needed", data[at:end])
        else:
            yield _jpeg_segment(marker, data[at:end])
        at = end
    if not scans:
        raise ValueError("the JPEG has no picture")
    yield Piece("needed", bytes((0xFF, _JPEG_END)))


def _jpeg_segment(marker: int, raw: bytes) -> Piece:
    body = raw[4:]
    if marker == _JFIF and body.startswith(b"JFIF\0"):
        return Piece("needed", _without_thumbnail(raw))
    if body.startswith(carriage.JPEG_XMP):
        return Piece("xmp", raw, body[len(carriage.JPEG_XMP) :])
    if body.startswith(EXIF):
        return Piece("exif", raw, body[len(EXIF) :])
    if marker == _JUMBF and body.startswith(b"JP"):
        return Piece("manifest", raw, body)
    needed = marker in _JPEG_TABLES or (marker in _JPEG_NEEDED and body.startswith(_JPEG_NEEDED[marker]))
    return Piece("needed" if needed else "private", raw)


def _without_thumbnail(segment: bytes) -> bytes:
    """JFIF's segment may hold a small picture: of what was there before it was cropped."""
    if not segment[4:].startswith(b"JFIF\0"):
        return b""
    return segment if len(segment) == 18 else b"\xff\xe0\0\x10" + segment[4:16] + b"\0\0"


def webp(data: bytes) -> Iterator[Piece]:
    """The chunks within the outermost one."""
    whole = 8 + int.from_bytes(data[4:8], "little")
    if data[8:12] != b"WEBP" or whole > len(data):
        raise ValueError("the WebP is cut short")
    for part in carriage.webp_parts(data[:whole]):
        if part.end > whole:
            raise ValueError("the WebP ends within a chunk")
        raw = data[part.at : part.end] + b"\0" * (part.next - part.end)
        role: Role = "needed" if part.kind in WEBP_NEEDED else _WEBP_ROLES.get(part.kind, "private")
        yield Piece(role, raw, b"" if role == "needed" else data[part.body : part.end])


def gif(data: bytes) -> Iterator[Piece]:
    """The screen with its colors, then frames and extensions; comments and packets of others are private."""
    at = 13 + _colors(data[10])
    yield Piece("needed", data[:at])
    while (kind := data[at]) != 0x3B:
        if kind == 0x2C:
            end = _behind_blocks(data, at + 10 + _colors(data[at + 9]) + 1)
            role: Role = "needed"
        elif kind == 0x21:
            end = _behind_blocks(data, at + 2)
            application = data[at + 1] == 0xFF and data[at + 3 : at + 14] in _GIF_NEEDED
            role = "needed" if data[at + 1] == 0xF9 or application else "private"
        else:
            raise ValueError("the GIF has bytes between its blocks")
        yield Piece(role, data[at:end])
        at = end
    yield Piece("needed", b"\x3b")


def _colors(flags: int) -> int:
    """How many bytes the table of colors has that these flags announce."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _behind_blocks(data: bytes, at: int) -> int:
    while size := data[at]:
        at += 1 + size
    return at + 1


PIECES: Mapping[str, Callable[[bytes], Iterator[Piece]]] = {
    "image/png": png,
    "image/jpeg": jpeg,
    "image/webp": webp,
    "image/gif": gif,
}
"""By media type."""
