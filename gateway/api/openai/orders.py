"""From a request on this surface to a queued job, and from a job to its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from gateway.accounts import Principal
from gateway.api import blocking, together
from gateway.api.answers import in_base64
from gateway.api.choice import meant
from gateway.api.links import Links
from gateway.api.openai import wire
from gateway.api.openai.asked import ImageOptions
from gateway.api.openai.errors import PicturesDeleted, once_accepted
from gateway.api.openai.meaning import Wanted, check_alone, in_client_words, in_words_of_all, of_its_ratio, with_the_rest
from gateway.api.openai.wire import ImageUsage, OpenAIImages
from gateway.api.priorities import Priority
from gateway.api.streams import Streams
from gateway.api.tasks.orders import Filed, Orders
from gateway.catalog import Surface
from gateway.db import Database
from gateway.events import Bus
from gateway.images import records as images
from gateway.images.records import Image
from gateway.jobs import records as jobs
from gateway.jobs.records import Job
from gateway.models import Models
from gateway.storage import BlobStore

SURFACE: Surface = "openai"


class OpenAIOrders:
    """Takes them, waits for them, and shows what came of them."""

    def __init__(
        self, db: Database, bus: Bus, models: Models, orders: Orders, streams: Streams, blobs: BlobStore, links: Links
    ) -> None:
        self._db = db
        self._bus = bus
        self._models = models
        self._orders = orders
        self._streams = streams
        self._blobs = blobs
        self._links = links

    async def take(
        self, principal: Principal, wanted: Wanted, *, header: Priority | None, key: str | None, named: Sequence[object]
    ) -> Job:
        """`header` is the priority, `key` the Idempotency-Key, `named` all that this stands for.

        What can be refused is refused before a picture is fetched, and everything before anything is charged. Raises
        what `tasks.orders.Orders.take` raises; the pictures have the names there that the client has for them.
        """
        options = wanted.options
        check_alone(options)
        asked = in_words_of_all(wanted, await meant(self._db, self._models, principal, options.model))
        filed = Filed(
            surface=SURFACE,
            named=named,
            shown={**({"safety_identifier": options.who} if options.who else {}), **wanted.shown},
            more=lambda submission, offer: with_the_rest(options, of_its_ratio(wanted, submission), offer),
        )
        with in_client_words(wanted):
            return await self._orders.take(principal, asked, header=header, key=key, filed=filed)

    async def finished(self, job: Job) -> Job:
        """Wait for the job's end; it goes on whoever leaves. Raises `blocking.NotDone`, AnswerLost."""
        seconds = self._models.catalog.settings.jobs.sync_timeout_seconds
        with once_accepted(job.id):
            return await blocking.outcome(self._streams, self._db, self._bus, job, seconds)

    async def pictures(self, job: Job) -> tuple[list[Image], ImageUsage]:
        """What came of a job that has succeeded, in its order, and what it took. Raises AnswerLost."""
        with once_accepted(job.id):
            async with self._db.read() as connection:
                return await images.of_job(connection, job.id), wire.usage(await jobs.usage(connection, job.id), job)

    async def kept(self, job: Job) -> tuple[list[Image], ImageUsage]:
        """Those of `pictures` that nobody deleted since. Raises PicturesDeleted where none are left, AnswerLost."""
        found, counted = await self.pictures(job)
        left = [image for image in found if image.deleted_at is None]
        if not left:
            raise PicturesDeleted(job.id)
        return left, counted

    async def base64(self, image: Image) -> str:
        """Its bytes. Raises AnswerLost."""
        with once_accepted(image.job_id or ""):
            return await asyncio.to_thread(in_base64, await self._blobs.get(image.blob))

    def url(self, image: Image) -> str:
        """Opens without a key."""
        return self._links.content(image)

    async def answer(self, job: Job, asked: ImageOptions) -> OpenAIImages:
        """For a job that has succeeded. Raises PicturesDeleted, AnswerLost."""
        found, counted = await self.kept(job)
        by_url = asked.form == "url"
        shown = [self.url(image) for image in found] if by_url else await together.each(found, self.base64)
        return wire.made_images(job, asked, found, shown, counted)
