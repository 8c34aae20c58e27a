"""Tools that make pictures, and those about their jobs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from gateway.api.blocking import failure
from gateway.api.gallery.asked import EditImage, GenerateImage, UpscaleImage
from gateway.api.gallery.orders import GalleryOrders, More
from gateway.api.links import Links
from gateway.api.mcp import wire
from gateway.api.mcp.answers import Call, Said
from gateway.api.mcp.asked import CancelCall, Drawing, EditCall, GenerateCall, Ordering, UpscaleCall, View, WaitCall
from gateway.api.mcp.naming import of_a_job, picture
from gateway.api.mcp.pictures import Views
from gateway.api.mcp.waiting import in_words, watched
from gateway.api.streams import Streams
from gateway.api.tasks.wire import progress_of
from gateway.catalog import AUTO, Settings, Surface
from gateway.db import Database
from gateway.errors import InvalidInput, NotAccepting
from gateway.events import Bus
from gateway.images import records as images
from gateway.jobs import records
from gateway.jobs.cancel import cancel
from gateway.jobs.records import Job
from gateway.jobs.request import Submission
from gateway.models import Offer
from gateway.scheduling.loop import Scheduler

SURFACE: Surface = "mcp"
_SAME = (
    "prompt", "size", "aspect_ratio", "quality", "n", "negative_prompt", "steps", "guidance_scale", "sampler", "seed", "loras",
    "output_format", "priority",
)  # fmt: skip
"""Fields of a drawing that the other surfaces call as the tools do."""
_AGAIN = "It goes on. Call wait_for_job with this job_id for its pictures."


class Making:
    """Takes orders, waits for them, and shows what came of them."""

    def __init__(
        self,
        db: Database,
        bus: Bus,
        scheduler: Scheduler,
        orders: GalleryOrders,
        views: Views,
        links: Links,
        streams: Streams,
        settings: Callable[[], Settings],
    ) -> None:
        self._db = db
        self._bus = bus
        self._scheduler = scheduler
        self._orders = orders
        self._views = views
        self._links = links
        self._streams = streams
        self._settings = settings

    async def generate(self, call: Call, asked: GenerateCall) -> Said:
        """Raises as `GalleryOrders.generate` does; JobFailed for a job that ended without a picture."""
        wanted = GenerateImage(model=asked.model or AUTO, title=asked.title or "", tags=asked.tags or (), **_same(asked))
        job = await self._orders.generate(
            call.principal,
            wanted,
            header=call.priority,
            key=_key(call, asked),
            surface=SURFACE,
            named=(wanted, asked.background),
            more=_background(asked),
        )
        return await self._ordered(call, job, asked)

    async def edit(self, call: Call, asked: EditCall) -> Said:
        """Raises as `GalleryOrders.edit` does; JobFailed likewise."""
        names = {"image": asked.image, **({"mask": asked.mask} if asked.mask else {})}
        names |= {f"extra_images[{place}]": name for place, name in enumerate(asked.extra_images)}
        given = {field: await picture(self._db, self._links, call.principal, name, field) for field, name in names.items()}
        source, mask = given.pop("image"), given.pop("mask", None)
        wanted = EditImage(
            model=asked.model,
            title=asked.title or "",
            tags=asked.tags or (),
            mask=mask,
            extra_images=tuple(given.values()),
            strength=asked.strength,
            edit_session_id=asked.edit_session_id,
            **_same(asked),
        )
        job = await self._orders.edit_any(
            call.principal,
            source,
            wanted,
            header=call.priority,
            key=_key(call, asked),
            named=(source, wanted, asked.background),
            surface=SURFACE,
            more=_background(asked),
        )
        return await self._ordered(call, job, asked)

    async def upscale(self, call: Call, asked: UpscaleCall) -> Said:
        """Raises as `GalleryOrders.upscale` does; JobFailed likewise."""
        given = await picture(self._db, self._links, call.principal, asked.image, "image")
        wanted = UpscaleImage(
            scale=asked.scale,
            upscaler=asked.upscaler,
            edit_session_id=asked.edit_session_id,
            title=asked.title,
            tags=asked.tags,
            output_format=asked.output_format,
            priority=asked.priority,
        )
        job = await self._orders.upscale_any(
            call.principal, given, wanted, header=call.priority, key=_key(call, asked), surface=SURFACE
        )
        return await self._ordered(call, job, asked)

    async def wait(self, call: Call, asked: WaitCall) -> Said:
        """Any job of the team's, whatever surface it came by. Raises NotFound, JobFailed."""
        with of_a_job():
            job = await self._now(call.principal.team_id, asked.job_id)
        return await self._watch(call, job, asked.view)

    async def cancel(self, call: Call, asked: CancelCall) -> Said:
        """Raises NotFound."""
        with of_a_job():
            return Said(data=self._told(await cancel(self._db, self._bus, call.principal, asked.job_id)))

    async def _ordered(self, call: Call, job: Job, asked: Ordering) -> Said:
        if not asked.wait and not job.finished:
            return Said(data=self._told(job, _AGAIN))
        call.begun(job)
        return await self._watch(call, job, asked.view)

    async def _watch(self, call: Call, job: Job, view: View) -> Said:
        """What came of the job, or a ticket for it when that takes longer than one call should."""
        advice, seconds = _AGAIN, self._settings().mcp.ticket_seconds
        try:
            job = await self._streams.hold(watched(self._db, self._bus, self._scheduler, job, seconds, call.tell))
        except NotAccepting:
            job = await self._now(job.team_id, job.id)
            advice = "The gateway is being stopped; the job goes on when it is back. Call wait_for_job with this job_id then."
        if not job.finished:
            return Said(data=self._told(job, advice))
        if job.state != "succeeded":
            raise failure(job)
        async with self._db.read() as connection:
            made = [image for image in await images.of_job(connection, job.id) if image.deleted_at is None]
        advice = "" if made else "Its pictures were deleted since."
        return Said(data=wire.outcome(job, made, self._links, advice=advice), views=tuple(await self._views.of(made, view)))

    async def _now(self, team_id: str, job_id: str) -> Job:
        async with self._db.read() as connection:
            return await records.get(connection, team_id, job_id)

    def _told(self, job: Job, advice: str = "") -> wire.Outcome:
        """A job without its pictures."""
        if job.finished:
            return wire.outcome(job, (), self._links)
        progress = progress_of(job, self._scheduler)
        return wire.outcome(job, (), self._links, in_words(job, progress), progress.eta_seconds, advice)


def _same(asked: Drawing) -> dict[str, Any]:
    return {name: getattr(asked, name) for name in _SAME}


def _background(asked: Drawing) -> More:
    """What adds it to the submission. A model without the choice makes opaque pictures only, so that may be asked of it."""
    wanted = asked.background
    if wanted == "transparent" and asked.output_format == "jpeg":
        raise InvalidInput("JPEG holds no transparency; ask for output_format png or webp.", field="output_format")

    def add(submission: Submission, offer: Offer) -> Submission:
        if wanted == "auto" or (wanted == "opaque" and "background" not in offer.card.choices):
            return submission
        return msgspec.structs.replace(submission, choices={**submission.choices, "background": wanted})

    return add


def _key(call: Call, asked: Ordering) -> str | None:
    """The argument goes before the header, which many clients can set once only."""
    return asked.idempotency_key or call.key
