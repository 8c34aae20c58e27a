"""Pictures scaled down until each of them is small enough as a file. Pure; slow for large ones: use a thread."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

from engines.contract import Pixels
from gateway.storage import png

_SAFE = 0.95
"""Of the limit: whoever writes the file may pack it a little less tightly than our encoder, which packs for speed."""
_STEP = 0.97
"""Of the size that the bytes would lead to: smaller pictures pack less tightly than larger ones of the same."""


def within(limit: int, *pictures: Pixels) -> tuple[Pixels, ...]:
    """Pictures of one size, such as a source and its mask: all scaled by the same share until each has at most `limit`
    bytes as a PNG. Those that are small enough stay as they are.
    """
    safe = limit * _SAFE
    while (most := max((_bytes(each, safe) for each in pictures), default=0)) > safe:
        height, width = pictures[0].shape[:2]
        share = math.sqrt(safe / most) * _STEP
        size = max(1, math.floor(width * share)), max(1, math.floor(height * share))
        if size == (width, height):
            break  # a single pixel; no limit is as low as that
        pictures = tuple(_scaled(each, size) for each in pictures)
    return pictures


def _bytes(pixels: Pixels, enough: float) -> int:
    """Of the PNG; what is small enough even unpacked is not packed to see that."""
    return pixels.nbytes if pixels.nbytes * 1.01 + 1024 <= enough else len(png.encode(pixels))


def _scaled(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    return np.array(Image.fromarray(np.ascontiguousarray(pixels)).resize(size, Image.Resampling.LANCZOS))
