"""Pictures that tests of the surfaces send."""

from __future__ import annotations

import base64

import numpy as np

from tests.fakes.pictures import Colour, png

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def flat(colour: Colour = RED, width: int = 64, height: int = 64) -> bytes:
    """A PNG of one colour, some 200 bytes."""
    return png(np.full((height, width, 3), colour, np.uint8))


def data_uri(colour: Colour = RED, width: int = 64, height: int = 64) -> dict[str, str]:
    """The same as Tasks takes it."""
    return {"type": "data_uri", "data_uri": f"data:image/png;base64,{base64.b64encode(flat(colour, width, height)).decode()}"}
