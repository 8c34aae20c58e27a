"""From a conversation to a queued job: which of its pictures are looked at, and where they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from engines.contract import Capability
from gateway import cards
from gateway.accounts import Principal
from gateway.api.choice import meant, offer_for
from gateway.api.links import Links
from gateway.api.openai.asked import ImageOptions, OpenAIEdit, OpenAIGeneration
from gateway.api.openai.chat_asked import ImageConfig, Tier
from gateway.api.openai.ids import CALL, RESPONSE, job_of
from gateway.api.openai.meaning import Wanted
from gateway.api.openai.orders import SURFACE, OpenAIOrders
from gateway.api.openai.turns import Shown, Talk
from gateway.api.priorities import Priority
from gateway.api.tasks.asked import AnyPicture, ArtifactPicture, DataUriPicture, UrlPicture
from gateway.api.tasks.handed import AlphaOf
from gateway.db import Database
from gateway.errors import InvalidInput, NotFound, WrongState
from gateway.images import records as images
from gateway.images.incoming import Incoming
from gateway.jobs import records as jobs
from gateway.jobs.records import Job
from gateway.models import Models
from gateway.scheduling.loop import Scheduler

_CLASSES: dict[Tier, Priority] = {"flex": "bulk", "priority": "interactive", "fast": "interactive", "ultrafast": "interactive"}
_FILE = "file-"
"""How the ids of OpenAI's files begin; ours may be written so."""


class Asking(Struct, frozen=True, kw_only=True):
    """A conversation, with all that its request says besides."""

    talk: Talk
    options: Mapping[str, Any]
    """Fields of `ImageOptions` but for the prompt, and `strength` and `input_fidelity`, which need pictures."""
    named: Sequence[object]
    """What an Idempotency-Key stands for."""
    mask: Shown | None = None
    config: ImageConfig = ImageConfig()
    shown: Mapping[str, Any] = {}
    header: Priority | None = None
    tier: Tier | None = None
    key: str | None = None


class Conversations:
    """Takes them."""

    def __init__(
        self,
        db: Database,
        models: Models,
        scheduler: Scheduler,
        incoming: Incoming,
        links: Links,
        orders: OpenAIOrders,
    ) -> None:
        self._db = db
        self._models = models
        self._scheduler = scheduler
        self._incoming = incoming
        self._links = links
        self._orders = orders

    async def take(self, principal: Principal, asking: Asking) -> Job:
        """All pictures of the last turn are looked at, and of those before it as many as the model takes, the newest first.

        Raises what `OpenAIOrders.take` raises, with the names that the pictures have in the conversation.
        """
        talk, config = asking.talk, asking.config
        if config != ImageConfig() and asking.options.get("size") not in (None, "auto"):
            raise InvalidInput("image_config says how large it is; leave size out, or that.", field="size")
        attached = [(shown.field, await self._picture(principal, shown)) for shown in talk.attached]
        room = await self._room(principal, asking)
        pictures = [*attached, *await self._found(principal, talk.earlier, room)]
        # What is transparent in it is painted anew.
        mask = AlphaOf(await self._picture(principal, asking.mask)) if asking.mask else None
        if asking.mask and not pictures:
            raise InvalidInput("The mask is of a picture, and here is none.", field=asking.mask.field)
        wanted = Wanted(
            options=_options(talk.prompt, asking.options, edits=bool(pictures)),
            pictures=[picture for _, picture in pictures],
            mask=mask,
            fields=[field for field, _ in pictures],
            ratio=config.ratio,
            megapixels=config.megapixels,
            shown=asking.shown,
        )
        header = asking.header or (_CLASSES.get(asking.tier) if asking.tier else None)
        return await self._orders.take(principal, wanted, header=header, key=asking.key, named=asking.named)

    async def before(self, principal: Principal, response_id: str) -> list[Shown]:
        """The pictures of an earlier response, for one that goes on from it: its own, then those that it was made from.

        Raises NotFound, InvalidInput for one that has not ended.
        """
        field = "previous_response_id"
        job = await self.response(principal, response_id, field)
        if not job.finished:
            raise InvalidInput(f"The response {response_id} has not ended yet; go on from it when it has.", field=field)
        made = [image.id for image in await self._made(job)]
        given = [each.image for each in job.request.pictures if each.image]
        return [Shown(field=field, image=each) for each in [*made, *given]]

    async def response(self, principal: Principal, response_id: str, field: str = "response_id") -> Job:
        """The job of a response of the team's. Raises NotFound, also where it was not to be stored."""
        missing = NotFound(f"There is no response {response_id[:100]}.", field=field)
        try:
            async with self._db.read() as connection:
                job = await jobs.get(connection, principal.team_id, job_of(response_id, RESPONSE))
        except NotFound:
            raise missing from None
        kept = job.request.shown.get("response")
        if job.surface != SURFACE or kept is None or kept.get("store") is False:
            raise missing
        return job

    async def _made(self, job: Job) -> list[images.Image]:
        async with self._db.read() as connection:
            return await images.of_job(connection, job.id) if job.state == "succeeded" else []

    async def _room(self, principal: Principal, asking: Asking) -> int:
        """How many of the earlier pictures the model takes."""
        attached, earlier = len(asking.talk.attached), len(asking.talk.earlier)
        if not earlier:
            return 0
        what: Capability = "inpaint" if asking.mask else "image_to_image"
        model = await meant(self._db, self._models, principal, asking.options.get("model"))
        choose = (self._db, self._models, self._scheduler, principal, model, what)
        try:
            card = (await offer_for(*choose, pictures=max(attached, 1))).card
        except InvalidInput as error:
            if error.code != InvalidInput.code:
                raise
            return 0  # no model changes pictures
        if what not in card.capabilities:
            return 0
        return max((more for more in range(1, earlier + 1) if cards.takes(attached + more, what, card)), default=0)

    async def _found(self, principal: Principal, earlier: Sequence[Shown], room: int) -> list[tuple[str, AnyPicture]]:
        """The first so many that can be had, with their names. Addresses of ours whose picture is gone are passed over, and
        those of others that a model wrote.
        """
        found: list[tuple[str, AnyPicture]] = []
        for shown in earlier:
            if len(found) == room:
                break
            ours = shown.image or self._links.image_of(shown.url)
            if ours is None:
                if shown.ours_only and not shown.url.startswith("data:"):
                    continue
                found.append((shown.field, await self._picture(principal, shown)))
            elif await self._has(principal, ours, shown.field):
                found.append((shown.field, ArtifactPicture(ours)))
        return found

    async def _has(self, principal: Principal, image_id: str, field: str) -> bool:
        try:
            await self._incoming.of_team(principal, image_id, field)
        except (NotFound, WrongState):
            return False
        return True

    async def _picture(self, principal: Principal, shown: Shown) -> AnyPicture:
        """Raises NotFound, InvalidInput."""
        if shown.file_id:
            return ArtifactPicture(shown.file_id.removeprefix(_FILE))
        if shown.call:
            return await self._of_call(principal, shown)
        if shown.url.startswith("data:"):
            return DataUriPicture(shown.url)
        if not shown.url.startswith(("http://", "https://")):
            raise InvalidInput("A picture's URL begins with https:// or data:image/png;base64,.", field=shown.field)
        ours = self._links.image_of(shown.url)
        # An address of the team's own picture need not open any more.
        if ours is not None and await self._has(principal, ours, shown.field):
            return ArtifactPicture(ours)
        return UrlPicture(shown.url)

    async def _of_call(self, principal: Principal, shown: Shown) -> AnyPicture:
        """The picture that the call made here; else the one that came along. Raises NotFound."""
        try:
            async with self._db.read() as connection:
                job = await jobs.get(connection, principal.team_id, job_of(shown.call, CALL))
                found = await images.of_job(connection, job.id)
            return ArtifactPicture((await self._incoming.of_team(principal, found[0].id, shown.field)).id)
        except (NotFound, WrongState, IndexError) as error:
            if shown.base64:
                return DataUriPicture(f"data:image/png;base64,{shown.base64.rpartition(',')[2]}")
            raise NotFound(f"There is no picture of the call {shown.call[:100]}.", field=shown.field) from error


def _options(prompt: str, given: Mapping[str, Any], *, edits: bool) -> ImageOptions:
    """Raises InvalidInput for what needs a picture where there is none."""
    kind = OpenAIEdit if edits else OpenAIGeneration
    if not edits and given.get("strength") is not None:
        raise InvalidInput(
            "strength says how much of a picture is made anew, and here is none; leave it out.", field="strength"
        )
    # How true to a picture: where there is none there is nothing to be true to.
    return kind(prompt=prompt, **{name: value for name, value in given.items() if name in kind.__struct_fields__})


def options_of(asked: Struct) -> dict[str, Any]:
    """What a request, or a tool, says of the picture."""
    return {name: getattr(asked, name) for name in OpenAIEdit.__struct_fields__ if name in asked.__struct_fields__}
