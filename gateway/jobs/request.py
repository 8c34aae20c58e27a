"""What was asked (`Submission`), what it means for the chosen model (`Resolved`), and the step between them."""

from __future__ import annotations

import math
import secrets
from typing import Any, Literal, TypeVar

from msgspec import Struct

from engines.contract import Capability, ImageRequest, Lora, ModelCard, Picture, Pixels, Size, Span
from gateway import cards
from gateway.catalog import ModelEntry

LARGEST_DRAWN_SEED = 2**32
_T = TypeVar("_T")
OutputFormat = Literal["png", "webp", "jpeg"]


class Submission(Struct, frozen=True, kw_only=True):
    """One request for pictures, in the domain's words; None means that the caller left it to us."""

    surface: str
    capability: Capability
    prompt: str
    model: str | None = None
    negative_prompt: str = ""
    width: int | None = None
    height: int | None = None
    ratio: float | None = None
    """Width over height, where no size was given."""
    megapixels: float | None = None
    """How large, where no size was given."""
    n: int = 1
    steps: int | None = None
    guidance_scale: float | None = None
    sampler: str | None = None
    strength: float | None = None
    seed: int | None = None
    source: str | None = None
    """Blob of the picture that is changed."""
    mask: str | None = None
    references: tuple[str, ...] = ()
    loras: tuple[Lora, ...] = ()
    output_format: OutputFormat = "png"
    bulk: bool = False
    retry_of: str | None = None
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
    source: str | None = None
    mask: str | None = None
    references: tuple[str, ...] = ()
    loras: tuple[Lora, ...] = ()
    output_format: OutputFormat = "png"
    shown: dict[str, Any] = {}

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
        steps=_or_default(asked.steps, int(card.steps.default) if card.steps else None),
        guidance_scale=_or_default(asked.guidance_scale, _default(card.guidance_scale)),
        sampler=cards.sampler_name(asked.sampler, card, entry.id),
        strength=_or_default(asked.strength, _default(card.strength)) if changes_source else None,
        seed=drawn if asked.seed is None else asked.seed,
        source=asked.source,
        mask=asked.mask,
        references=asked.references,
        loras=asked.loras,
        output_format=asked.output_format,
        shown=asked.shown,
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
    )


def _size(asked: Submission, entry: ModelEntry, card: ModelCard) -> tuple[int | None, int | None]:
    """Pixels from a ratio and an area; (None, None) leaves the choice to the card's native size."""
    if asked.width is not None or asked.height is not None or (asked.ratio is None and asked.megapixels is None):
        return asked.width, asked.height
    native = card.native_sizes[0] if card.native_sizes else card.max_size
    ratio = asked.ratio or native.width / native.height
    area = (asked.megapixels or native.width * native.height / 2**20) * 2**20
    step = card.size_multiple
    width = max(step, round(math.sqrt(area * ratio) / step) * step)
    return width, max(step, round(width / ratio / step) * step)


def _default(span: Span | None) -> float | None:
    return span.default if span else None


def _or_default(given: _T | None, default: _T | None) -> _T | None:
    return default if given is None else given
