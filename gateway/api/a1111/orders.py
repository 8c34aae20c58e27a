"""From a call on the A1111 surface to a queued job, and from its end to the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from gateway import cards
from gateway.accounts import Principal, options
from gateway.api import together
from gateway.api.a1111 import meaning, settings, wire
from gateway.api.a1111.asked import Img2Img, Processing
from gateway.api.a1111.errors import SamplerNotFound, in_our_words, within
from gateway.api.a1111.following import SURFACE
from gateway.api.a1111.meaning import Pictures
from gateway.api.a1111.passing_over import passed_over
from gateway.api.a1111.preparing import prepared
from gateway.api.a1111.prompts import NONE, words
from gateway.api.a1111.wire import Generated
from gateway.api.blocking import JobCanceled, left_of, outcome
from gateway.api.bodies import let_go
from gateway.api.choice import meant, offer_for, team_names
from gateway.api.priorities import Priority, is_bulk
from gateway.api.repeats import named
from gateway.api.streams import Streams
from gateway.catalog import AUTO, ModelEntry
from gateway.db import Database
from gateway.errors import InvalidInput, NotFound
from gateway.events import Bus
from gateway.images import records as images
from gateway.images.image import Image
from gateway.images.incoming import Incoming
from gateway.jobs.idempotency import earlier
from gateway.jobs.records import Job
from gateway.jobs.request import InputPicture, Submission
from gateway.jobs.submit import submit
from gateway.models import Models, Offer
from gateway.presets import presets
from gateway.presets.presets import Preset
from gateway.routing import visible
from gateway.scheduling.loop import Scheduler
from gateway.storage import BlobStore

MOST_STYLES = 1000
"""Presets among which a style is looked for, the newest first."""
_PREPARED = 2
"""Pictures that are unpacked at a time; each takes up to eight bytes for each of `max_pixels`."""
_BLANK = InputPicture(blob="", width=1, height=1)


class Taken(Struct, frozen=True):
    """A job, and the names of what was passed over for it."""

    job: Job
    asked: Processing
    ignored: tuple[str, ...] = ()


class A1111Orders:
    """Takes them, waits for them, and answers."""

    def __init__(
        self, db: Database, bus: Bus, models: Models, scheduler: Scheduler, incoming: Incoming, blobs: BlobStore
    ) -> None:
        self._db = db
        self._bus = bus
        self._models = models
        self._scheduler = scheduler
        self._incoming = incoming
        self._blobs = blobs
        self._room = asyncio.Semaphore(_PREPARED)

    async def take(self, principal: Principal, given: Processing, *, header: Priority | None, key: str | None) -> Taken:
        """`header` is the priority, `key` the Idempotency-Key.

        What can be refused is refused before a picture is read, and everything before anything is charged. Raises
        InvalidInput in this surface's words, NotFound for a style that the team does not have.
        """
        chosen = await self.settings(principal, given.override_settings)
        bulk = is_bulk(principal, header)
        idempotency = await named(key, meaning.capability(given), given, chosen, bulk)
        if known := await earlier(self._db, principal, SURFACE, idempotency):
            _let_go(given)
            return Taken(known, given)
        asked = meaning.with_infotext(given)
        meaning.check_alone(asked)
        if isinstance(asked, Img2Img):
            _check_count(asked)
        told = words(
            asked.prompt or "",
            asked.negative_prompt or "",
            asked.styles or (),
            await self._styles(principal, asked.styles or ()),
            networks=not asked.disable_extra_networks,
        )
        said, field = meaning.model_of(asked, chosen, self._models.catalog, await self.seen(principal))
        model = await meant(self._db, self._models, principal, said)
        pictures = 1 if isinstance(asked, Img2Img) else 0
        with in_our_words({"model": field, "capability": field, "n": "n_iter" if (asked.n_iter or 1) > 1 else "batch_size"}):
            offer = await offer_for(
                self._db, self._models, self._scheduler, principal, model, meaning.capability(asked), pictures=pictures
            )
            asked, ignored = meaning.without_what_it_lacks(asked, offer.card)
            blank = Pictures(_BLANK, _BLANK if meaning.capability(asked) == "inpaint" else None) if pictures else Pictures()
            wanted = meaning.submission(asked, told, blank, offer, chosen, model=model, bulk=bulk)
            _check(wanted, offer)
            kept = await self._take_in(principal, asked) if isinstance(asked, Img2Img) else Pictures()
            wanted = meaning.submission(
                asked, told, kept, offer, chosen, model=model, bulk=bulk, idempotency=idempotency
            )  # fmt: skip
            job = await submit(self._db, self._bus, offer, principal, wanted, self._models.catalog)
        ignored = (*ignored, *passed_over(given, said))
        _let_go(given, asked)
        return Taken(job, asked, ignored)

    async def answer(self, taken: Taken, streams: Streams) -> Generated:
        """When it is done; of a call that was interrupted what was done by then. Raises NotDone."""
        job, found, data = await self.finished(taken.job, streams)
        return await asyncio.to_thread(wire.generated, job, found, data, taken.asked)

    async def finished(self, job: Job, streams: Streams, *, whole: bool = False) -> tuple[Job, list[Image], list[bytes]]:
        """The job with its pictures and their bytes, once it has ended. Raises NotDone; of a canceled one if `whole`."""
        seconds = self._models.catalog.settings.jobs.sync_timeout_seconds
        try:
            end = await outcome(streams, self._db, self._bus, job, seconds)
        except JobCanceled as canceled:
            if whole:
                raise
            end = canceled.job
        async with self._db.read() as connection:
            found = await images.of_job(connection, end.id)
        if end.state == "succeeded":
            found = left_of(end, found)
        return end, found, await together.each(found, lambda image: self._blobs.get(image.blob))

    async def settings(self, principal: Principal, override: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The options of a call: what the key chose, and over it what the call says. Raises InvalidInput."""
        chosen = await options.get(self._db, principal, SURFACE)
        for name, value in (override or {}).items():
            with within("override_settings"):
                checked = settings.checked(name, value, lenient=True)
            if checked is not None:
                chosen[name] = checked
        return chosen

    async def choose(self, principal: Principal, chosen: dict[str, Any]) -> None:
        """Options of this key from now on, checked before. Raises InvalidInput for a model that it cannot ask for."""
        if name := chosen.get(settings.MODEL):
            chosen = {**chosen, settings.MODEL: await self._model(principal, name)}
        together = {**await options.get(self._db, principal, SURFACE), **chosen}
        if len(together) > settings.MOST:
            raise InvalidInput(f"A key keeps {settings.MOST} options at most.", field="body")
        await options.change(self._db, principal, SURFACE, chosen)

    async def _model(self, principal: Principal, name: str) -> str | None:
        """The id of the model that is called so; None leaves it to us again."""
        called = meaning.model_called(name, self._models.catalog, await self.seen(principal))
        called = await meant(self._db, self._models, principal, called) or AUTO
        if called == AUTO:
            return None
        with in_our_words({"model": settings.MODEL}):
            return (await offer_for(self._db, self._models, self._scheduler, principal, called, "text_to_image")).entry.id

    async def seen(self, principal: Principal) -> list[ModelEntry]:
        """The models that the team may ask for."""
        return list(visible(self._models.catalog, await team_names(self._db, self._models, principal)))

    async def picture(self, principal: Principal, text: str, field: str) -> Image:
        """What came in base64, bare or in a data URI, or by a URL. Raises InvalidInput that names `field`."""
        head = text[:16].lstrip().lower()
        if head.startswith(("http://", "https://")):
            return await self._incoming.from_url(principal, text.strip(), field)
        if head.startswith("data:"):
            return await self._incoming.from_data_uri(principal, text, field)
        if not head:
            raise InvalidInput("There is no picture; send one in base64.", field=field)
        return await self._incoming.from_base64(principal, "", text, field)

    async def _take_in(self, principal: Principal, asked: Img2Img) -> Pictures:
        """The picture and its mask, as a model shall see them."""
        given = {
            "init_images[0]": next(filter(None, asked.init_images or ()), ""),
            **({"mask": asked.mask} if asked.mask else {}),
        }
        source, *masks = await together.each(given.items(), lambda item: self.picture(principal, item[1], item[0]))
        mask = masks[0] if masks else None
        if mask is not None and (mask.width, mask.height) != (source.width, source.height):
            sizes = f"The mask is {mask.width}x{mask.height}, the picture {source.width}x{source.height}"
            raise InvalidInput(f"{sizes}; make it as large.", field="mask")
        plan = meaning.plan(asked, as_input(source))
        if mask is None and not plan.reshapes(source.width, source.height):
            return Pictures(as_input(source))
        before = [await self._blobs.get(each.blob) for each in (source, *masks)]
        async with self._room:
            after = await asyncio.to_thread(prepared, before[0], before[1] if masks else None, plan)
        changed = [
            each if data is None else await self._incoming.take(principal, data, field="init_images")
            for each, data in zip((source, *masks), after, strict=False)
        ]
        return Pictures(as_input(changed[0]), as_input(changed[1]) if masks else None)

    async def _styles(self, principal: Principal, wanted: Sequence[str]) -> dict[str, Preset]:
        if all(name in ("", NONE) for name in wanted):
            return {}
        return await self.styles(principal)

    async def styles(self, principal: Principal) -> dict[str, Preset]:
        """The team's presets by name; of equal names the newest."""
        found, _ = await presets.newest(self._db, principal, limit=MOST_STYLES)
        return {each.content.name: each for each in reversed(found)}


def as_input(image: Image) -> InputPicture:
    return InputPicture(blob=image.blob, width=image.width, height=image.height, image=image.id)


def _check(wanted: Submission, offer: Offer) -> None:
    try:
        cards.sampler_name(wanted.sampler, offer.card, offer.entry.id)
    except InvalidInput as error:
        raise SamplerNotFound(f"Sampler not found. {error.message}", field="sampler") from error
    cards.check(wanted, offer.card, offer.entry.id)


def _check_count(asked: Img2Img) -> None:
    count = len([each for each in asked.init_images or () if each])
    if not count:
        raise NotFound("Init image not found: send one picture in init_images, in base64.", field="init_images")
    if count > 1:
        raise InvalidInput(f"init_images has {count} pictures; send each in a call of its own.", field="init_images")


def _let_go(*asked: Processing) -> None:
    """Of pictures that were taken in, unless the answer is to have them again."""
    for each in asked:
        if isinstance(each, Img2Img) and not each.include_init_images:
            let_go(each, init_images=None, mask=None)
