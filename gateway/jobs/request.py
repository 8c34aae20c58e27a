"""What was asked (`Submission`), what it means for the chosen model (`Resolved`), and the step between them."""

from __future__ import annotations

import math
import secrets
from typing import Any, Literal, TypeVar

import numpy as np
from msgspec import Struct

from engines.contract import Capability, ImageRequest, Lora, ModelCard, Picture, Pixels, Size, Span
from gateway import cards
from gateway.catalog import AUTO, ModelEntry, Quality, Resolution
from gateway.errors import InvalidInput
from gateway.jobs.open_model import MovedFrom, Said
from gateway.presets.presets import Used

LARGEST_DRAWN_SEED = 2**32
_T = TypeVar("_T")
OutputFormat = Literal["png", "webp", "jpeg"]


class InputPicture(Struct, frozen=True, kw_only=True):
    """A kept picture that a job works on; `width` and `height` are those of the upright picture."""

    blob: str
    width: int
    height: int
    image: str | None = None
    """The image's id."""


class Idempotency(Struct, frozen=True):
    """How a client names a request that it may send again; see `jobs.idempotency`."""

    key: str
    """The client's own word for it."""
    fingerprint: str
    """A hash of all that was asked."""


class Hires(Struct, frozen=True, kw_only=True):
    """A second, larger pass over what the first one made; no card offers one yet, so it is always refused by name."""

    scale: float | None = None
    """Of both sides, where no size is given."""
    width: int | None = None
    height: int | None = None
    upscaler: str | None = None
    """What enlarges between the passes."""
    steps: int | None = None
    strength: float | None = None
    guidance_scale: float | None = None
    model: str | None = None
    sampler: str | None = None
    prompt: str = ""
    negative_prompt: str = ""


class Submission(Struct, frozen=True, kw_only=True):
    """One request for pictures, in the domain's words; None means that the caller left it to us."""

    surface: str
    capability: Capability
    prompt: str
    model: str | None = None
    """As it was asked for. None or `auto` leaves it to us: then another may step in, see `jobs.moving`."""
    negative_prompt: str = ""
    width: int | None = None
    height: int | None = None
    ratio: float | None = None
    """Width over height, where no size was given."""
    megapixels: float | None = None
    """How large, where no size was given."""
    quality: Quality | None = None
    """What the surface calls the grade of the picture, for its price: `standard` or `hd`; None: as its size is."""
    resolution: Resolution | None = None
    """The same: `low`, `standard`, `high` or `4k`."""
    n: int = 1
    steps: int | None = None
    work: float | None = None
    """How many times its own number of steps a model takes, where `steps` says nothing."""
    guidance_scale: float | None = None
    sampler: str | None = None
    strength: float | None = None
    seed: int | None = None
    source: InputPicture | None = None
    """The picture that is changed."""
    mask: InputPicture | None = None
    """Of the source's size; white is what shall be painted anew."""
    references: tuple[InputPicture, ...] = ()
    """Pictures that are looked at."""
    loras: tuple[Lora, ...] = ()
    hires: Hires | None = None
    output_format: OutputFormat = "png"
    output_compression: int | None = None
    """0 to 100, of WebP and JPEG: 100 is the best picture and the largest file; None: as we think best."""
    exact_format: bool = False
    """What an upstream encoded otherwise is encoded anew; else it is kept as it was delivered."""
    choices: dict[str, str] = {}
    """Of what the model's card lets the caller choose besides; see `engines.contract.ModelCard`."""
    bulk: bool = False
    retry_of: str | None = None
    webhook: str | None = None
    """An address to call when the job is finished."""
    idempotency: Idempotency | None = None
    preset: Used | None = None
    """What the prompt was rendered from."""
    user_prompt: str | None = None
    """What was asked beside the preset; None: `prompt` is all of it."""
    public: bool = False
    """Its pictures go to the public gallery."""
    title: str = ""
    """Of its pictures."""
    tags: tuple[str, ...] = ()
    """Of its pictures."""
    edit_session_id: str | None = None
    """What its pictures are one step of; see `jobs.edit_sessions`."""
    shown: dict[str, Any] = {}
    """What the surface wants to see again when it is asked about the job."""


class Resolved(Struct, frozen=True, kw_only=True):
    """A job's request as it is kept: nothing left open, so that it can be made again."""

    prompt: str
    make: Size
    """What the engine makes."""
    size: Size
    """What is delivered: `make`, scaled to cover and cropped in the middle."""
    negative_prompt: str = ""
    upscaler: str | None = None
    steps: int | None = None
    guidance_scale: float | None = None
    sampler: str | None = None
    strength: float | None = None
    seed: int | None = None
    """Of the first picture; picture i has seed + i."""
    source: InputPicture | None = None
    mask: InputPicture | None = None
    references: tuple[InputPicture, ...] = ()
    loras: tuple[Lora, ...] = ()
    output_format: OutputFormat = "png"
    output_compression: int | None = None
    exact_format: bool = False
    choices: dict[str, str] = {}
    quality: Quality | None = None
    resolution: Resolution | None = None
    preset: Used | None = None
    user_prompt: str | None = None
    public: bool = False
    title: str = ""
    tags: tuple[str, ...] = ()
    edit_session_id: str | None = None
    source_bytes: int | None = None
    """What each picture that was handed in may take as a PNG when the engine is given it; None: as much as it likes."""
    shown: dict[str, Any] = {}
    said: Said | None = None
    """None where the caller chose the model."""
    moved_from: tuple[MovedFrom, ...] = ()
    """The models that it was with before, the first one first."""

    @property
    def pictures(self) -> tuple[InputPicture, ...]:
        """All that were handed in, as they were handed in: the source first. The mask is none of them."""
        return self.references if self.source is None else (self.source, *self.references)

    def seed_of(self, ordinal: int) -> int | None:
        return None if self.seed is None else self.seed + ordinal


def resolve(asked: Submission, entry: ModelEntry, card: ModelCard, max_pixels: int) -> Resolved:
    """Fill in what was left open and check it all against the card. Raises InvalidInput naming the field."""
    width, height = _size(asked, entry, card)
    cards.check(asked, card, entry.id)
    geometry = cards.geometry(width, height, card, entry.upscaler, max_pixels)
    drawn = secrets.randbelow(LARGEST_DRAWN_SEED) if card.seeds else None
    changes_source = asked.source is not None
    return Resolved(
        prompt=asked.prompt,
        negative_prompt=asked.negative_prompt or entry.defaults.negative_prompt,
        make=geometry.make,
        size=geometry.final,
        upscaler=entry.upscaler if geometry.scaled else None,
        steps=_or_default(asked.steps, _own_steps(asked, card, entry.id)),
        guidance_scale=_or_default(asked.guidance_scale, _default(card.guidance_scale)),
        sampler=cards.sampler_name(asked.sampler, card, entry.id),
        strength=_or_default(asked.strength, _default(card.strength)) if changes_source else None,
        seed=drawn if asked.seed is None else asked.seed,
        source=asked.source,
        mask=asked.mask,
        references=asked.references,
        loras=asked.loras,
        output_format=asked.output_format,
        output_compression=asked.output_compression,
        exact_format=asked.exact_format,
        choices=asked.choices,
        quality=asked.quality,
        resolution=asked.resolution,
        preset=asked.preset,
        user_prompt=asked.user_prompt,
        public=asked.public,
        title=asked.title,
        tags=asked.tags,
        edit_session_id=asked.edit_session_id,
        source_bytes=cards.source_bytes(card),
        shown=asked.shown,
        said=_said(asked) if asked.model in (None, AUTO) else None,
    )


def engine_request(
    job_id: str,
    model: str,
    capability: Capability,
    kept: Resolved,
    ordinals: tuple[int, ...],
    *,
    attempt: int = 1,
    source: Pixels | None = None,
    mask: Pixels | None = None,
    references: tuple[Pixels, ...] = (),
) -> ImageRequest:
    """The contract's view of a job: what the engine shall make, with the pictures that are still missing."""
    return ImageRequest(
        id=job_id,
        model=model,
        capability=capability,
        prompt=kept.prompt,
        pictures=tuple(Picture(ordinal, kept.seed_of(ordinal)) for ordinal in ordinals),
        width=kept.make.width,
        height=kept.make.height,
        attempt=attempt,
        negative_prompt=kept.negative_prompt,
        steps=kept.steps,
        guidance_scale=kept.guidance_scale,
        sampler=kept.sampler,
        strength=kept.strength,
        source=source,
        mask=mask,
        references=references,
        loras=kept.loras,
        choices=kept.choices,
    )


def blank_request(job_id: str, model: str, capability: Capability, kept: Resolved, count: int) -> ImageRequest:
    """The same before any bytes are read, for `Engine.check`: each picture is blank, and as large as it will be."""
    return engine_request(
        job_id,
        model,
        capability,
        kept,
        tuple(range(count)),
        source=_blank(_given(kept.source, kept, capability), 3) if kept.source else None,
        mask=_blank(kept.make) if kept.mask else None,
        references=tuple(_blank(Size(each.width, each.height), 3) for each in kept.references),
    )


def _given(source: InputPicture, kept: Resolved, capability: Capability) -> Size:
    """As large as the engine is given it: an upscaler sees it as it is, everyone else as what is made of it."""
    return Size(source.width, source.height) if capability == "upscale" else kept.make


def _blank(size: Size, *channels: int) -> Pixels:
    """White; it takes no memory, whatever its size."""
    return np.broadcast_to(np.uint8(255), (size.height, size.width, *channels))


def _size(asked: Submission, entry: ModelEntry, card: ModelCard) -> tuple[int | None, int | None]:
    """Pixels from a ratio and an area; (None, None) leaves the choice to the card's native size."""
    if asked.width is not None or asked.height is not None or (asked.ratio is None and asked.megapixels is None):
        return asked.width, asked.height
    usual = cards.usual(card)
    ratio = asked.ratio or usual.width / usual.height
    step = card.size_multiple
    width = max(step, round(math.sqrt(cards.area(asked.megapixels, card) * ratio) / step) * step)
    return width, max(step, round(width / ratio / step) * step)


def _said(asked: Submission) -> Said:
    return Said(**{name: getattr(asked, name) for name in Said.__struct_fields__})


def _default(span: Span | None) -> float | None:
    return span.default if span else None


def _own_steps(asked: Submission, card: ModelCard, model: str) -> int | None:
    if card.steps is not None:
        return round(min(max(card.steps.default * (asked.work or 1.0), card.steps.low), card.steps.high))
    if asked.work not in (None, 1.0):
        raise InvalidInput(f'The model "{model}" has no steps to take more or less of; leave quality out.', field="quality")
    return None


def _or_default(given: _T | None, default: _T | None) -> _T | None:
    return default if given is None else given
