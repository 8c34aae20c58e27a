"""From a request on the Open WebUI surface to a queued job, and from its end to the paths of its pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec

from engines.contract import Capability
from gateway.accounts import Principal
from gateway.api import blocking
from gateway.api.bodies import let_go
from gateway.api.links import Links
from gateway.api.openwebui import naming, wire
from gateway.api.openwebui.asked import AUTO, LARGEST_METADATA, WebuiEdit, WebuiGeneration
from gateway.api.openwebui.defaults import Choice, Defaults
from gateway.api.openwebui.errors import Disabled
from gateway.api.openwebui.wire import METADATA, MadeFile
from gateway.api.priorities import Priority, is_bulk
from gateway.api.repeats import named
from gateway.api.streams import Streams
from gateway.api.tasks.asked import Generation, ImageToImage
from gateway.api.tasks.orders import Filed, Orders
from gateway.catalog import Surface
from gateway.chat import links as chat_links
from gateway.db import Database
from gateway.errors import DarkroomError, InvalidInput
from gateway.events import Bus
from gateway.images import records as images
from gateway.jobs.idempotency import earlier
from gateway.jobs.records import Job
from gateway.jobs.request import Submission
from gateway.models import Models, Offer
from gateway.scheduling.loop import Scheduler

SURFACE: Surface = "openwebui"


class OpenWebUIOrders:
    """Takes them, and waits for them."""

    def __init__(
        self, db: Database, bus: Bus, models: Models, scheduler: Scheduler, orders: Orders, streams: Streams, links: Links
    ) -> None:
        self._db = db
        self._bus = bus
        self._models = models
        self._defaults = Defaults(db, models, scheduler)
        self._orders = orders
        self._streams = streams
        self._links = links

    async def generate(
        self, principal: Principal, asked: WebuiGeneration, *, header: Priority | None, key: str | None
    ) -> list[MadeFile]:
        """`header` is the priority, `key` the Idempotency-Key. Raises Disabled, InvalidInput, and NotDone where nothing came.

        Who leaves meanwhile leaves the job going on.
        """
        if not self._models.catalog.settings.openwebui.generation:
            raise Disabled("Image generation is switched off in the configuration ([settings.openwebui] generation).")
        chat = _chat(asked.metadata or {})
        bulk = is_bulk(principal, header)
        job = await earlier(self._db, principal, SURFACE, await named(key, "text_to_image", asked, bulk))
        if job is None:
            choice = await self._defaults.of_generation(principal, asked.model)
            wanted = _generation(asked, choice, bulk)
            job = await self._orders.take(principal, wanted, header=header, key=key, filed=_filed(asked, choice))
        return await self._finished(job, chat)

    async def edit(self, principal: Principal, asked: WebuiEdit, *, header: Priority | None, key: str | None) -> list[MadeFile]:
        """The same; NotFound too, for a file that the team does not have."""
        if not self._models.catalog.settings.openwebui.edit:
            raise Disabled("Image editing is switched off in the configuration ([settings.openwebui] edit).")
        chat = _chat(asked.metadata or {})
        job = await self._edited(principal, asked, header=header, key=key)
        let_go(asked, image="", mask=None)
        return await self._finished(job, chat)

    async def _edited(self, principal: Principal, asked: WebuiEdit, *, header: Priority | None, key: str | None) -> Job:
        """The job, once its pictures are taken in."""
        bulk = is_bulk(principal, header)
        does: Capability = "image_to_image" if asked.mask is None else "inpaint"
        job = await earlier(self._db, principal, SURFACE, await named(key, does, asked, bulk))
        if job is None:
            count = len(asked.images)
            choice = await self._defaults.of_edit(principal, asked.model, does, count)
            wanted = _edit(asked, choice, bulk, self._links.base_url)
            with _in_our_words(asked):
                job = await self._orders.take(principal, wanted, header=header, key=key, filed=_filed(asked, choice))
        return job

    async def _finished(self, job: Job, chat: tuple[str, str] | None) -> list[MadeFile]:
        if chat is None:
            return await self._made(job)
        await chat_links.note(self._db, job, *chat)
        try:
            return await self._made(job)
        except (blocking.JobFailed, blocking.PicturesDeleted):
            await chat_links.take_back(self._db, job)
            raise

    async def _made(self, job: Job) -> list[MadeFile]:
        seconds = self._models.catalog.settings.jobs.sync_timeout_seconds
        await blocking.outcome(self._streams, self._db, self._bus, job, seconds)
        async with self._db.read() as connection:
            found = await images.of_job(connection, job.id)
        return [wire.made(image) for image in blocking.left_of(job, found)]


def _generation(asked: WebuiGeneration, choice: Choice, bulk: bool) -> Generation:
    return Generation(**_shared(asked, choice, bulk), steps=asked.steps or choice.steps)


def _edit(asked: WebuiEdit, choice: Choice, bulk: bool, base_url: str) -> ImageToImage:
    many = not isinstance(asked.image, str)
    first, *others = [
        naming.picture(text, f"image[{place}]" if many else "image", base_url) for place, text in enumerate(asked.images)
    ]
    return ImageToImage(
        **_shared(asked, choice, bulk),
        steps=asked.steps,
        strength=asked.strength,
        image=first,
        extra_images=tuple(others),
        mask=None if asked.mask is None else naming.picture(asked.mask, "mask", base_url),
    )


def _shared(asked: WebuiGeneration | WebuiEdit, choice: Choice, bulk: bool) -> dict[str, Any]:
    size = asked.size or choice.size
    return {
        "prompt": asked.prompt,
        "model": choice.model,
        "size": None if size in ("", AUTO) else size,
        "n": asked.n or 1,
        "negative_prompt": asked.negative_prompt or "",
        "seed": asked.seed,
        "priority": "bulk" if bulk else "interactive",
    }


def _filed(asked: WebuiGeneration | WebuiEdit, choice: Choice) -> Filed:
    shown = {METADATA: asked.metadata} if asked.metadata else {}
    background = asked.background if isinstance(asked, WebuiEdit) else None

    def more(wanted: Submission, offer: Offer) -> Submission:
        # Without a choice of it pictures are opaque anyway.
        if background in (None, "", AUTO) or (background == "opaque" and "background" not in offer.card.choices):
            return wanted
        return msgspec.structs.replace(wanted, choices={**wanted.choices, "background": background})

    return Filed(surface=SURFACE, named=(asked,), shown=shown, model_is_ours=choice.ours, more=more)


def _chat(metadata: Mapping[str, Any]) -> tuple[str, str] | None:
    """Which chat, and which message of it. Raises InvalidInput for metadata that is too large, or names no such thing."""
    if len(msgspec.json.encode(metadata)) > LARGEST_METADATA:
        raise InvalidInput(f"metadata is larger than {LARGEST_METADATA} bytes as JSON.", field="metadata")
    found = []
    for name in ("chat_id", "message_id"):
        value = metadata.get(name)
        if value is not None and not isinstance(value, str):
            raise InvalidInput(f"metadata.{name} must be text.", field=f"metadata.{name}")
        if value and len(value) > chat_links.LONGEST:
            raise InvalidInput(f"metadata.{name} has more than {chat_links.LONGEST} characters.", field=f"metadata.{name}")
        found.append(value)
    chat, message = found
    return (chat, message) if chat and message else None


@contextmanager
def _in_our_words(asked: WebuiEdit) -> Iterator[None]:
    """What is refused of a picture, by the names that this surface has."""
    try:
        yield
    except DarkroomError as error:
        error.field = naming.told(error.field, is_list=not isinstance(asked.image, str))
        raise
