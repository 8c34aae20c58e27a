"""What the fake engines paint: one flat colour for each seed, as pixels or as a PNG, with nothing but numpy and zlib."""

from __future__ import annotations

import hashlib
import struct
import zlib

import numpy as np

from engines.contract import ImageRequest, Pixels

Colour = tuple[int, int, int]


def colour(seed: int | None) -> Colour:
    """The same for the same seed, another for (nearly) every other."""
    red, green, blue, *_ = hashlib.sha256(str(seed).encode()).digest()
    return red, green, blue


def paint(request: ImageRequest, seed: int | None) -> Pixels:
    """The seed's colour; of an inpainting only where the mask says so, the rest is the source."""
    pixels = np.full((request.height, request.width, 3), colour(seed), np.uint8)
    if request.source is not None and request.mask is not None:
        keep = request.mask < 128
        pixels[keep] = request.source[..., :3][keep]
    return pixels


def png(pixels: Pixels) -> bytes:
    """A plain PNG (RFC 2083): what an upstream might hand over."""
    height, width, _ = pixels.shape
    rows = np.zeros((height, 1 + width * 3), np.uint8)  # each row begins with its filter, 0 for none
    rows[:, 1:] = pixels[..., :3].reshape(height, -1)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes(), 1)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in chunks)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
