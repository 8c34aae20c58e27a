"""A copy of a picture's file for everyone: the same pixels, the marks that say a machine made it, and nothing private.

Chunks and segments are dropped whole and nothing is encoded anew, so the picture stays as it is, bit by bit. What is kept
is what a viewer needs (a color profile, the orientation) and the marks; what nobody here knows is dropped too.

A C2PA manifest covers the whole file. Where nothing had to go, the copy is the file itself and its signature holds; else
the manifest stays as a record that no longer matches, unless it tells where or with which words the picture was made.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable

from gateway.errors import InvalidInput
from gateway.storage import carriage, png, xmp
from gateway.storage.encoding import MEDIA_TYPES, encode
from gateway.storage.pieces import EXIF, PIECES, WEBP_NEEDED, Piece
from gateway.storage.reading import LARGEST_KEPT, orientation, read

_WEBP_EXIF, _WEBP_XMP = 0x08, 0x04
"""Flags of VP8X (RFC 9649, section 2.7)."""
_TELLING = re.compile(rb"stds\.(?:exif|iptc|metadata|schema-org)|c(?:2pa|awg)\.metadata|[Gg][Pp][Ss](?:Lat|Lon)|[Pp]rompt")
"""In a manifest: assertions about a camera, a place or a person (C2PA 2.4, "Standard assertions"), or about words."""
_BROKEN = (ValueError, struct.error, IndexError)
Wrap = Callable[[bytes], bytes]


def public_copy(data: bytes, media_type: str) -> bytes:
    """The copy; of a file that already has nothing private, the file itself. Takes milliseconds: use a thread.

    A file whose parts do not add up is encoded anew. Raises InvalidInput for kinds that we cannot clean.
    """
    if media_type not in _JOINED:
        raise InvalidInput(f"A picture of the type {media_type} cannot be shown in public: save it as PNG, JPEG or WebP.")
    try:
        pieces = list(PIECES[media_type](data))
    except _BROKEN as error:
        return _anew(data, media_type, error)
    turn = orientation(data) if any(piece.role != "needed" for piece in pieces) else 1
    return _JOINED[media_type](pieces, turn)


def declared(data: bytes, media_type: str) -> str | None:
    """What the file says of itself in its XMP or its manifest: an IPTC digital source type, of whatever kind."""
    try:
        return _declared(list(PIECES[media_type](data)))
    except (KeyError, *_BROKEN):
        return carriage.source_type_of(data, media_type)


def _declared(pieces: list[Piece]) -> str | None:
    return xmp.declared(b"\0".join(piece.text for piece in pieces if piece.role in ("xmp", "manifest")))


def _cleaned(pieces: list[Piece], turn: int, as_xmp: Wrap, as_exif: Wrap) -> list[bytes]:
    """What stays, the header first; a mark and an orientation that would be lost stand right behind it."""
    telling = any(_TELLING.search(piece.text) for piece in pieces if piece.role == "manifest")
    packets = [piece for piece in pieces if piece.role == "xmp"]
    mark = packets[0].raw if len(packets) == 1 and xmp.says_no_more(packets[0].text) else b""
    # A manifest that stays speaks for itself.
    source_type = _declared([piece for piece in pieces if piece.role == "xmp" or telling])
    if not mark and source_type:
        mark = as_xmp(xmp.packet(source_type))
    exif = as_exif(_exif(turn)) if turn != 1 else b""
    stays = {"needed": True, "manifest": not telling}
    out = [piece.raw for piece in pieces if stays.get(piece.role) or piece.raw in (mark, exif)]
    return [out[0], *(each for each in (exif, mark) if each and each not in out), *out[1:]]


def _exif(turn: int) -> bytes:
    """EXIF that tells the orientation alone: one directory of one entry."""
    return b"MM\0*\0\0\0\x08" + struct.pack(">HHHIHHI", 1, 0x0112, 3, 1, turn, 0, 0)


def _png(pieces: list[Piece], turn: int) -> bytes:
    return b"".join(_cleaned(pieces, turn, lambda text: _chunk(*png.xmp_chunk(text)), lambda exif: _chunk(b"eXIf", exif)))


def _chunk(kind: bytes, body: bytes) -> bytes:
    return b"".join(png.chunk(kind, body))


def _jpeg(pieces: list[Piece], turn: int) -> bytes:
    cleaned = _cleaned(pieces, turn, lambda text: _segment(carriage.JPEG_XMP + text), lambda exif: _segment(EXIF + exif))
    return b"".join(cleaned)


def _segment(body: bytes) -> bytes:
    return b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body


def _webp(pieces: list[Piece], turn: int) -> bytes:
    """Metadata stand behind the picture, and only in files with an extended header."""
    head, *rest = _cleaned(pieces, turn, lambda text: carriage.riff(b"XMP ", text), lambda exif: carriage.riff(b"EXIF", exif))
    shown = [each for each in rest if each[:4] in WEBP_NEEDED]
    if not head.startswith(b"VP8X"):
        simple = _riff_file([head, *shown])
        mark = next((each for each in rest if each.startswith(b"XMP ")), None)
        return carriage.write_webp(simple, mark[8 : 8 + int.from_bytes(mark[4:8], "little")]) if mark else simple
    behind = [each for each in rest if each[:4] not in WEBP_NEEDED]
    kinds = {each[:4] for each in behind}
    held = (_WEBP_EXIF if b"EXIF" in kinds else 0) | (_WEBP_XMP if b"XMP " in kinds else 0)
    flags = head[8] & ~(_WEBP_EXIF | _WEBP_XMP) | held
    return _riff_file([head[:8] + bytes([flags]) + head[9:], *shown, *behind])


def _riff_file(chunks: list[bytes]) -> bytes:
    body = b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def _gif(pieces: list[Piece], _turn: int) -> bytes:
    return b"".join(piece.raw for piece in pieces if piece.role == "needed")


_JOINED: dict[str, Callable[[list[Piece], int], bytes]] = {
    "image/png": _png,
    "image/jpeg": _jpeg,
    "image/webp": _webp,
    "image/gif": _gif,
}


def _anew(data: bytes, media_type: str, error: Exception) -> bytes:
    form = next((form for form, named in MEDIA_TYPES.items() if named == media_type), None)
    if form is None:
        raise InvalidInput("This file is too odd for its private data to be removed; save it anew.") from error
    source_type = declared(data, media_type)
    pixels = read(data, largest_pixels=LARGEST_KEPT).pixels
    return encode(pixels, form, {}, xmp.packet(source_type) if source_type else None)
