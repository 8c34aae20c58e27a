"""What can be said of a request before it runs: whether it makes sense, and with which others it may share a pass."""

from __future__ import annotations

from collections.abc import Hashable

from engines import samplers
from engines.contract import ImageRequest, InvalidRequest, ModelCard

SMALLEST_REFERENCE, LONGEST_REFERENCE = 64, 8
"""Pixels a side, and how many times longer than wide: what FLUX.2's pipelines take (diffusers' Flux2ImageProcessor)."""


def check(request: ImageRequest, card: ModelCard) -> None:
    """Raises InvalidRequest for what the card cannot say."""
    if request.capability not in card.capabilities:
        raise InvalidRequest(f"The model does not do {request.capability}.", "capability")
    for reference in request.references:
        low, high = sorted(reference.shape[:2])
        if low < SMALLEST_REFERENCE or high > LONGEST_REFERENCE * low:
            raise InvalidRequest(
                f"A reference must be {SMALLEST_REFERENCE} pixels or more a side, and no longer than {LONGEST_REFERENCE} : 1.",
                "references",
            )
    if request.capability == "text_to_image":
        return _check_sampler(request, card)
    if request.source is None:
        raise InvalidRequest(f"{request.capability} needs a picture to change.", "source")
    if request.source.shape[:2] != (request.height, request.width):
        raise InvalidRequest("The picture must have the size that is asked for.", "source")
    if request.capability == "inpaint":
        _check_mask(request)
    return _check_sampler(request, card)


def batch_key(request: ImageRequest, card: ModelCard) -> Hashable | None:
    """Equal for requests that one call of the pipeline can make: there, steps, guidance and size are one for all.

    Whether there is a negative prompt counts, since pipelines treat none and an empty one differently.
    """
    if card.max_batch < 2 or request.references or request.loras:
        return None
    return (
        request.model,
        request.capability,
        request.width,
        request.height,
        request.steps,
        request.guidance_scale,
        request.strength,
        _sampler(request),
        bool(request.negative_prompt),
    )


def _sampler(request: ImageRequest) -> str | None:
    return samplers.resolve(request.sampler) if request.sampler else None


def _check_sampler(request: ImageRequest, card: ModelCard) -> None:
    if request.sampler is None:
        return
    name = _sampler(request)
    if name is None or name not in card.samplers:
        near = samplers.nearest(request.sampler, card.samplers)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        raise InvalidRequest(f"The model has no sampler {request.sampler!r}.{hint}", "sampler")
    row = samplers.find(name) or samplers.find(name, flow=True)
    steps = request.steps or (int(card.steps.default) if card.steps else 0)
    if row is not None and row.max_steps is not None and steps > row.max_steps:
        raise InvalidRequest(f"{name} takes at most {row.max_steps} steps.", "steps")


def _check_mask(request: ImageRequest) -> None:
    if request.mask is None:
        raise InvalidRequest("inpaint needs a mask: white where the picture shall be painted anew.", "mask")
    if request.mask.shape[:2] != (request.height, request.width):
        raise InvalidRequest("The mask must have the size of the picture.", "mask")
    if not request.mask.any():
        raise InvalidRequest("The mask is empty: nothing would be painted anew.", "mask")
