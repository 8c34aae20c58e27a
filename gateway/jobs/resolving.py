"""The step from what was asked to what it means for the chosen model: nothing is left open then."""

from __future__ import annotations

import math
import secrets
from typing import TypeVar

from engines.contract import ModelCard, Span
from gateway import cards
from gateway.catalog import AUTO, ModelEntry
from gateway.errors import InvalidInput
from gateway.jobs.open_model import Said
from gateway.jobs.request import Resolved, Submission

LARGEST_DRAWN_SEED = 2**32
_T = TypeVar("_T")


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
