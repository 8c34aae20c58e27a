"""A pass's requests -> the arguments of one call of the pipeline, as its family takes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from msgspec import Struct

from engines.contract import ImageRequest, Picture
from engines.diffusers import pixels
from engines.diffusers.families import Family, Guidance
from engines.diffusers.resident import Resident

POLISH = 3
"""Ideogram 4's schedule ends with three steps at guidance 3 (diffusers' default for 48 steps)."""


class Row(Struct, frozen=True):
    """One picture of a pass."""

    request: ImageRequest
    picture: Picture
    seed: int
    """The picture's own, or one that was drawn."""


def arguments(resident: Resident, rows: Sequence[Row], accepted: set[str]) -> dict[str, Any]:
    """The call that makes these pictures; what a pass shares is read from the first."""
    family, first = resident.family, rows[0].request
    mode = family.modes[first.capability]
    call: dict[str, Any] = {**family.call, **mode.call, **resident.options.call}
    call["prompt"] = _one_or_all([row.request.prompt for row in rows])
    call["num_inference_steps"] = steps = steps_of(resident, first)
    call["generator"] = _one_or_all([torch.Generator("cpu").manual_seed(row.seed) for row in rows])
    call["output_type"] = "pt"
    call |= _guidance(resident, rows, steps)
    call |= _pictures(family, rows)
    if mode.strength:
        call["strength"] = strength_of(family, first, steps)
    if mode.area:
        call[mode.area] = first.width * first.height
    return call | {name: getattr(first, name) for name in ("width", "height") if name in accepted}


def steps_of(resident: Resident, request: ImageRequest) -> int:
    return request.steps or int(resident.card.steps.default if resident.card.steps else 1)


def strength_of(family: Family, request: ImageRequest, steps: int) -> float:
    """At least one step's worth: pipelines make int(steps x strength) steps, and none is an error to them."""
    asked = request.strength
    if asked is None:
        asked = family.strength.default if family.strength else 1.0
    return min(1.0, max(asked, (1 + 1e-6) / steps))


def scale_of(resident: Resident, request: ImageRequest) -> float | None:
    """Guidance as the family counts it; None where the model has none."""
    span = resident.card.guidance_scale
    if span is None:
        return None
    return span.default if request.guidance_scale is None else request.guidance_scale


def _guidance(resident: Resident, rows: Sequence[Row], steps: int) -> dict[str, Any]:
    guidance = resident.family.guidance
    if guidance is None:
        return {}
    scale = scale_of(resident, rows[0].request)
    if scale is None:
        # Weights that were distilled without it: said, since the signature's default would ask for it.
        return {guidance.argument: guidance.off} if guidance.kind == "argument" else {}
    call = _scale(guidance, scale, steps)
    if resident.card.negative_prompt and scale > guidance.off:
        call |= _negative(guidance, rows)
    return call


def _scale(guidance: Guidance, scale: float, steps: int) -> dict[str, Any]:
    if guidance.kind == "guider":
        return {}
    if guidance.kind == "schedule":
        polish = min(POLISH, steps)
        return {guidance.argument: [scale] * (steps - polish) + [min(3.0, scale)] * polish}
    return {guidance.argument: scale}


def _negative(guidance: Guidance, rows: Sequence[Row]) -> dict[str, Any]:
    """None at all is another thing than an empty one: SDXL then zeroes the embedding."""
    told = [row.request.negative_prompt or guidance.filler or "" for row in rows]
    return {"negative_prompt": _one_or_all(told)} if any(told) else {}


def _pictures(family: Family, rows: Sequence[Row]) -> dict[str, Any]:
    """Source and references. A list is one per prompt where the family batches, else all that the one prompt is about."""
    mode = family.modes[rows[0].request.capability]
    call: dict[str, Any] = {}
    sources = [pixels.picture(row.request.source) for row in rows if row.request.source is not None]
    looked_at = [pixels.picture(reference) for reference in rows[0].request.references]
    if mode.source and sources:
        together = mode.references == mode.source
        call[mode.source] = [*sources, *looked_at] if together else _one_or_all(sources)
    elif mode.references and looked_at:
        call[mode.references] = looked_at
    if mode.mask:
        call[mode.mask] = _one_or_all([pixels.mask(row.request.mask) for row in rows if row.request.mask is not None])
    return call


def _one_or_all(values: list[Any]) -> Any:
    return values[0] if len(values) == 1 else values
