"""Enlarges pictures by Lanczos resampling: no model, no download, the same bytes wherever it runs.

It has a lane of its own on the processor, so that nothing that it does waits for a GPU.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Hashable, Sequence

import numpy as np
from PIL import Image

from engines.contract import (
    Batch,
    Done,
    Event,
    Failed,
    ImageReady,
    ImageRequest,
    InvalidRequest,
    ModelCard,
    ModelSpec,
    ModelUnusable,
    Pixels,
    RemoteEngine,
    Size,
)

SOURCE = "builtin:lanczos"
LANE = "processor"
SMALLEST = Size(16, 16)
LARGEST = Size(16_383, 16_383)
"""The most that WebP can hold (RFC 9649), so that every format that is asked for can have it."""
_LONGEST_PROMPT = 100_000
"""Nothing is read of it; a picture keeps the prompt of the one that it was made from."""


class LanczosEngine(RemoteEngine):
    """One model, `builtin:lanczos`."""

    def lanes(self) -> Sequence[str]:
        return (LANE,)

    async def discover(self) -> Sequence[ModelSpec]:
        return (ModelSpec(id="lanczos", source=SOURCE),)

    async def card(self, model: ModelSpec) -> ModelCard:
        if model.source != SOURCE:
            raise ModelUnusable(f'There is no upscaler "{model.source}" here; the source is "{SOURCE}".')
        return ModelCard(
            capabilities=("upscale",),
            min_size=SMALLEST,
            max_size=LARGEST,
            size_multiple=1,
            max_images=1,
            seeds=False,
            max_prompt=_LONGEST_PROMPT,
            memory_bytes=0,
        )

    def check(self, request: ImageRequest, card: ModelCard) -> None:
        if request.capability != "upscale" or request.source is None:
            raise InvalidRequest("This enlarges a picture, and needs one.", "source")

    def batch_key(self, request: ImageRequest, card: ModelCard) -> Hashable | None:
        return None

    async def generate(self, batch: Batch, lane: str) -> AsyncIterator[Event]:
        for request in batch.requests:
            if batch.canceled(request.id):
                continue
            if request.source is None:
                yield Failed(request.id, InvalidRequest("This enlarges a picture, and needs one.", "source"))
                continue
            for picture in request.pictures:
                pixels = await asyncio.to_thread(enlarged, request.source, request.width, request.height)
                yield ImageReady(request=request.id, ordinal=picture.ordinal, seed=picture.seed, pixels=pixels)
            yield Done(request.id)


def enlarged(pixels: Pixels, width: int, height: int) -> Pixels:
    """Pillow's Lanczos, of three lobes; it multiplies by alpha first, so that no edge takes on the colour behind it."""
    image = Image.fromarray(np.ascontiguousarray(pixels))
    return np.array(image.resize((width, height), Image.Resampling.LANCZOS))
