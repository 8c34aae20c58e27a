"""Pixels to another size: Lanczos to cover it, then the middle of that."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

from engines.contract import Pixels, Size

_LARGEST_COVER = 16
"""How many times the wanted area is scaled before it is cropped, at most."""


def fit(pixels: Pixels, size: Size) -> Pixels:
    """Scaled so that it covers `size` in its own ratio, the rest cut off evenly."""
    height, width = pixels.shape[:2]
    scale = max(size.width / width, size.height / height)
    if width * height * scale * scale > _LARGEST_COVER * size.width * size.height:
        # A strip: only its middle is wanted, and all of it at this scale might be larger than memory.
        left = Size(min(width, math.ceil(size.width / scale)), min(height, math.ceil(size.height / scale)))
        return fit(crop(pixels, left), size)
    cover = (max(size.width, round(width * scale)), max(size.height, round(height * scale)))
    if cover != (width, height):
        pixels = np.asarray(Image.fromarray(pixels).resize(cover, Image.Resampling.LANCZOS))
    return crop(pixels, size)


def crop(pixels: Pixels, size: Size) -> Pixels:
    """The middle of a picture that is at least as large."""
    height, width = pixels.shape[:2]
    left, top = (width - size.width) // 2, (height - size.height) // 2
    return np.ascontiguousarray(pixels[top : top + size.height, left : left + size.width])


def luminance(pixels: Pixels) -> Pixels:
    """(height, width) of 0 to 255, as masks are; transparency is not looked at."""
    if pixels.ndim == 2:
        return pixels
    # Pillow's weights are the same, ITU-R BT.601, section 2.5.1, without a plane of floats for each channel.
    return np.array(Image.fromarray(np.ascontiguousarray(pixels[:, :, :3])).convert("L"))
