"""A job as its engine sees it: the contract's own request."""

from __future__ import annotations

import numpy as np

from engines.contract import Capability, ImageRequest, Picture, Pixels, Size
from gateway.jobs.request import InputPicture, Resolved


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
