"""From a request on the Studio surface to a queued job, and from a job to its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any

from msgspec import Struct

from engines.contract import Capability
from gateway import cards
from gateway.accounts import Principal
from gateway.api import together
from gateway.api.answers import in_base64
from gateway.api.choice import offer_for
from gateway.api.links import Links
from gateway.api.priorities import Priority, is_bulk
from gateway.api.repeats import named
from gateway.api.studio import wire
from gateway.api.studio.asked import MEGAPIXELS, Form, ImageGeneration, Order, UploadedFile
from gateway.api.studio.errors import GenerationTimedOut, failure
from gateway.api.studio.wire import MadeImages
from gateway.db import Database
from gateway.errors import InvalidInput
from gateway.events import Bus
from gateway.images import records as images
from gateway.images.incoming import Incoming
from gateway.images.records import Image
from gateway.jobs import records as jobs
from gateway.jobs.ending import ended
from gateway.jobs.idempotency import earlier
from gateway.jobs.records import Job
from gateway.jobs.request import Idempotency, InputPicture, Submission
from gateway.jobs.submit import submit
from gateway.models import Models, Offer
from gateway.presets import preferred, presets, requirements
from gateway.presets.filling import fill
from gateway.presets.presets import Defaults, Preset, Used
from gateway.scheduling.loop import Scheduler
from gateway.storage import BlobStore

SURFACE = "studio"


class Wanted(Struct, frozen=True, kw_only=True):
    """A request together with its preset: what is to be made, in this surface's words."""

    prompt: str
    negative_prompt: str = ""
    used: Used | None = None
    defaults: Defaults = Defaults()
    files: tuple[UploadedFile, ...] = ()
    """In the order of the preset's requirements."""


class StudioOrders:
    """Takes them, waits for them, and shows what came of them."""

    def __init__(
        self,
        db: Database,
        bus: Bus,
        models: Models,
        scheduler: Scheduler,
        incoming: Incoming,
        blobs: BlobStore,
        links: Links,
    ) -> None:
        self._db = db
        self._bus = bus
        self._models = models
        self._scheduler = scheduler
        self._incoming = incoming
        self._blobs = blobs
        self._links = links

    async def take(self, principal: Principal, order: Order, *, header: Priority | None, key: str | None) -> Job:
        """`header` is the priority, `key` the Idempotency-Key.

        What can be refused is refused before a picture is fetched, and everything before anything is charged. Raises
        InvalidInput, MissingVariable, NotFound for a preset that the team does not have, Forbidden.
        """
        bulk = is_bulk(principal, header)
        names = [file.name for file in order.files]
        idempotency = await named(key, "generate", order.body, names, bulk, *(file.data for file in order.files))
        if known := await earlier(self._db, principal, SURFACE, idempotency):
            return known
        if order.body.is_public:
            principal.require("gallery.write")
        wanted = await self._wanted(principal, order)
        count = len(wanted.files) + len(order.body.ref_image_base64 or ()) + len(order.body.ref_image_urls or ())
        offer = await self._offer(principal, order.body, wanted, count)
        blank = [InputPicture(blob="", width=1, height=1)] * count
        cards.check(submission(order.body, wanted, blank, offer, bulk=bulk), offer.card, offer.entry.id)
        pictures = await self._take_in(principal, order.body, wanted)
        asked = submission(order.body, wanted, pictures, offer, bulk=bulk, idempotency=idempotency)
        return await submit(self._db, self._bus, offer, principal, asked, self._models.catalog)

    async def accepted(self, job: Job) -> MadeImages:
        """A job that was just asked for, as it was accepted; it may be an older one, which an Idempotency-Key named."""
        return wire.job(job) if job.state == "queued" else await self.show(job.team_id, job.id)

    async def finished(self, job: Job) -> Job:
        """Wait for the job's end. Raises GenerationTimedOut, with the job still running, and GenerationFailed."""
        seconds = self._models.catalog.settings.jobs.sync_timeout_seconds
        end = await ended(self._db, self._bus, job, seconds)
        if end is None:
            raise GenerationTimedOut(job.id, seconds)
        if end.state != "succeeded":
            raise failure(end)
        return end

    async def show(self, team_id: str, job_id: str, form: Form = "url", *, status: bool = True) -> MadeImages:
        """The job as it stands. Raises NotFound, also for another team's."""
        async with self._db.read() as connection:
            job = await jobs.get(connection, team_id, job_id)
            found = await images.of_job(connection, job_id) if job.state == "succeeded" else []
        return wire.job(job, await together.each(found, lambda image: self._made(image, form)), status=status)

    async def _made(self, image: Image, form: Form) -> wire.MadeImage:
        base64 = None if form == "url" else await asyncio.to_thread(in_base64, await self._blobs.get(image.blob))
        return wire.made(image, self._links, url=form != "b64_json", base64=base64)

    async def _wanted(self, principal: Principal, order: Order) -> Wanted:
        body = order.body
        if body.preset_id is not None:
            return _from_preset(await presets.get(self._db, principal, body.preset_id), order)
        if body.variables:
            raise InvalidInput("variables fill in a preset; give its presetId, or leave them out.", field="variables")
        requirements.files((), [file.name for file in order.files])
        if not (body.prompt or "").strip():
            raise InvalidInput("prompt is missing: say what the picture shall show, or give a presetId.", field="prompt")
        return Wanted(prompt=body.prompt or "", negative_prompt=body.negative_prompt or "")

    async def _offer(self, principal: Principal, body: ImageGeneration, wanted: Wanted, pictures: int) -> Offer:
        model = body.model_version or wanted.defaults.model_version or await preferred.get(self._db, principal)
        return await offer_for(
            self._db, self._models, self._scheduler, principal, model, capability(pictures), pictures=pictures
        )

    async def _take_in(self, principal: Principal, body: ImageGeneration, wanted: Wanted) -> list[InputPicture]:
        """Every picture of the request: the preset's files first, then those in the body, then those behind URLs."""
        incoming = self._incoming
        work: list[Callable[[], Coroutine[Any, Any, Image]]] = [
            partial(incoming.take, principal, file.data, field=file.name) for file in wanted.files
        ]
        for place, given in enumerate(body.ref_image_base64 or ()):
            work.append(partial(incoming.from_base64, principal, given.mime_type, given.data, f"refImageBase64[{place}]"))
        for place, url in enumerate(body.ref_image_urls or ()):
            work.append(partial(incoming.from_url, principal, url, f"refImageUrls[{place}]"))
        kept = await together.each(work, lambda begin: begin())
        return [InputPicture(blob=each.blob, width=each.width, height=each.height, image=each.id) for each in kept]


def capability(pictures: int) -> Capability:
    return "image_to_image" if pictures else "text_to_image"


def submission(
    body: ImageGeneration,
    wanted: Wanted,
    pictures: Sequence[InputPicture],
    offer: Offer,
    *,
    bulk: bool,
    idempotency: Idempotency | None = None,
) -> Submission:
    """In the domain's words."""
    what = capability(len(pictures))
    source, references = cards.arrange(pictures, what, offer.card)
    ratio = body.aspect_ratio or wanted.defaults.aspect_ratio
    resolution = body.resolution or wanted.defaults.resolution or "standard"
    return Submission(
        surface=SURFACE,
        capability=what,
        prompt=wanted.prompt,
        model=body.model_version or wanted.defaults.model_version,
        negative_prompt=wanted.negative_prompt,
        ratio=_ratio(ratio, pictures),
        megapixels=MEGAPIXELS[resolution],
        resolution=resolution,
        n=body.sample_count or wanted.defaults.sample_count or 1,
        seed=body.seed,
        source=source,
        references=references,
        output_format="webp",
        bulk=bulk,
        webhook=body.webhook.url if body.webhook else None,
        idempotency=idempotency,
        preset=wanted.used,
        user_prompt=(body.prompt or "") if wanted.used else None,
        public=bool(body.is_public),
        shown={},
    )


def _from_preset(preset: Preset, order: Order) -> Wanted:
    body, content = order.body, preset.content
    words = fill(preset, body.variables or {}, body.prompt or "", body.negative_prompt or "")
    if not words.prompt:
        raise InvalidInput("Neither the preset nor the request says what the picture shall show.", field="prompt")
    places = requirements.files(content.requirements, [file.name for file in order.files])
    return Wanted(
        prompt=words.prompt,
        negative_prompt=words.negative_prompt,
        used=words.used,
        defaults=content.defaults,
        files=tuple(order.files[place] for place in places),
    )


def _ratio(asked: str | None, pictures: Sequence[InputPicture]) -> float | None:
    """None: the model's own. Of a very long picture only the longest ratio that can be asked for."""
    if asked is not None:
        width, _, height = asked.partition(":")
        return float(width) / float(height)
    if not pictures:
        return None
    return min(max(pictures[0].width / pictures[0].height, 1 / 8), 8.0)
