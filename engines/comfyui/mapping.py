"""The `.toml` beside a graph: what it is for, and which inputs of which nodes are what."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct

from engines.contract import Capability, Size, Span

IN_ALPHA = "alpha"
"""`mask = "alpha"`: the mask is the alpha channel of the picture that is changed."""
SAMPLES = ("text_to_image", "image_to_image", "inpaint")


class Place(Struct, frozen=True, order=True):
    """One input of one node; as text `node.input`. Node ids have no full stop, names of inputs may."""

    node: str
    input: str

    def __str__(self) -> str:
        return f"{self.node}.{self.input}"


def place(text: str) -> Place:
    """Raises ValueError."""
    node, dot, name = text.partition(".")
    if not (node and dot and name):
        raise ValueError(f'{text!r} is no place in a graph; write node.input, such as "6.text"')
    return Place(node, name)


Places = str | tuple[str, ...]


class Inputs(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Each is a place, or a list of places that all get the same value."""

    prompt: Places = ()
    negative_prompt: Places = ()
    seed: Places = ()
    width: Places = ()
    height: Places = ()
    batch_size: Places = ()
    """Always made 1: each picture has a seed of its own, and so is a prompt of its own."""
    steps: Places = ()
    guidance_scale: Places = ()
    sampler: Places = ()
    scheduler: Places = ()
    strength: Places = ()
    model: Places = ()
    image: Places = ()
    """The picture that is changed; the place takes the name of an uploaded file."""
    mask: Places = ()
    """As `image`, white where it shall be painted anew; or the word `alpha`."""
    references: Places = ()
    """Pictures that are looked at, one for each place in turn; places that get none are taken out of the graph."""
    file_prefix: Places = ()
    """Not given: every literal `filename_prefix` of an output."""

    def places(self, role: str) -> tuple[Place, ...]:
        """Raises ValueError for what is no place."""
        written = getattr(self, role)
        if role == "mask" and written == IN_ALPHA:
            return ()
        return tuple(place(each) for each in ((written,) if isinstance(written, str) else written))

    def mapped(self) -> Iterator[tuple[str, Place]]:
        for role in self.__struct_fields__:
            for each in self.places(role):
                yield role, each


class Loras(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Behind which outputs LoRAs are put, as `node.slot`; without `clip` they change the model alone."""

    model: str
    clip: str = ""
    most: int = 4


class Defaults(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Not given: what the graph itself has there."""

    steps: int | None = None
    guidance_scale: float | None = None
    strength: float | None = None
    sampler: str | None = None


class Limits(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    native_sizes: tuple[str, ...] = ()
    """The default first."""
    min_size: str = "64x64"
    max_size: str = "4096x4096"
    size_multiple: int = 8
    steps: tuple[int, int] = (1, 150)
    guidance_scale: tuple[float, float] = (0.0, 30.0)
    strength: tuple[float, float] = (0.0, 1.0)
    max_images: int = 10
    max_prompt: int = 10_000
    """Characters."""


class Mapping(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    title: str
    capabilities: tuple[Capability, ...]
    outputs: tuple[str, ...]
    """The nodes whose pictures are taken."""
    inputs: Inputs
    loras: Loras | None = None
    defaults: Defaults = Defaults()
    limits: Limits = Limits()


def read(text: str) -> Mapping:
    """Raises ValueError that says what is wrong."""
    try:
        table: dict[str, Any] = tomllib.loads(text)
        mapping = msgspec.convert(table, Mapping)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"it is not TOML: {error}") from None
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None
    dict(mapping.inputs.mapped())
    sizes(mapping.limits)
    return mapping


def sizes(limits: Limits) -> tuple[Size, Size, tuple[Size, ...]]:
    """The smallest, the largest, the native ones. Raises ValueError."""
    return size(limits.min_size), size(limits.max_size), tuple(size(each) for each in limits.native_sizes)


def size(text: str) -> Size:
    width, x, height = text.lower().partition("x")
    if not (x and width.isdecimal() and height.isdecimal()):
        raise ValueError(f'{text!r} is no size; write "1024x768"')
    return Size(int(width), int(height))


def span(limits: tuple[float, float], default: float) -> Span:
    """Widened to what is default, so that the graph's own value is never refused."""
    return Span(min(limits[0], default), max(limits[1], default), default)
