"""What each model can do, read from cards.toml, and which of its ratios and sizes a request is made at."""

from __future__ import annotations

import functools
import math
from importlib.resources import files
from typing import Literal

import msgspec
from msgspec import Struct

from engines.contract import InvalidRequest, ModelCard, ModelSpec, ModelUnusable, Size
from engines.gemini.options import Method, ModelOptions, Options, Prices

ImageSize = Literal["512", "1K", "2K", "4K"]
TIMES: dict[str, float] = {"512": 0.5, "1K": 1, "2K": 2, "4K": 4}
STRETCH = 1.05
"""How much a picture may be enlarged so that no larger one must be paid for."""
SMALLEST = Size(192, 192)
SEPARATE_CALLS = 10
"""Pictures of one request; each is a call of its own."""


class Known(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """One table of cards.toml."""

    kind: Method = "generateContent"
    sizes: dict[str, str]
    """At 1K, by ratio."""
    image_sizes: tuple[ImageSize, ...] = ("1K",)
    max_references: int = 14
    gone: str = ""
    """The day on which Google took it down."""
    instead: str = ""
    prices: Prices | None = None


class Shape(Struct, frozen=True):
    """What a model is asked for instead of pixels."""

    ratio: str
    image_size: ImageSize
    size: Size
    """What should come of it."""


@functools.cache
def catalogue() -> dict[str, Known]:
    return msgspec.toml.decode(files("engines.gemini").joinpath("cards.toml").read_bytes(), type=dict[str, Known])


def known(model: ModelSpec, options: Options) -> Known:
    """The model's table. Raises ModelUnusable for one that nobody knows, or that is no more."""
    own = own_options(model)
    named = own.like or model.source
    fits = [each for each in catalogue() if named == each or named.startswith(f"{each}-")]
    if not fits:
        ids = ", ".join(catalogue())
        raise ModelUnusable(f'"{named}" is no model that is known here; there are {ids}. For a newer one say like = "…".')
    found = catalogue()[max(fits, key=len)]
    if found.gone and options.at_developers_api and not own.like:
        raise ModelUnusable(f'Google took "{model.source}" down on {found.gone}; use "{found.instead}".')
    return found


def own_options(model: ModelSpec) -> ModelOptions:
    return model.options if isinstance(model.options, ModelOptions) else ModelOptions()


def card(model: ModelSpec, options: Options) -> ModelCard:
    found, own = known(model, options), own_options(model)
    shapes = shapes_of(found, own)
    if not shapes:
        raise ModelUnusable(f'{model.source} has no image_size "{own.image_size}"; it has {", ".join(found.image_sizes)}.')
    sees = method_of(found, own) == "generateContent"
    return ModelCard(
        capabilities=("text_to_image", "image_to_image") if sees else ("text_to_image",),
        native_sizes=tuple(dict.fromkeys(shape.size for shape in sorted(shapes, key=_usual_first))),
        min_size=SMALLEST,
        max_size=Size(max(each.size.width for each in shapes), max(each.size.height for each in shapes)),
        size_multiple=8,
        max_images=SEPARATE_CALLS,
        max_references=found.max_references if sees else 0,
        takes_source=not sees,
        seeds=False,
        replay="never",
    )


def method_of(found: Known, own: ModelOptions) -> Method:
    return own.method or found.kind


def shapes_of(found: Known, own: ModelOptions) -> list[Shape]:
    """All that it can be asked for, up to the entry's image_size."""
    most = TIMES[own.image_size] if own.image_size else math.inf
    return [
        Shape(ratio, image_size, _times(size, TIMES[image_size]))
        for ratio, size in found.sizes.items()
        for image_size in found.image_sizes
        if TIMES[image_size] <= most
    ]


def nearest(width: int, height: int, shapes: list[Shape]) -> Shape:
    """Of the nearest ratio the smallest that is large enough. Raises InvalidRequest where none is."""

    def off(shape: Shape) -> float:
        # Rounded, so that sizes of one ratio tie whatever the last bit says.
        return round(abs(math.log(shape.size.width * height / (shape.size.height * width))), 2)

    best = min(off(shape) for shape in shapes)
    of_ratio = sorted((shape for shape in shapes if off(shape) == best), key=lambda shape: shape.size)
    for shape in of_ratio:
        if max(width / shape.size.width, height / shape.size.height) <= STRETCH:
            return shape
    most = of_ratio[-1].size
    told = f"{width}x{height} is more than this model makes in that ratio: {most.width}x{most.height}."
    raise InvalidRequest(told, "width")


def _times(size: str, times: float) -> Size:
    width, height = (round(int(side) * times) for side in size.split("x"))
    return Size(width, height)


def _usual_first(shape: Shape) -> tuple[bool, bool]:
    return shape.ratio != "1:1", shape.image_size != "1K"
