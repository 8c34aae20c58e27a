"""What each model can do, read from cards.toml."""

from __future__ import annotations

import functools
from importlib.resources import files
from typing import Literal

import msgspec
from msgspec import Struct

from engines.contract import Capability, ImageRequest, InvalidRequest, ModelCard, ModelSpec, ModelUnusable, Size, Span
from engines.openai.options import ModelOptions, Options, Prices

QUALITIES = ("auto", "low", "medium", "high")
OTHER = "other"
AUTO = "auto"


class AnySize(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    multiple: int = 8
    least_side: int = 64
    longest_side: int = 4096
    ratio: float = 0.0
    """Of the longer side to the shorter one, at most; 0: any."""
    least_pixels: int = 0
    most_pixels: int = 0


class Known(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """One table of cards.toml."""

    kind: Literal["gpt-image", "dall-e", "other"] = "gpt-image"
    """Which parameters it takes."""
    sizes: tuple[str, ...] = ()
    any_size: AnySize | None = None
    """None: it makes its `sizes` only, and of these the next larger one is cut."""
    multiple: int = 16
    """Of both sides, where it makes its `sizes` only."""
    quality: tuple[str, ...] = QUALITIES
    fidelity: tuple[str, ...] = ()
    styles: tuple[str, ...] = ()
    capabilities: tuple[Capability, ...] = ("text_to_image", "image_to_image", "inpaint")
    max_images: int = 10
    max_references: int = 16
    """With the picture that is changed, where there is one."""
    max_prompt: int = 32_000
    source_bytes: int = 20_000_000
    """Of each picture that it is sent. A mask, which may have 4 MB, packs to far less."""
    gone: str = ""
    """The day on which OpenAI took it down."""
    instead: str = ""
    prices: Prices | None = None

    @property
    def native_sizes(self) -> tuple[Size, ...]:
        return tuple(Size(*map(int, size.split("x"))) for size in self.sizes)


@functools.cache
def catalogue() -> dict[str, Known]:
    return msgspec.toml.decode(files("engines.openai").joinpath("cards.toml").read_bytes(), type=dict[str, Known])


def known(model: ModelSpec, options: Options) -> Known:
    """The model's table. Raises ModelUnusable for one that nobody knows, or that is no more."""
    own = model.options if isinstance(model.options, ModelOptions) else ModelOptions()
    named = own.like or model.source
    name = nearest(named)
    if own.like and name is None and own.like != OTHER:
        raise ModelUnusable(f'like = "{own.like}" is no model that is known here; there are {", ".join(catalogue())}.')
    if name is None or own.like == OTHER:
        if options.at_openai and own.like != OTHER:
            ids = ", ".join(each for each in catalogue() if each != OTHER)
            raise ModelUnusable(f'OpenAI has no "{model.source}" that is known here; name one of {ids}, or say like = "…".')
        return catalogue()[OTHER]
    found = catalogue()[name]
    if options.at_openai and found.gone and not own.like:
        raise ModelUnusable(f'OpenAI took "{model.source}" down on {found.gone}; use "{found.instead}".')
    return found


def nearest(model: str) -> str | None:
    """The id in the catalogue that this one is, or is a snapshot of: the longest that it begins with."""
    fits = [each for each in catalogue() if each != OTHER and (model == each or model.startswith(f"{each}-"))]
    return max(fits, key=len, default=None)


def card(model: ModelSpec, options: Options) -> ModelCard:
    found = known(model, options)
    own = model.options if isinstance(model.options, ModelOptions) else ModelOptions()
    _check_options(own, found, model.source)
    sizes = found.native_sizes
    room = found.any_size
    takes = own.parameters
    return ModelCard(
        capabilities=found.capabilities,
        native_sizes=sizes,
        min_size=Size(room.least_side, room.least_side) if room else _corner(sizes, -1),
        max_size=Size(room.longest_side, room.longest_side) if room else _corner(sizes, 1),
        size_multiple=room.multiple if room else found.multiple,
        max_images=found.max_images,
        max_references=found.max_references if "image_to_image" in found.capabilities else 0,
        max_source_bytes=found.source_bytes,
        max_prompt=found.max_prompt,
        steps=Span(1, 150, 30) if "steps" in takes else None,
        guidance_scale=Span(0, 30, 5) if "guidance_scale" in takes else None,
        strength=Span(0, 1, 0.75) if "strength" in takes else None,
        negative_prompt="negative_prompt" in takes,
        choices=_choices(own, found),
        seeds="seed" in takes,
        replay="never" if options.paid else "safe",
    )


def _choices(own: ModelOptions, found: Known) -> dict[str, tuple[str, ...]]:
    """What the entry leaves open. How strictly the maker moderates is for whoever has the account."""
    backgrounds = ("opaque",) if own.output_format == "jpeg" else ("opaque", "transparent")
    offered: dict[str, tuple[str, ...]] = {"quality": (), "background": (), "input_fidelity": (), "style": ()}
    if found.kind == "gpt-image":
        offered |= {"quality": found.quality, "background": backgrounds, "input_fidelity": found.fidelity}
    elif found.kind == "dall-e":
        offered |= {"quality": found.quality if len(found.quality) > 1 else (), "style": found.styles}
    settled = {name: getattr(own, name) for name in offered}
    left = {name: tuple(word for word in words if word != AUTO) for name, words in offered.items()}
    fixed = {name: (word,) for name, word in settled.items() if word not in ("", AUTO)}
    return {name: words for name, words in {**left, **fixed}.items() if words}


def made_size(width: int, height: int, found: Known) -> Size:
    """Which size the model is asked for, so that it has room for the wanted one: that itself, or the nearest of its list.

    Raises InvalidRequest for what it cannot make.
    """
    wanted = Size(width, height)
    if found.any_size:
        _check_room(wanted, found.any_size)
        return wanted
    room = [size for size in found.native_sizes if size.width >= width and size.height >= height]
    if not room:
        raise InvalidRequest(f"{width}x{height} is more than this model makes: {', '.join(found.sizes)}.", "width")
    return min(room, key=lambda size: size.width * size.height)


def check_pictures(request: ImageRequest, found: Known) -> None:
    """Raises InvalidRequest for more than can be sent."""
    count = len(request.references) + (request.source is not None)
    if request.references and count > found.max_references:
        told = f"This model takes {found.max_references} pictures, the one that is changed among them, not {count}."
        raise InvalidRequest(told, "references")


def _check_room(size: Size, room: AnySize) -> None:
    short, long = sorted((size.width, size.height))
    pixels = size.width * size.height
    told = f"{size.width}x{size.height} cannot be made:"
    if room.ratio and long > room.ratio * short:
        raise InvalidRequest(f"{told} one side may be {room.ratio:g} times the other at most.", "width")
    if pixels < room.least_pixels or (room.most_pixels and pixels > room.most_pixels):
        raise InvalidRequest(f"{told} this model makes {room.least_pixels} to {room.most_pixels} pixels.", "width")


def _check_options(own: ModelOptions, found: Known, source: str) -> None:
    """What the entry says must be what the model takes, or each of its jobs would be refused. Raises ModelUnusable."""
    if own.quality and found.quality and own.quality not in found.quality:
        raise ModelUnusable(f'{source} has no quality "{own.quality}"; it has {", ".join(found.quality)}.')
    if own.input_fidelity and found.kind == "gpt-image" and own.input_fidelity not in found.fidelity:
        can = ", ".join(found.fidelity) or "none: leave it out"
        raise ModelUnusable(f'{source} has no input_fidelity "{own.input_fidelity}"; it has {can}.')
    only_gpt = ("background", "output_format", "moderation", "input_fidelity")
    if found.kind == "dall-e" and (wrong := [key for key in only_gpt if getattr(own, key)]):
        raise ModelUnusable(f"{source} takes no {', '.join(wrong)}; leave it out.")
    if found.kind == "gpt-image" and own.style:
        raise ModelUnusable(f"{source} takes no style; say it in the prompt.")


def _corner(sizes: tuple[Size, ...], sign: int) -> Size:
    """The longest sides of all of them, or with -1 the shortest."""
    return Size(max(sizes, key=lambda size: sign * size.width).width, max(sizes, key=lambda size: sign * size.height).height)
