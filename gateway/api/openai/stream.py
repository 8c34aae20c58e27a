"""Pictures as server-sent events: how the first one looks so far, then each of them as it is."""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import AsyncGenerator

import numpy as np
from msgspec import UNSET
from PIL import Image as Pillow

from gateway.accounts import Principal
from gateway.api import blocking
from gateway.api.answers import in_base64
from gateway.api.openai import wire
from gateway.api.openai.asked import ImageOptions
from gateway.api.openai.following import Ended, Partial, canceled_when_left, follow
from gateway.api.openai.orders import OpenAIOrders
from gateway.api.openai.wire import CompletedImage, ImageUsage, Operation, PartialImage
from gateway.api.streams import KEEP_ALIVE, Streams, frame
from gateway.db import Database
from gateway.events import Bus
from gateway.images.records import Image
from gateway.jobs.records import Job
from gateway.storage import carriage
from gateway.storage.encoding import Format, encode


class ImageStream:
    """The events of one job, for one client."""

    def __init__(self, db: Database, bus: Bus, streams: Streams, orders: OpenAIOrders) -> None:
        self._db = db
        self._bus = bus
        self._streams = streams
        self._orders = orders

    async def frames(
        self, principal: Principal, job: Job, asked: ImageOptions, operation: Operation, *, goes_on: bool
    ) -> AsyncGenerator[bytes, None]:
        """`goes_on` as for `canceled_when_left`. Raises `blocking.NotDone`, PicturesDeleted, AnswerLost."""
        async with canceled_when_left(self._db, self._bus, self._streams, principal, job, goes_on=goes_on):
            async for seen in follow(self._db, self._bus, job, asked.partial_images or 0):
                if isinstance(seen, Partial):
                    shown = await self._partial(seen, job, asked, operation)
                    yield frame(shown.type, shown)
                elif isinstance(seen, Ended):
                    job = seen.job
                else:
                    yield KEEP_ALIVE
        if job.state != "succeeded":
            raise blocking.failure(job)
        found, counted = await self._orders.kept(job)
        for image in found:
            done = await self._completed(image, job, asked, operation, counted)
            yield await asyncio.to_thread(frame, done.type, done)

    async def _partial(self, seen: Partial, job: Job, asked: ImageOptions, operation: Operation) -> PartialImage:
        form = job.request.output_format
        return PartialImage(
            type=f"{operation}.partial_image",
            b64_json=await asyncio.to_thread(recoded, seen.jpeg, form),
            partial_image_index=seen.index,
            created_at=int(time.time()),
            size=f"{job.request.size.width}x{job.request.size.height}",
            quality=wire.quality(asked) or "auto",
            background=wire.background(job),
            output_format=form,
        )

    async def _completed(
        self, image: Image, job: Job, asked: ImageOptions, operation: Operation, counted: ImageUsage
    ) -> CompletedImage:
        return CompletedImage(
            type=f"{operation}.completed",
            b64_json=await self._orders.base64(image),
            created_at=int(time.time()),
            size=f"{image.width}x{image.height}",
            quality=wire.quality(asked, image) or "auto",
            background=wire.background(job, image),
            output_format=wire.FORMATS.get(image.media_type, "png"),
            usage=counted,
            safety_identifier=asked.who or UNSET,
            id=image.id,
            seed=image.seed,
        )


def recoded(jpeg: bytes, form: Format) -> str:
    """A preview in the format of what will come, with its mark, as base64. Blocks: in a thread."""
    if form == "jpeg":
        return in_base64(jpeg)
    with Pillow.open(io.BytesIO(jpeg), formats=("JPEG",)) as picture:
        pixels = np.asarray(picture)
    return in_base64(encode(pixels, form, {}, carriage.xmp_of(jpeg, "image/jpeg")))
