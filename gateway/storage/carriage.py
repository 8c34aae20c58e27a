"""Marks in files that others encoded: is one there, is the file signed, and put one in without touching the picture.

PNG: chunks (W3C PNG). JPEG: APP segments (ITU-T T.81, XMP specification part 3). WebP: RIFF chunks (RFC 9649).
Signed means a C2PA manifest (C2PA 2.4, "Embedding manifests"): PNG `caBX`, JPEG APP11 JUMBF, WebP `C2PA`.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator

from msgspec import Struct

from gateway.storage import png, xmp
from gateway.storage.png import Chunk
from gateway.storage.xmp import SourceType

MARKABLE = frozenset({"image/png", "image/jpeg", "image/webp"})
JPEG_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_LARGEST_SEGMENT = 65_533
_LARGEST_XMP = 1 << 20
"""Bytes that a compressed packet may unpack to."""
_APP0, _APP1, _APP11, _SCAN = b"\xe0", b"\xe1", b"\xeb", b"\xda"
_HAS_XMP, _HAS_ALPHA = 0x04, 0x10


class Part(Struct, frozen=True):
    """A chunk or segment: where it begins, where its body does, and where both end."""

    kind: bytes
    at: int
    body: int
    end: int
    next: int
    """Where the next one begins: `end`, or past a padding byte or a checksum."""


def is_signed(data: bytes, media_type: str) -> bool:
    """Whether the file carries a C2PA manifest; whose, and whether it holds, is not looked at."""
    if media_type == "image/jpeg":
        return any(part.kind == _APP11 and data.startswith(b"JP", part.body) for part in _jpeg_parts(data))
    parts = {"image/png": png_parts, "image/webp": webp_parts}.get(media_type)
    return parts is not None and any(part.kind in (b"caBX", b"C2PA") for part in parts(data))


def source_type_of(data: bytes, media_type: str) -> SourceType | None:
    """What the file says of itself, where it says that a machine made it."""
    return xmp.source_type_of(xmp_of(data, media_type) or b"")


def xmp_of(data: bytes, media_type: str) -> bytes | None:
    """The file's XMP packet."""
    if media_type == "image/png":
        return next((png_xmp(data, part) for part in png_parts(data) if is_png_xmp(data, part)), None)
    if media_type == "image/jpeg":
        packets = (part for part in _jpeg_parts(data) if _is_jpeg_xmp(data, part))
        return next((data[part.body + len(JPEG_XMP) : part.end] for part in packets), None)
    if media_type == "image/webp":
        return next((data[part.body : part.end] for part in webp_parts(data) if part.kind == b"XMP "), None)
    return None


def marked(data: bytes, media_type: str, source_type: SourceType, texts: Iterable[Chunk] = ()) -> bytes:
    """The file with the mark in its XMP; its picture and all else it carries stay as they are, byte by byte.

    A PNG also gets the `texts` whose keywords it does not have yet. Raises ValueError where the file is broken, or
    (JPEG) its XMP has no room left.
    """
    theirs = xmp_of(data, media_type)
    packet = xmp.declare(theirs, source_type) if theirs is not None else xmp.packet(source_type)
    if media_type == "image/png":
        return _write_png(data, packet, texts)
    return _write_jpeg(data, packet) if media_type == "image/jpeg" else write_webp(data, packet)


# ------------------------------------------------------------------------------------------------ PNG


def png_parts(data: bytes) -> Iterator[Part]:
    """The chunks, up to the end."""
    at = len(png.SIGNATURE)
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 8 + length
        yield Part(kind, at, at + 8, end, end + 4)
        if kind == b"IEND":
            return
        at = end + 4


def is_png_xmp(data: bytes, part: Part) -> bool:
    return part.kind == b"iTXt" and data.startswith(png.XMP_KEYWORD + b"\0", part.body)


def png_xmp(data: bytes, part: Part) -> bytes:
    """The XMP packet that such a chunk holds, unpacked; empty where it is broken."""
    at = part.body + len(png.XMP_KEYWORD) + 1
    compressed, _method = data[at : at + 2]
    text = data[at + 2 : part.end].split(b"\0", 2)[-1]
    try:
        return zlib.decompressobj().decompress(text, _LARGEST_XMP) if compressed else text
    except zlib.error:
        return b""


def _write_png(data: bytes, packet: bytes, texts: Iterable[Chunk]) -> bytes:
    header, *others = png_parts(data)
    if header.kind != b"IHDR":
        raise ValueError("the PNG does not begin with its header")
    known = {data[part.body : part.end].partition(b"\0")[0] for part in others if part.kind in (b"tEXt", b"iTXt", b"zTXt")}
    ours = [*(text for text in texts if text[1].partition(b"\0")[0] not in known), png.xmp_chunk(packet)]
    theirs = _without(data, header.next, (part for part in others if is_png_xmp(data, part)))
    return b"".join([data[: header.next], *(piece for kind, body in ours for piece in png.chunk(kind, body)), *theirs])


def _without(data: bytes, at: int, dropped: Iterable[Part]) -> Iterator[bytes]:
    """The bytes from `at` on, less the dropped parts."""
    for part in dropped:
        yield data[at : part.at]
        at = part.next
    yield data[at:]


# ----------------------------------------------------------------------------------------------- JPEG


def _jpeg_parts(data: bytes) -> Iterator[Part]:
    """The segments before the first scan."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1 : at + 2]
        if marker == b"\xff":  # fill
            at += 1
            continue
        if marker == _SCAN:
            return
        (length,) = struct.unpack_from(">H", data, at + 2)
        end = at + 2 + max(2, length)
        yield Part(marker, at, at + 4, end, end)
        at = end


def _is_jpeg_xmp(data: bytes, part: Part) -> bool:
    return part.kind == _APP1 and data.startswith(JPEG_XMP, part.body)


def _write_jpeg(data: bytes, packet: bytes) -> bytes:
    body = JPEG_XMP + packet
    if len(body) > _LARGEST_SEGMENT:
        raise ValueError("the JPEG's XMP packet has no room for one more field")
    ours = b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body
    after = 2
    for part in _jpeg_parts(data):
        if _is_jpeg_xmp(data, part):
            return data[: part.at] + ours + data[part.next :]
        # Behind JFIF's and EXIF's own segments, which their readers look for at the very beginning.
        if part.kind in (_APP0, _APP1) and part.at == after:
            after = part.next
    return data[:after] + ours + data[after:]


# ----------------------------------------------------------------------------------------------- WebP


def webp_parts(data: bytes) -> Iterator[Part]:
    """The chunks within the outermost one."""
    at = 12
    while at + 8 <= len(data):
        kind, length = struct.unpack_from("<4sI", data, at)
        end = at + 8 + length
        yield Part(kind, at, at + 8, end, end + length % 2)
        at = end + length % 2


def write_webp(data: bytes, packet: bytes) -> bytes:
    """The file with this XMP packet in place of any other."""
    first, *others = webp_parts(data)
    if first.kind == b"VP8X":
        flags = data[first.body] | _HAS_XMP
        head, at = data[first.at : first.body] + bytes([flags]) + data[first.body + 1 : first.next], first.next
    else:
        head, at = riff(b"VP8X", _extended_header(first.kind, data[first.body : first.body + 10])), first.at
    dropped = (part for part in others if part.kind == b"XMP ")
    body = b"".join([head, *_without(data, at, dropped), riff(b"XMP ", packet)])
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def riff(kind: bytes, body: bytes) -> bytes:
    """A chunk, padded to an even length."""
    return struct.pack("<4sI", kind, len(body)) + body + b"\0" * (len(body) % 2)


def _extended_header(kind: bytes, body: bytes) -> bytes:
    """The header that a simple WebP needs before it can carry metadata: flags, and the canvas's sides less one."""
    width: int
    height: int
    alpha = False
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", body, 1)
        width, height, alpha = bits & 0x3FFF, bits >> 14 & 0x3FFF, bool(bits >> 28 & 1)
    elif kind == b"VP8 ":
        width, height = ((side & 0x3FFF) - 1 for side in struct.unpack_from("<HH", body, 6))
    else:
        raise ValueError("the WebP file does not begin with its picture")
    flags = _HAS_XMP | (_HAS_ALPHA if alpha else 0)
    return struct.pack("<B3x", flags) + width.to_bytes(3, "little") + height.to_bytes(3, "little")
