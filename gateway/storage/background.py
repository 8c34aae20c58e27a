"""The background that was asked for: see-through, or none that one could see through."""

from __future__ import annotations

import numpy as np
from PIL import Image

from engines.contract import Pixels
from gateway.storage.reading import UnreadablePicture

_ALPHA = 4
"""Channels of a picture that has one for its transparency."""


def with_background(pixels: Pixels, wanted: str | None) -> Pixels:
    """`opaque`: on white where one could see through; `transparent`: as it is, for it has an alpha channel.

    Raises UnreadablePicture where it has none: what was promised is not there.
    """
    has_alpha = pixels.ndim == 3 and pixels.shape[2] == _ALPHA
    if wanted == "transparent" and not has_alpha:
        raise UnreadablePicture("It has no alpha channel, though a transparent background was asked for and promised.")
    if wanted != "opaque" or not has_alpha:
        return pixels
    picture = Image.fromarray(pixels)
    return np.array(Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB"))
