"""What a mask leaves out stays as it was, where a picture was painted smaller than it is delivered."""

from __future__ import annotations

import numpy as np
from msgspec import Struct
from PIL import Image

from engines.contract import Pixels


class Around(Struct, frozen=True):
    """A picture that is changed in part, and which part: 255 is painted anew. Both as large as what is delivered."""

    source: Pixels
    mask: Pixels


def within(painted: Pixels, around: Around | None) -> Pixels:
    """The painted picture where the mask is white and the source where it is black; between the two where it is gray.

    Scaled up again, all of the picture would be as coarse as the model made it.
    """
    if around is None:
        return painted
    image = Image.fromarray(np.ascontiguousarray(painted))
    before = Image.fromarray(np.ascontiguousarray(around.source)).convert(image.mode)
    return np.asarray(Image.composite(image, before, Image.fromarray(np.ascontiguousarray(around.mask))))
