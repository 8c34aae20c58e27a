"""From a request on the Tasks surface to a queued job."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from gateway.accounts import Principal
from gateway.api import together
from gateway.api.choice import offer_for
from gateway.api.priorities import Priority, is_bulk
from gateway.api.repeats import named
from gateway.api.tasks.asked import ArtifactPicture, Asked, ImageToImage, UrlPicture
from gateway.api.tasks.handed import AlphaMask, AlphaOf, FilePicture, Handed
from gateway.api.tasks.meaning import Pictures, capability, check_alone, check_card, in_our_words, submission
from gateway.catalog import Surface
from gateway.db import Database
from gateway.errors import InvalidInput
from gateway.events import Bus
from gateway.images.incoming import Incoming
from gateway.images.records import Image
from gateway.jobs import records
from gateway.jobs.idempotency import earlier
from gateway.jobs.records import Job
from gateway.jobs.request import InputPicture, Submission
from gateway.jobs.submit import retried, submit
from gateway.models import Models, Offer
from gateway.scheduling.loop import Scheduler


class Filed(Struct, frozen=True, kw_only=True):
    """What a surface that means the same as this one says besides."""

    surface: Surface = "tasks"
    title: str = ""
    tags: Sequence[str] = ()
    edit_session_id: str | None = None
    model_is_ours: bool = False
    """The model of `asked` is a default that nobody asked for: another may step in, as where none is named."""
    named: Sequence[object] | None = None
    """What an Idempotency-Key stands for, where that is another body than `asked`."""
    shown: Mapping[str, Any] = {}
    """What that surface wants to see again when it is asked about the job."""
    choices: Mapping[str, str] = {}
    """Of what the model's card lets the caller choose besides; see `Submission`."""
    more: Callable[[Submission, Offer], Submission] | None = None
    """What it asks for besides, once it is known of which model. Raises InvalidInput."""

    def into(self, wanted: Submission, offer: Offer) -> Submission:
        wanted = self.more(wanted, offer) if self.more else wanted
        return msgspec.structs.replace(
            wanted,
            model=None if self.model_is_ours else wanted.model,
            surface=self.surface,
            title=self.title,
            tags=tuple(self.tags),
            edit_session_id=self.edit_session_id,
            shown={**wanted.shown, **self.shown},
            choices={**wanted.choices, **self.choices},
        )


HERE = Filed()


class Orders:
    """Takes them."""

    def __init__(self, db: Database, bus: Bus, models: Models, scheduler: Scheduler, incoming: Incoming) -> None:
        self._db = db
        self._bus = bus
        self._models = models
        self._scheduler = scheduler
        self._incoming = incoming

    async def take(
        self, principal: Principal, asked: Asked, *, header: Priority | None, key: str | None, filed: Filed = HERE
    ) -> Job:
        """`header` is the priority, `key` the Idempotency-Key, `filed` what another surface adds.

        What can be refused is refused before a picture is fetched, and everything before anything is charged. Raises
        InvalidInput in this surface's words, NotFound for an artifact that the team does not have.
        """
        check_alone(asked)
        bulk = is_bulk(principal, asked.priority, header)
        idempotency = await named(key, capability(asked), *((asked,) if filed.named is None else filed.named), bulk)
        if known := await earlier(self._db, principal, filed.surface, idempotency):
            return known
        count = len(asked.pictures) if isinstance(asked, ImageToImage) else 0
        offer = await offer_for(
            self._db, self._models, self._scheduler, principal, asked.model, capability(asked), pictures=count
        )
        check_card(asked, offer.entry, offer.card, lambda wanted: filed.into(wanted, offer))
        pictures = await self._take_in(principal, asked) if isinstance(asked, ImageToImage) else Pictures()
        wanted = submission(asked, pictures, offer.entry, offer.card, bulk=bulk, idempotency=idempotency)
        wanted = filed.into(wanted, offer)
        with in_our_words():
            return await submit(self._db, self._bus, offer, principal, wanted, self._models.catalog)

    async def again(self, principal: Principal, job_id: str, *, key: str | None) -> Job:
        """A failed or canceled job as a new one. Raises NotFound, WrongState."""
        idempotency = await named(key, "retry", job_id)
        async with self._db.read() as connection:
            surface = (await records.get(connection, principal.team_id, job_id)).surface
        # First: what the same request made already stays its answer, even if it could not be made any more.
        if known := await earlier(self._db, principal, surface, idempotency):
            return known
        wanted = await retried(self._db, principal, job_id)
        if wanted.public:
            principal.require("gallery.write")
        offer = await offer_for(self._db, self._models, self._scheduler, principal, wanted.model, wanted.capability)
        wanted = msgspec.structs.replace(wanted, idempotency=idempotency)
        with in_our_words():
            return await submit(self._db, self._bus, offer, principal, wanted, self._models.catalog)

    async def _take_in(self, principal: Principal, asked: ImageToImage) -> Pictures:
        fields = ["image", *(f"extra_images[{index}]" for index in range(len(asked.extra_images)))]
        wanted: dict[str, Handed] = dict(zip(fields, asked.pictures, strict=True))
        if asked.mask is not None:
            wanted["mask"] = asked.mask
        images = await together.each(wanted.items(), lambda item: self.image(principal, item[1], item[0]))
        kept = dict(zip(wanted, images, strict=True))
        mask = kept.pop("mask", None)
        if mask is not None:
            await self._check_mask(mask, kept["image"])
        return Pictures([_input(each) for each in kept.values()], None if mask is None else _input(mask))

    async def _check_mask(self, mask: Image, first: Image) -> None:
        if (mask.width, mask.height) != (first.width, first.height):
            sizes = f"The mask is {mask.width}x{mask.height}, the image {first.width}x{first.height}"
            raise InvalidInput(f"{sizes}; make it as large.", field="mask")
        if not await self._incoming.marks_something(mask):
            raise InvalidInput("The mask is black all over; what shall be painted anew must be white.", field="mask")

    async def image(self, principal: Principal, given: Handed, field: str) -> Image:
        """The picture as one that is kept here. Raises as `Incoming` does, naming a part of `field`."""
        if isinstance(given, FilePicture):
            return await self._incoming.take(principal, given.data, field=field)
        if isinstance(given, AlphaMask):
            return await self._incoming.from_alpha(principal, given.data, field)
        if isinstance(given, AlphaOf):
            return await self._incoming.alpha_of(principal, await self.image(principal, given.picture, field), field)
        if isinstance(given, ArtifactPicture):
            return await self._incoming.of_team(principal, given.artifact_id, f"{field}.artifact_id")
        if isinstance(given, UrlPicture):
            return await self._incoming.from_url(principal, given.url, f"{field}.url")
        return await self._incoming.from_data_uri(principal, given.data_uri, f"{field}.data_uri")


def _input(image: Image) -> InputPicture:
    return InputPicture(blob=image.blob, width=image.width, height=image.height, image=image.id)
