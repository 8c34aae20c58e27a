"""Picture files with texts in them, as the tools write them; the picture itself is one pixel, or none."""

from __future__ import annotations

import struct
import zlib

from gateway.storage.png import SIGNATURE, chunk, international_text_chunk, text_chunk


def png(**texts: str) -> bytes:
    """tEXt where Latin-1 holds it, else iTXt: as Pillow, and so nearly everybody, does it. `_` in a keyword is a space."""
    return png_of(*(text_chunk(keyword.replace("__", "-"), text) for keyword, text in texts.items()))


def png_of(*chunks: tuple[bytes, bytes]) -> bytes:
    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    data = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(b"\0\0")), (b"IEND", b"")]
    return SIGNATURE + b"".join(b"".join(chunk(*each)) for each in data)


def packed(keyword: str, text: str) -> tuple[bytes, bytes]:
    return b"zTXt", keyword.encode() + b"\0\0" + zlib.compress(text.encode())


def packed_international(keyword: str, text: str) -> tuple[bytes, bytes]:
    return b"iTXt", keyword.encode() + b"\0\1\0en\0Wort\0" + zlib.compress(text.encode())


def international(keyword: str, text: str) -> tuple[bytes, bytes]:
    return international_text_chunk(keyword, text)


def user_comment(value: bytes, order: str = "<") -> bytes:
    """An EXIF block with a UserComment and a date."""
    date = b"2024:05:06 07:08:09\0"
    mark = b"II*\0" if order == "<" else b"MM\0*"
    inner = 8 + 2 + 12 + 4
    values = inner + 2 + 2 * 12 + 4
    outer = struct.pack(order + "HHHIII", 1, 0x8769, 4, 1, inner, 0)
    entries = struct.pack(order + "H", 2)
    entries += struct.pack(order + "HHII", 0x9003, 2, len(date), values)
    entries += struct.pack(order + "HHII", 0x9286, 7, len(value), values + len(date))
    return mark + struct.pack(order + "I", 8) + outer + entries + struct.pack(order + "I", 0) + date + value


def tags(**values: str) -> bytes:
    """An EXIF block with plain text tags: `Make`, `Model`."""
    numbers = {"Make": 0x010F, "Model": 0x0110, "ImageDescription": 0x010E}
    at = 8 + 2 + 12 * len(values) + 4
    entries, data = struct.pack("<H", len(values)), b""
    for name, text in values.items():
        encoded = text.encode() + b"\0"
        entries += struct.pack("<HHII", numbers[name], 2, len(encoded), at + len(data))
        data += encoded
    return b"II*\0" + struct.pack("<I", 8) + entries + struct.pack("<I", 0) + data


def jpeg(exif: bytes = b"", comment: bytes = b"") -> bytes:
    parts = b"\xff\xd8\xff\xe0" + struct.pack(">H", 16) + b"JFIF\0\1\1\0\0\1\0\1\0\0"
    if exif:
        body = b"Exif\0\0" + exif
        parts += b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body
    if comment:
        parts += b"\xff\xfe" + struct.pack(">H", len(comment) + 2) + comment
    return parts + b"\xff\xda" + b"\0" * 20


def webp(exif: bytes) -> bytes:
    body = b"WEBP" + b"VP8X" + struct.pack("<I", 10) + b"\0" * 10 + b"EXIF" + struct.pack("<I", len(exif)) + exif
    return b"RIFF" + struct.pack("<I", len(body)) + body
