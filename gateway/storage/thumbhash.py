"""ThumbHash: a picture in some twenty-five bytes, for what a page shows before the thumbnail is there.

The format is Evan Wallace's, https://evanw.github.io/thumbhash/ (public description and reference code, MIT).
Only the encoder: browsers decode.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from engines.contract import Pixels

Plane = NDArray[np.float64]


def thumbhash(pixels: Pixels) -> bytes:
    """The hash of a small picture, uint8 RGB or RGBA not premultiplied; more than 100 pixels a side add nothing."""
    height, width = pixels.shape[:2]
    color = pixels[:, :, :3] / 255.0
    alpha = pixels[:, :, 3] / 255.0 if pixels.shape[2] == 4 else np.ones((height, width))
    luminance, yellow_blue, red_green = _planes(color, alpha)
    has_alpha = int(alpha.min() < 1)
    most = 5 if has_alpha else 7  # fewer bits for luminance where alpha needs some
    across = max(1, _round(most * width / max(width, height)))
    down = max(1, _round(most * height / max(width, height)))

    l_mean, l_waves, l_scale = _cosines(luminance, max(3, across), max(3, down))
    p_mean, p_waves, p_scale = _cosines(yellow_blue, 3, 3)
    q_mean, q_waves, q_scale = _cosines(red_green, 3, 3)
    landscape = int(width > height)
    head: int = _round(63 * l_mean) | _round(31.5 + 31.5 * p_mean) << 6 | _round(31.5 + 31.5 * q_mean) << 12
    head |= _round(31 * l_scale) << 18 | has_alpha << 23
    tail: int = (down if landscape else across) | _round(63 * p_scale) << 3 | _round(63 * q_scale) << 9 | landscape << 15
    out = head.to_bytes(3, "little") + tail.to_bytes(2, "little")
    waves = [*l_waves, *p_waves, *q_waves]
    if has_alpha:
        a_mean, a_waves, a_scale = _cosines(alpha, 5, 5)
        out += bytes([_round(15 * a_mean) | _round(15 * a_scale) << 4])
        waves += a_waves
    return out + _nibbles(_round(15 * wave) for wave in waves)


def _planes(color: Plane, alpha: Plane) -> tuple[Plane, Plane, Plane]:
    """Luminance, yellow minus blue, red minus green, over the picture's mean color where it is transparent."""
    weight = alpha.sum()
    mean = (color * alpha[:, :, None]).sum(axis=(0, 1)) / weight if weight else np.zeros(3)
    seen = mean * (1 - alpha[:, :, None]) + color * alpha[:, :, None]
    red, green, blue = seen[:, :, 0], seen[:, :, 1], seen[:, :, 2]
    return (red + green + blue) / 3, (red + green) / 2 - blue, red - green


def _cosines(plane: Plane, across: int, down: int) -> tuple[float, list[float], float]:
    """The plane's mean, its lowest cosine terms scaled to 0..1, and their largest size."""
    height, width = plane.shape
    terms = _basis(height, down) @ plane @ _basis(width, across).T / (width * height)
    kept = [float(terms[y, x]) for y in range(down) for x in range(across) if (x or y) and x * down < across * (down - y)]
    scale = max(map(abs, kept), default=0.0)
    waves = [0.5 + 0.5 * term / scale for term in kept] if scale else kept
    return float(terms[0, 0]), waves, scale


@lru_cache(maxsize=256)
def _basis(length: int, terms: int) -> Plane:
    places = (np.arange(length) + 0.5) * np.pi / length
    basis: Plane = np.cos(np.arange(terms)[:, None] * places)
    return basis


def _nibbles(values: Iterable[int]) -> bytes:
    halves = list(values)
    halves += [0] * (len(halves) % 2)
    return bytes(low | high << 4 for low, high in zip(halves[::2], halves[1::2], strict=True))


def _round(value: float) -> int:
    """Half upwards, as the reference does; not Python's half to even."""
    return int(np.floor(value + 0.5))
