"""Requests that a card allows, as small as it allows them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, get_args

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from engines.contract import Capability, ImageRequest, ModelCard, ModelSpec, Picture, Pixels, Size, Span

CAPABILITIES: tuple[Capability, ...] = get_args(Capability)
SEED = 20_240_607
_numbers = itertools.count(1)


class Limits(Struct, frozen=True):
    """What the suite may take for granted of an engine; override the fixture `limits` for a slow one."""

    steps: int = 4
    cancel_steps: int = 12
    """Steps of the run that is canceled after its first."""
    seconds: float = 120.0
    """For anything that is asked of the engine."""
    cancel_seconds: float = 10.0
    mean_difference: float = 2.0
    """How far a picture may be, in levels of 255 and on average, from the same picture made in other company: batched
    kernels add up in another order."""


def make_request(
    card: ModelCard,
    model: ModelSpec,
    *,
    ordinals: tuple[int, ...] = (0,),
    seed: int = SEED,
    steps: int = Limits().steps,
    capability: Capability | None = None,
    size: Size | None = None,
    **changes: Any,
) -> ImageRequest:
    """A resolved request within the card: picture i has `seed` + i, everything else is the card's default."""
    wanted = capability or ("text_to_image" if "text_to_image" in card.capabilities else card.capabilities[0])
    size = size or smallest(card)
    request = ImageRequest(
        id=f"suite-{next(_numbers)}",
        model=model.id,
        capability=wanted,
        prompt="a red circle on a blue background",
        pictures=tuple(Picture(ordinal, seed + ordinal if card.seeds else None) for ordinal in ordinals),
        width=size.width,
        height=size.height,
        steps=None if card.steps is None else int(within(card.steps, steps)),
        guidance_scale=card.guidance_scale.default if card.guidance_scale else None,
        sampler=card.samplers[0] if card.samplers else None,
    )
    if wanted == "image_to_image" and not card.takes_source:
        request = replace(request, references=(_scene(size),))
    elif wanted != "text_to_image":
        # An upscaler is given less than it shall make; everyone else a source of the very size.
        part = 2 if wanted == "upscale" else 1
        request = replace(request, source=_scene(Size(size.width // part, size.height // part)))
        request = replace(request, strength=card.strength.default if card.strength else None)
    if wanted == "inpaint":
        request = replace(request, mask=_left_half(size))
    return replace(request, **changes)


def corners(card: ModelCard, model: ModelSpec) -> Iterator[ImageRequest]:
    """Requests at the edges of what the card allows."""
    for capability in card.capabilities:
        yield make_request(card, model, capability=capability)
    yield make_request(card, model, ordinals=tuple(range(card.max_images)))
    for size in card.native_sizes:
        yield make_request(card, model, size=size)
    for sampler in card.samplers:
        yield make_request(card, model, sampler=sampler)
    for name in ("steps", "guidance_scale"):
        span = getattr(card, name)
        for end in (span.low, span.high) if span else ():
            yield replace(make_request(card, model), **{name: int(end) if name == "steps" else end})
    if card.negative_prompt:
        yield make_request(card, model, negative_prompt="blurry")
    for name, words in card.choices.items():
        for word in words:
            yield make_request(card, model, choices={name: word})
    yield make_request(card, model, prompt="")
    yield make_request(card, model, prompt="x" * card.max_prompt)


def beyond(card: ModelCard, model: ModelSpec) -> Iterator[ImageRequest]:
    """Requests that the card says no to."""
    plain = make_request(card, model)
    yield replace(plain, width=card.max_size.width + card.size_multiple)
    yield replace(plain, height=card.min_size.height - 1)
    yield replace(plain, width=plain.width + 1)
    yield replace(plain, steps=-1)
    yield replace(plain, guidance_scale=-1e9)
    yield replace(plain, sampler="no-such-sampler")
    yield replace(plain, negative_prompt="blurry", prompt="")
    yield replace(plain, capability="inpaint", source=None, mask=None)
    yield replace(plain, pictures=tuple(Picture(ordinal, SEED) for ordinal in range(card.max_images + 1)))


def smallest(card: ModelCard) -> Size:
    """The cheapest size that the card allows."""
    if card.native_sizes:
        return min(card.native_sizes, key=lambda size: size.width * size.height)
    return Size(_up(card.min_size.width, card.size_multiple), _up(card.min_size.height, card.size_multiple))


def another_size(card: ModelCard) -> Size | None:
    """One that is not the smallest nor square, if the card allows any."""
    first = smallest(card)
    if card.native_sizes:
        return next((size for size in card.native_sizes if size != first), None)
    wider = Size(first.width + card.size_multiple, first.height)
    return wider if wider.width <= card.max_size.width else None


def within(span: Span, value: float) -> float:
    return min(max(value, span.low), span.high)


def _up(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple


def _scene(size: Size) -> Pixels:
    """A blue ground that grows lighter to the right, with a red square: something to change."""
    pixels = np.zeros((size.height, size.width, 3), np.uint8)
    pixels[..., 2] = np.linspace(96, 255, size.width, dtype=np.uint8)
    pixels[size.height // 4 : size.height // 2, size.width // 4 : size.width // 2] = (220, 30, 30)
    return pixels


def _left_half(size: Size) -> Pixels:
    mask = np.zeros((size.height, size.width), np.uint8)
    mask[:, : size.width // 2] = 255
    return mask
