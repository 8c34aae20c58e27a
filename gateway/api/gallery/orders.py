"""From a request on the Gallery surface to a queued job: generate, edit, upscale."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from engines.contract import Capability
from gateway.accounts import Principal
from gateway.api.choice import offer_for
from gateway.api.editing import editor
from gateway.api.gallery.asked import EditImage, GenerateImage, UpscaleImage
from gateway.api.priorities import Priority, is_bulk
from gateway.api.repeats import named
from gateway.api.tasks.asked import AnyPicture, ArtifactPicture, Asked, Generation, ImageToImage
from gateway.api.tasks.orders import Filed, Orders
from gateway.catalog import Surface
from gateway.catalog.kinds import LARGEST_SIDE
from gateway.db import Database, new_id
from gateway.errors import InvalidInput, NotFound, WrongState
from gateway.events import Bus
from gateway.images.image import Image
from gateway.images.tags import cleaned, cleaned_title
from gateway.jobs import edit_sessions
from gateway.jobs.idempotency import earlier
from gateway.jobs.records import Job
from gateway.jobs.request import InputPicture, Submission
from gateway.jobs.submit import submit
from gateway.models import Models, Offer
from gateway.scheduling.loop import Scheduler

SURFACE: Surface = "gallery"
_LEAST_SCALE = 1.1
More = Callable[[Submission, Offer], Submission]


class GalleryOrders:
    """Takes them."""

    def __init__(self, db: Database, bus: Bus, models: Models, scheduler: Scheduler, orders: Orders) -> None:
        self._db = db
        self._bus = bus
        self._models = models
        self._scheduler = scheduler
        self._orders = orders

    async def generate(
        self,
        principal: Principal,
        asked: GenerateImage,
        *,
        header: Priority | None,
        key: str | None,
        surface: Surface = SURFACE,
        named: Sequence[object] | None = None,
        more: More | None = None,
    ) -> Job:
        """`header` is the priority, `key` the Idempotency-Key, which stands for `named`, else for `asked`; `more` as in
        `Filed`. Raises as `tasks.orders.Orders.take` does."""
        fields = {name: getattr(asked, name) for name in Generation.__struct_fields__}
        wanted = Generation(**fields | {"model": asked.model or "auto"})
        title, tags = cleaned_title(asked.title or ""), cleaned(asked.tags or ())
        filed = Filed(surface=surface, title=title, tags=tags, named=named or (asked,), more=more)
        return await self._orders.take(principal, wanted, header=header, key=key, filed=filed)

    async def edit(
        self, principal: Principal, image_id: str, asked: EditImage, *, header: Priority | None, key: str | None
    ) -> Job:
        """A variant of the picture, in the session that is named or a new one. Raises NotFound, WrongState, InvalidInput."""
        with _in_our_words({"image.artifact_id": "image_id", "image": "image_id"}):
            return await self.edit_any(
                principal, ArtifactPicture(image_id), asked, header=header, key=key, named=(image_id, asked)
            )

    async def edit_any(
        self,
        principal: Principal,
        picture: AnyPicture,
        asked: EditImage,
        *,
        header: Priority | None,
        key: str | None,
        named: Sequence[object],
        surface: Surface = SURFACE,
        more: More | None = None,
    ) -> Job:
        """The same for a picture that need not be here yet; `named` is what the Idempotency-Key stands for."""
        title, tags = cleaned_title(asked.title or ""), cleaned(asked.tags or ())
        session = await self._session(principal, asked.edit_session_id) or new_id()
        filed = Filed(
            surface=surface,
            title=title,
            tags=tags,
            edit_session_id=session,
            model_is_ours=asked.model is None,
            named=named,
            more=more,
        )
        capability: Capability = "inpaint" if asked.mask else "image_to_image"
        model = asked.model or await editor(self._db, self._models, self._scheduler, principal, capability)
        shared = {name: getattr(asked, name) for name in Asked.__struct_fields__ if name != "model"}
        wanted = ImageToImage(
            **shared,
            model=model,
            image=picture,
            extra_images=asked.extra_images,
            mask=asked.mask,
            strength=asked.strength,
        )
        return await self._orders.take(principal, wanted, header=header, key=key, filed=filed)

    async def upscale(
        self, principal: Principal, image_id: str, asked: UpscaleImage, *, header: Priority | None, key: str | None
    ) -> Job:
        """The picture, larger. Raises NotFound, WrongState, InvalidInput that says how large it may become."""
        with _in_our_words({"image.artifact_id": "image_id"}):
            return await self.upscale_any(principal, ArtifactPicture(image_id), asked, header=header, key=key)

    async def upscale_any(
        self,
        principal: Principal,
        picture: AnyPicture,
        asked: UpscaleImage,
        *,
        header: Priority | None,
        key: str | None,
        surface: Surface = SURFACE,
    ) -> Job:
        """The same for a picture that need not be here yet."""
        bulk = is_bulk(principal, asked.priority, header)
        which = picture.artifact_id if isinstance(picture, ArtifactPicture) else picture
        idempotency = await named(key, "upscale", which, asked, bulk)
        if known := await earlier(self._db, principal, surface, idempotency):
            return known
        session = await self._session(principal, asked.edit_session_id)
        image = await self._orders.image(principal, picture, "image")
        with _in_our_words({"model": "upscaler", "capability": "upscaler", "size": "scale"}):
            offer = await offer_for(
                self._db, self._models, self._scheduler, principal, asked.upscaler, "upscale", pictures=1
            )  # fmt: skip
            self._see_that_it_may_grow(image, asked.scale, offer)
            wanted = Submission(
                surface=surface,
                capability="upscale",
                prompt=image.prompt if len(image.prompt) <= offer.card.max_prompt else "",
                model=asked.upscaler,
                width=round(image.width * asked.scale),
                height=round(image.height * asked.scale),
                source=InputPicture(blob=image.blob, width=image.width, height=image.height, image=image.id),
                title=image.title if asked.title is None else cleaned_title(asked.title),
                tags=tuple(image.tags if asked.tags is None else cleaned(asked.tags)),
                edit_session_id=session,
                output_format=asked.output_format,
                bulk=bulk,
                webhook=asked.webhook.url if asked.webhook else None,
                idempotency=idempotency,
            )
            return await submit(self._db, self._bus, offer, principal, wanted, self._models.catalog)

    async def _session(self, principal: Principal, session_id: str | None) -> str | None:
        if session_id is not None:
            async with self._db.read() as connection:
                await edit_sessions.require(connection, principal.team_id, session_id)
        return session_id

    def _see_that_it_may_grow(self, image: Image, scale: float, offer: Offer) -> None:
        """Raises InvalidInput with the largest scale, where this one is beyond what is made or delivered."""
        most = self._models.catalog.settings.limits.max_pixels
        largest = min(math.sqrt(most / (image.width * image.height)), LARGEST_SIDE / max(image.width, image.height))
        if offer.entry.upscaler is None:
            made = offer.card.max_size
            largest = min(largest, made.width / image.width, made.height / image.height)
        if scale <= largest:
            return
        size, largest = f"{image.width}x{image.height}", math.floor(largest * 100) / 100
        if largest < _LEAST_SCALE:
            raise InvalidInput(f"This picture is as large as it can be made here already, {size}.", field="scale")
        raise InvalidInput(
            f"This picture is {size}; {offer.entry.id} can make it up to {largest:g} times as large here, not {scale:g}.",
            field="scale",
        )


@contextmanager
def _in_our_words(names: dict[str, str]) -> Iterator[None]:
    """What is refused, by the names that the fields have here."""
    try:
        yield
    except (InvalidInput, NotFound, WrongState) as error:
        error.field = names.get(error.field, error.field)
        raise
