"""Which size the model makes for the size that was asked for. Pure."""

from __future__ import annotations

import math

from msgspec import Struct

from engines.contract import ModelCard, Size
from gateway.catalog import Settings
from gateway.catalog.kinds import LARGEST_SIDE
from gateway.errors import InvalidInput

SMALLEST_SIDE = 16
LEAST_SHARE = 2 / 3
"""Of the smallest native size's pixels: with fewer, a model that has native sizes composes badly, and is scaled down."""
MAX_PIXELS = Settings().limits.max_pixels


class Geometry(Struct, frozen=True):
    """`make` is what the engine makes; it is scaled to `cover` when `scaled`, then `crop` is cut out of its middle."""

    make: Size
    final: Size
    scaled: bool = False

    @property
    def cover(self) -> Size:
        """The smallest size of `make`'s ratio that has room for `final`."""
        if not self.scaled:
            return self.make
        if self.final.width * self.make.height >= self.final.height * self.make.width:
            return Size(self.final.width, math.ceil(self.make.height * self.final.width / self.make.width))
        return Size(math.ceil(self.make.width * self.final.height / self.make.height), self.final.height)

    @property
    def crop(self) -> tuple[int, int, int, int]:
        """Left, top, right and bottom within `cover`."""
        left, top = (self.cover.width - self.final.width) // 2, (self.cover.height - self.final.height) // 2
        return left, top, left + self.final.width, top + self.final.height


def geometry(
    width: int | None, height: int | None, card: ModelCard, upscaler: str | None, max_pixels: int = MAX_PIXELS
) -> Geometry:
    """Made as asked where the model can: at the next multiple above, the rest cut off. Else, with an upscaler, made at the
    native size of the nearest ratio and scaled. `card` is the merged one. Raises InvalidInput that names sizes.
    """
    if width is None and height is None:
        made = usual(card)
        return Geometry(made, made)
    if width is None or height is None:
        raise InvalidInput("Give both width and height, or neither.", field="size")
    asked = _deliverable(width, height, max_pixels)
    made = Size(_up(width, card.size_multiple), _up(height, card.size_multiple))
    if _makes(made, card, upscaler):
        return Geometry(made, asked)
    if upscaler is None:
        raise InvalidInput(f"{_written(asked)} cannot be made: {_range(card)}.", field="size")
    return Geometry(_nearest_native(asked, card) if card.native_sizes else _fitted(asked, card), asked, scaled=True)


def area(megapixels: float | None, card: ModelCard) -> float:
    """In pixels; None is what the model makes when nobody says."""
    return _area(usual(card)) if megapixels is None else megapixels * 2**20


def nearest_size(ratio: float, megapixels: float | None, card: ModelCard) -> Size:
    """Of this ratio and area, as nearly as the model can without an upscaler."""
    pixels, step = area(megapixels, card), card.size_multiple
    low, high = _limits(card)

    def side(length: float, least: int, most: int) -> int:
        return min(max(round(length / step) * step, least), most)

    return Size(
        side(math.sqrt(pixels * ratio), low.width, high.width), side(math.sqrt(pixels / ratio), low.height, high.height)
    )


def _deliverable(width: int, height: int, max_pixels: int) -> Size:
    if not (SMALLEST_SIDE <= width <= LARGEST_SIDE and SMALLEST_SIDE <= height <= LARGEST_SIDE):
        raise InvalidInput(f"{width}x{height}: each side may have {SMALLEST_SIDE} to {LARGEST_SIDE} pixels.", field="size")
    if width * height > max_pixels:
        raise InvalidInput(f"{width}x{height} has more than the {max_pixels} pixels that are delivered here.", field="size")
    return Size(width, height)


def _makes(made: Size, card: ModelCard, upscaler: str | None) -> bool:
    low, high = card.min_size, card.max_size
    if not (low.width <= made.width <= high.width and low.height <= made.height <= high.height):
        return False
    if upscaler is None or not card.native_sizes or made in card.native_sizes:
        return True
    # A model composes well with about as many pixels as it was trained on, whatever their ratio.
    areas = [_area(size) for size in card.native_sizes]
    return LEAST_SHARE * min(areas) <= _area(made) <= max(areas)


def _nearest_native(asked: Size, card: ModelCard) -> Size:
    """Of the nearest ratio; of several the smallest that is large enough, else the largest."""

    def distance(size: Size) -> tuple[float, bool, int]:
        # Rounded, so that sizes of one ratio tie whatever the last bit says.
        off = round(abs(math.log(size.width * asked.height / (size.height * asked.width))), 6)
        too_small = _area(size) < _area(asked)
        return off, too_small, -_area(size) if too_small else _area(size)

    return min(card.native_sizes, key=distance)


def _fitted(asked: Size, card: ModelCard) -> Size:
    """The size of the asked ratio that lies within the limits, as nearly as these allow."""
    low, high = _limits(card)
    shrunk = min(1.0, high.width / asked.width, high.height / asked.height)
    grown = max(1.0, low.width / asked.width, low.height / asked.height)
    scale = shrunk if shrunk < 1 else grown
    step = card.size_multiple

    def side(length: int, least: int, most: int) -> int:
        return min(max(_up(round(length * scale), step), least), most)

    return Size(side(asked.width, low.width, high.width), side(asked.height, low.height, high.height))


def usual(card: ModelCard) -> Size:
    """What is made when nobody says: the first native size, else a square of about a megapixel."""
    if card.native_sizes:
        return card.native_sizes[0]
    return _fitted(Size(1024, 1024), card)


def _limits(card: ModelCard) -> tuple[Size, Size]:
    """The smallest and the largest size of whole multiples."""
    step, low, high = card.size_multiple, card.min_size, card.max_size
    smallest = Size(_up(low.width, step), _up(low.height, step))
    return smallest, Size(high.width // step * step, high.height // step * step)


def _range(card: ModelCard) -> str:
    low, high = _limits(card)
    best = f", best {', '.join(map(_written, card.native_sizes[:8]))}" if card.native_sizes else ""
    return f"the model makes {_written(low)} to {_written(high)}{best}, and has no upscaler for other sizes"


def _up(length: int, multiple: int) -> int:
    return -(-length // multiple) * multiple


def _area(size: Size) -> int:
    return size.width * size.height


def _written(size: Size) -> str:
    return f"{size.width}x{size.height}"
