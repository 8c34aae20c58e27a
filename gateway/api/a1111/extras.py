"""Enlarging: extra-single-image and extra-batch-images, each picture a job of the upscaler that is named."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence

from msgspec import Struct

from engines.contract import Size
from gateway.accounts import Principal
from gateway.api import together
from gateway.api.a1111 import accepted
from gateway.api.a1111.asked import ExtraBatch, Extras, ExtraSingle
from gateway.api.a1111.errors import in_our_words
from gateway.api.a1111.following import SURFACE
from gateway.api.a1111.meaning import model_called
from gateway.api.a1111.orders import A1111Orders, as_input
from gateway.api.a1111.preparing import cut
from gateway.api.a1111.prompts import NONE
from gateway.api.a1111.settings import FORMAT, FORMATS
from gateway.api.a1111.wire import Enlarged, EnlargedAll
from gateway.api.answers import in_base64
from gateway.api.bodies import let_go
from gateway.api.choice import offer_for
from gateway.api.priorities import Priority, is_bulk
from gateway.api.repeats import named
from gateway.api.streams import Streams
from gateway.db import Database
from gateway.errors import InvalidInput
from gateway.events import Bus
from gateway.images.image import Image
from gateway.images.incoming import Incoming
from gateway.jobs.cancel import cancel
from gateway.jobs.fingerprints import fingerprint
from gateway.jobs.idempotency import earlier
from gateway.jobs.records import Job
from gateway.jobs.request import Idempotency, OutputFormat, Submission
from gateway.jobs.submit import submit
from gateway.models import Models, Offer
from gateway.scheduling.loop import Scheduler
from gateway.storage import BlobStore

_NAMES = {"model": "upscaler_1", "capability": "upscaler_1"}


class One(Struct, frozen=True):
    """A picture of a call, and where it stands there."""

    text: str
    field: str


class A1111Extras:
    """Takes calls, and answers them when all is done."""

    def __init__(
        self,
        db: Database,
        bus: Bus,
        models: Models,
        scheduler: Scheduler,
        incoming: Incoming,
        blobs: BlobStore,
        orders: A1111Orders,
    ) -> None:
        self._db = db
        self._bus = bus
        self._models = models
        self._scheduler = scheduler
        self._incoming = incoming
        self._blobs = blobs
        self._orders = orders

    async def single(
        self, principal: Principal, asked: ExtraSingle, streams: Streams, *, header: Priority | None, key: str | None
    ) -> tuple[Enlarged, list[Job]]:
        """And what made it. Raises InvalidInput, NotDone."""
        done, told, jobs = await self._all(principal, asked, streams, header=header, key=key)
        return Enlarged(html_info=told, image=done[0]), jobs

    async def batch(
        self, principal: Principal, asked: ExtraBatch, streams: Streams, *, header: Priority | None, key: str | None
    ) -> tuple[EnlargedAll, list[Job]]:
        """And what made them. Raises InvalidInput, NotDone."""
        done, told, jobs = await self._all(principal, asked, streams, header=header, key=key)
        return EnlargedAll(html_info=told, images=tuple(done)), jobs

    async def _all(
        self,
        principal: Principal,
        asked: ExtraSingle | ExtraBatch,
        streams: Streams,
        *,
        header: Priority | None,
        key: str | None,
    ) -> tuple[list[str], str, list[Job]]:
        """The pictures in base64, a line of HTML about them, and what made them."""
        accepted.refuse(asked, accepted.EXTRAS)
        _check_numbers(asked)
        if asked.upscaler_1 in (None, "", NONE):
            kept = await together.each(_given(asked), lambda one: self._orders.picture(principal, one.text, one.field))
            data = await together.each(kept, lambda image: self._blobs.get(image.blob))
            return await asyncio.to_thread(lambda: [in_base64(each) for each in data]), _line(kept), []
        jobs = await self._jobs(principal, asked, _given(asked), header=header, key=key)
        let_go(asked, **({"image": ""} if isinstance(asked, ExtraSingle) else {"imageList": ()}))
        ended = await together.each(jobs, lambda job: self._orders.finished(job, streams, whole=True))
        data = [each for _, _, several in ended for each in several]
        made = [image for _, images, _ in ended for image in images]
        return await asyncio.to_thread(lambda: [in_base64(each) for each in data]), _line(made), jobs

    async def _jobs(
        self, principal: Principal, asked: Extras, given: Sequence[One], *, header: Priority | None, key: str | None
    ) -> list[Job]:
        """All of them or none: where one is refused those before it are taken back."""
        bulk = is_bulk(principal, header)
        form = FORMATS[(await self._orders.settings(principal)).get(FORMAT) or "png"]
        name = model_called(asked.upscaler_1 or "", self._models.catalog, await self._orders.seen(principal))
        with in_our_words(_NAMES):
            offer = await offer_for(self._db, self._models, self._scheduler, principal, name, "upscale", pictures=1)
            if "upscale" not in offer.card.capabilities:
                raise InvalidInput(f'The model "{offer.entry.id}" enlarges no pictures.', field="model")
        # Once for all of them: it is of megabytes, and so each picture would be read as often as there are pictures.
        whole = await fingerprint(asked) if key else None
        jobs: list[Job] = []
        begun: list[Job] = []
        try:
            for place, one in enumerate(given):
                idempotency = await named(_key(key, place, len(given)), "extras", whole, place, form, bulk)
                job = await earlier(self._db, principal, SURFACE, idempotency)
                if job is None:
                    job = await self._job(principal, asked, one, offer, form, bulk=bulk, idempotency=idempotency)
                    begun.append(job)
                jobs.append(job)
        except BaseException:
            for job in begun:
                await cancel(self._db, self._bus, principal, job.id)
            raise
        return jobs

    async def _job(
        self,
        principal: Principal,
        asked: Extras,
        one: One,
        offer: Offer,
        form: OutputFormat,
        *,
        bulk: bool,
        idempotency: Idempotency | None,
    ) -> Job:
        source = await self._orders.picture(principal, one.text, one.field)
        width, height = _size(asked, source)
        if asked.resize_mode == 1 and asked.upscaling_crop is not False and width * source.height != height * source.width:
            inner = await asyncio.to_thread(cut, await self._blobs.get(source.blob), Size(width, height))
            source = await self._incoming.take(principal, inner, field=one.field)
        wanted = Submission(
            surface=SURFACE,
            capability="upscale",
            prompt="",
            model=offer.entry.id,
            width=width,
            height=height,
            source=as_input(source),
            output_format=form,
            bulk=bulk,
            idempotency=idempotency,
        )
        with in_our_words({**_NAMES, "size": "upscaling_resize_w" if asked.resize_mode == 1 else "upscaling_resize"}):
            return await submit(self._db, self._bus, offer, principal, wanted, self._models.catalog)


def _given(asked: ExtraSingle | ExtraBatch) -> list[One]:
    if isinstance(asked, ExtraSingle):
        return [One(asked.image or "", "image")]
    return [One(each.data, f"imageList[{place}].data") for place, each in enumerate(asked.imageList)]


def _check_numbers(asked: Extras) -> None:
    by_size = asked.resize_mode == 1
    names = ("upscaling_resize_w", "upscaling_resize_h") if by_size else ("upscaling_resize",)
    for name in names:
        value = getattr(asked, name)
        if value is None or not 0 < value <= 100_000:
            raise InvalidInput(f"{name} must be more than 0.", field=name)


def _size(asked: Extras, source: Image) -> tuple[int, int]:
    if asked.resize_mode != 1:
        factor = asked.upscaling_resize or 1
        return round(source.width * factor), round(source.height * factor)
    width, height = asked.upscaling_resize_w or 0, asked.upscaling_resize_h or 0
    if asked.upscaling_crop is not False:
        return width, height
    factor = max(width / source.width, height / source.height)
    return round(source.width * factor), round(source.height * factor)


def _key(key: str | None, place: int, count: int) -> str | None:
    """Of one picture of several, each of which is a job; a key has 255 characters at most."""
    if key is None or count == 1:
        return key
    return f"{hashlib.sha256(key.encode()).hexdigest()}:{place}"


def _line(made: Sequence[Image]) -> str:
    """What A1111's page shows below them."""
    return f"<p>{', '.join(f'{each.width}x{each.height}' for each in made)}</p>"
