"""What A1111 does to pictures before a model sees them: fit them to a size, turn and soften masks, fill what is masked.

Pure, and heavy: use a thread. After `modules/images.py` (`resize_image`) and `modules/masking.py` (`fill`) of A1111 1.8.
"""

from __future__ import annotations

import numpy as np
from msgspec import Struct
from PIL import Image, ImageFilter

from engines.contract import Pixels, Size
from gateway.errors import InvalidInput
from gateway.storage.encoding import encode_png
from gateway.storage.provenance import mark_of
from gateway.storage.reading import LARGEST_KEPT, read, sniff
from gateway.storage.scaling import luminance

STRETCH, CUT, DRAW_OUT = 0, 1, 2
"""`resize_mode`."""
_BLURS = ((256, 1), (64, 1), (16, 2), (4, 4), (2, 2), (0, 1))
"""Radius in pixels, and how often it is laid over: colours flow in from the edge, the nearer the truer."""


class Plan(Struct, frozen=True, kw_only=True):
    """What is to be done; nothing by default."""

    size: Size | None = None
    """What the picture is to fit; None: it keeps its own."""
    mode: int = CUT
    invert: bool = False
    blur: tuple[float, float] = (0, 0)
    """Of the mask, across and down, in pixels."""
    fill: bool = False
    """Whether masked places take on the colours around them."""

    def reshapes(self, width: int, height: int) -> bool:
        """Whether a picture of this size gets another shape. What is only scaled or cut off the gateway does later."""
        wanted = self.size
        return wanted is not None and self.mode != CUT and width * wanted.height != height * wanted.width


def prepared(source: bytes, mask: bytes | None, plan: Plan) -> tuple[bytes | None, bytes | None]:
    """Both as PNG; None for one that stays as it is. Raises InvalidInput for a mask that marks nothing."""
    pixels = read(source, largest_pixels=LARGEST_KEPT).pixels
    height, width = pixels.shape[:2]
    reshaped = pixels if not plan.reshapes(width, height) or plan.size is None else fitted(pixels, plan.size, plan.mode)
    if mask is None:
        return (None if reshaped is pixels else _png(reshaped, source)), None
    given = luminance(read(mask, largest_pixels=LARGEST_KEPT).pixels)
    marks = 255 - given if plan.invert else given
    if not marks.any():
        colour = "white" if plan.invert else "black"
        raise InvalidInput(f"The mask is {colour} all over: it leaves everything as it is.", field="mask")
    if plan.reshapes(width, height) and plan.size is not None:
        marks = fitted(marks, plan.size, plan.mode)
    if any(plan.blur):
        marks = np.asarray(Image.fromarray(marks).filter(ImageFilter.GaussianBlur(plan.blur)))
    if plan.fill:
        reshaped = filled(reshaped, marks)
    return (None if reshaped is pixels else _png(reshaped, source)), (None if marks is given else _png(marks))


def fitted(pixels: Pixels, size: Size, mode: int) -> Pixels:
    """Of this size: stretched, or whole with its edges drawn out."""
    image = Image.fromarray(np.ascontiguousarray(pixels))
    if mode == STRETCH:
        return np.asarray(image.resize((size.width, size.height), Image.Resampling.LANCZOS))
    scale = min(size.width / image.width, size.height / image.height)
    inner = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    whole = np.asarray(image.resize(inner, Image.Resampling.LANCZOS))
    left, top = (size.width - inner[0]) // 2, (size.height - inner[1]) // 2
    around = ((top, size.height - inner[1] - top), (left, size.width - inner[0] - left))
    return np.pad(whole, around if whole.ndim == 2 else (*around, (0, 0)), mode="edge")


def filled(pixels: Pixels, mask: Pixels) -> Pixels:
    """RGB; where the mask is white the colours around it, blurred into it from all sides."""
    image = Image.fromarray(np.ascontiguousarray(pixels[:, :, :3]))
    left = Image.new("RGBa", image.size)
    left.paste(image.convert("RGBA").convert("RGBa"), mask=Image.fromarray(255 - mask))
    done = Image.new("RGBA", image.size)
    for radius, times in _BLURS:
        blurred = left.filter(ImageFilter.GaussianBlur(radius)).convert("RGBA")
        for _ in range(times):
            done.alpha_composite(blurred)
    return np.asarray(done.convert("RGB"))


def cut(data: bytes, size: Size) -> bytes:
    """The middle of a picture in the ratio of `size`, as PNG; nothing is scaled."""
    pixels = read(data, largest_pixels=LARGEST_KEPT).pixels
    height, width = pixels.shape[:2]
    inner = Size(
        min(width, max(1, round(height * size.width / size.height))),
        min(height, max(1, round(width * size.height / size.width))),
    )
    left, top = (width - inner.width) // 2, (height - inner.height) // 2
    return _png(pixels[top : top + inner.height, left : left + inner.width], data)


def _png(pixels: Pixels, of: bytes = b"") -> bytes:
    """What the file `of` says of who made it goes along: a model's picture must not pass for a photograph."""
    return encode_png(pixels, {}, mark_of(of, sniff(of) or ""))
