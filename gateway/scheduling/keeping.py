"""Step 6 of a picture's way: from the engine's pixels to a durable, announced image. Off the device's path."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import msgspec

from engines.contract import EngineCrashed, ImageReady, ImageRequest, Pixels, Size
from gateway.cards import NEEDS_SOURCE
from gateway.db import Database, moment_of, new_id, now
from gateway.events import Bus, ImageStored
from gateway.images import records as images
from gateway.images.records import Image, Source
from gateway.jobs import changes
from gateway.jobs.cancel import changed
from gateway.jobs.engine_requests import engine_request
from gateway.jobs.records import Job
from gateway.jobs.request import InputPicture, Resolved
from gateway.models import Offer
from gateway.storage import ledger, provenance, repainting, xmp
from gateway.storage.background import with_background
from gateway.storage.blobs import BlobStore
from gateway.storage.encoding import MEDIA_TYPES
from gateway.storage.mark import Finished, finish
from gateway.storage.metadata import Description, source_type
from gateway.storage.public import public_copy
from gateway.storage.reading import LARGEST_KEPT, read, sniff
from gateway.storage.repainting import Around
from gateway.storage.scaling import crop, fit, luminance
from gateway.storage.shrinking import within

_T = TypeVar("_T")
ENCODERS = 2
_COLUMNS = {"model", "engine", "prompt", "negative_prompt", "seed"}
SOURCES: dict[str, Source] = {"text_to_image": "generate", "image_to_image": "edit", "inpaint": "edit", "upscale": "upscale"}


class Keeper:
    """Encodes, marks and stores pictures in a small pool of threads of its own."""

    def __init__(self, db: Database, bus: Bus, blobs: BlobStore, *, marking: Callable[[], bool]) -> None:
        self._db = db
        self._bus = bus
        self._blobs = blobs
        self._marking = marking
        self._pool = ThreadPoolExecutor(ENCODERS, thread_name_prefix="encode")

    async def keep(self, job: Job, offer: Offer, ready: ImageReady) -> Job | None:
        """The job with one picture more; None where it no longer runs under this attempt and the picture is dropped.

        Raises StorageUnavailable.
        """
        image_id = new_id()  # before anything that may overtake: ids sort as the pictures of a job do
        loop = asyncio.get_running_loop()
        about = _describe(job, offer, ready, real=await self._is_real(job))
        picture = _handed_over(ready)
        around = await self._around(job)
        finished = await loop.run_in_executor(self._pool, _finish, picture, about, job.request, around, self._marking())
        refs = await ledger.keep(self._db, self._blobs, finished.data, *finished.thumbnails.values())
        blobs = dict(zip((0, *finished.thumbnails), (ref.hash for ref in refs), strict=True))
        image = _image(image_id, job, about, ready.ordinal, finished, blobs)
        if job.request.public:
            copy = await self._in_pool(lambda: public_copy(finished.data, finished.media_type))
            (kept,) = await ledger.keep(self._db, self._blobs, copy)
            image = msgspec.structs.replace(image, public_blob=kept.hash)
        async with self._db.write() as connection:
            counted = await changes.count_stored(connection, job)
            if counted is None:
                return None
            await images.add(connection, image, *([job.request.preset.name] if job.request.preset else ()))
        self._bus.publish(ImageStored(job.id, job.team_id, job.user_id, image.id, image.ordinal))
        self._bus.publish(changed(counted))
        return counted

    async def mark(self, job: Job) -> bytes | None:
        """What a picture of the job says of itself before it is done, as it will when it is; None: nothing is marked."""
        if not self._marking():
            return None
        return xmp.packet(source_type(job.does, changes_real_picture=await self._is_real(job)))

    async def request(self, job: Job, missing: tuple[int, ...]) -> ImageRequest:
        """What the engine shall make, with its pictures. Raises NotFound or InvalidInput for one that cannot be read."""
        kept = job.request
        # An upscaler is given what there is, not what the gateway itself would make of it.
        size = None if job.capability == "upscale" else kept.make
        source = await self._picture(kept.source.blob, size) if kept.source else None
        mask = await self._picture(kept.mask.blob, size, mask=True) if kept.mask else None
        changed = await self._within(kept.source_bytes, *(each for each in (source, mask) if each is not None))
        references = [await self._picture(each.blob, None) for each in kept.references]
        return engine_request(
            job.id,
            job.model,
            job.does,
            kept,
            missing,
            attempt=job.attempt,
            source=changed[0] if source is not None else None,
            mask=changed[-1] if mask is not None else None,
            references=tuple([each for one in references for each in await self._within(kept.source_bytes, one)]),
        )

    async def _around(self, job: Job) -> Around | None:
        """What stays as it was; None where the engine itself saw to that, at the size that is delivered."""
        kept = job.request
        if job.capability != "inpaint" or not (kept.upscaler and kept.source and kept.mask):
            return None
        source = await self._picture(kept.source.blob, kept.size)
        return Around(source, await self._picture(kept.mask.blob, kept.size, mask=True))

    async def _picture(self, blob: str, size: Size | None, *, mask: bool = False) -> Pixels:
        """A kept picture as the engine shall see it; with `size` scaled to cover that and cropped in the middle."""
        data = await self._blobs.get(blob)
        return await self._in_pool(lambda: _read(data, size, mask=mask))

    async def _within(self, limit: int | None, *pictures: Pixels) -> tuple[Pixels, ...]:
        """Scaled down together where one is larger than that as a file."""
        return pictures if limit is None else await self._in_pool(lambda: within(limit, *pictures))

    async def _in_pool(self, work: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    async def missing(self, job: Job) -> tuple[int, ...]:
        """The ordinals that an earlier attempt has not stored."""
        if not job.stored:
            return tuple(range(job.pictures))
        async with self._db.read() as connection:
            kept = {image.ordinal for image in await images.of_job(connection, job.id)}
        return tuple(ordinal for ordinal in range(job.pictures) if ordinal not in kept)

    async def _is_real(self, job: Job) -> bool:
        """Whether the picture that was changed is one that no machine is known to have made."""
        changed_picture = _changed_picture(job)
        if changed_picture is None:
            return False
        data = await self._blobs.get(changed_picture.blob)
        media_type = sniff(data) or ""
        return not await self._in_pool(lambda: provenance.is_machine_made(data, media_type))

    def close(self) -> None:
        self._pool.shutdown(wait=True)


def _finish(picture: Pixels | bytes, about: Description, kept: Resolved, around: Around | None, marking: bool) -> Finished:
    wanted = _as_asked(picture, kept, around)
    return finish(wanted, about, form=kept.output_format, quality=kept.output_compression, marks=marking)


def _as_asked(picture: Pixels | bytes, kept: Resolved, around: Around | None) -> Pixels | bytes:
    """Of the size and on the background that were asked for; an upstream's bytes stay as they are where they can."""
    background = kept.choices.get("background")
    if isinstance(picture, bytes) and kept.make == kept.size and not _is_otherwise(picture, kept):
        seen = read(picture).pixels if background else None
        changed = with_background(seen, background) if seen is not None else None
        return picture if changed is None or changed is seen else changed
    pixels = read(picture).pixels if isinstance(picture, bytes) else picture
    return with_background(repainting.within((fit if kept.upscaler else crop)(pixels, kept.size), around), background)


def _is_otherwise(delivered: bytes, kept: Resolved) -> bool:
    """Whether an upstream encoded it otherwise than the caller insists on."""
    another = sniff(delivered) != MEDIA_TYPES[kept.output_format] or kept.output_compression is not None
    return kept.exact_format and another


def _handed_over(ready: ImageReady) -> Pixels | bytes:
    if ready.pixels is not None:
        return ready.pixels
    if ready.encoded is not None:
        return ready.encoded
    raise EngineCrashed("The engine announced a picture and handed over nothing.")


def _describe(job: Job, offer: Offer, ready: ImageReady, *, real: bool) -> Description:
    kept = job.request
    return Description(
        capability=job.does,
        model=job.model,
        engine=job.engine,
        prompt=kept.prompt,
        negative_prompt=kept.negative_prompt,
        revision=offer.entry.revision,
        steps=kept.steps,
        guidance_scale=kept.guidance_scale,
        sampler=kept.sampler,
        strength=kept.strength,
        seed=ready.seed,
        loras=kept.loras,
        made=kept.make,
        upscaler=job.model if job.capability == "upscale" else kept.upscaler,
        changes_real_picture=real,
        parameters=ready.parameters,
    )


def _image(image_id: str, job: Job, about: Description, ordinal: int, finished: Finished, blobs: dict[int, str]) -> Image:
    parameters = {name: value for name, value in msgspec.to_builtins(about).items() if name not in _COLUMNS}
    return Image(
        id=image_id,
        team_id=job.team_id,
        user_id=job.user_id,
        job_id=job.id,
        ordinal=ordinal,
        parent_id=parent.image if (parent := _changed_picture(job)) else None,
        source=SOURCES[job.capability],
        blob=blobs[0],
        thumbnail_256=blobs[256],
        thumbnail_768=blobs.get(768),
        thumbhash=finished.thumbhash,
        media_type=finished.media_type,
        bytes=len(finished.data),
        width=finished.width,
        height=finished.height,
        title=job.request.title,
        model=job.model,
        engine=job.engine,
        prompt=job.request.prompt,
        negative_prompt=job.request.negative_prompt,
        seed=about.seed,
        parameters=parameters,
        created_at=moment_of(image_id),
        deleted_at=None,
        preset_id=job.request.preset.id if job.request.preset else None,
        user_prompt=job.request.user_prompt,
        published_at=now() if job.request.public else None,
        tags=list(job.request.tags),
        edit_session_id=job.request.edit_session_id,
    )


def _changed_picture(job: Job) -> InputPicture | None:
    """What the job makes another of; a model that only looks at pictures is given that first."""
    return job.request.pictures[0] if job.capability in NEEDS_SOURCE and job.request.pictures else None


def _read(data: bytes, size: Size | None, *, mask: bool) -> Pixels:
    pixels = read(data, largest_pixels=LARGEST_KEPT).pixels
    if mask:
        pixels = luminance(pixels)
    return pixels if size is None else fit(pixels, size)
