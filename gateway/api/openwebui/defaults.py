"""What a request is given where it says nothing: [settings.openwebui], as far as the model can."""

from __future__ import annotations

from msgspec import Struct

from engines.contract import Capability
from gateway import cards
from gateway.accounts import Principal
from gateway.api.choice import meant, offer_for, outlooks, team_names
from gateway.api.editing import editor
from gateway.catalog import AUTO
from gateway.db import Database
from gateway.errors import InvalidInput
from gateway.models import Models, Offer
from gateway.routing import choose
from gateway.scheduling.loop import Scheduler


class Choice(Struct, frozen=True, kw_only=True):
    model: str = AUTO
    ours: bool = True
    """Nobody asked for this model, so another may step in."""
    size: str = ""
    """Empty: the model's own, or the source's ratio."""
    steps: int | None = None


class Defaults:
    """For requests that name no model; one that names one gets that model's own size and steps, too."""

    def __init__(self, db: Database, models: Models, scheduler: Scheduler) -> None:
        self._db = db
        self._models = models
        self._scheduler = scheduler

    async def of_generation(self, principal: Principal, asked: str | None) -> Choice:
        """`asked` is the model that the request names. Raises what `routing.choose` raises, of what the settings name."""
        if asked and (named := await self._named(principal, asked)):
            return Choice(model=named, ours=named == AUTO)
        said = self._models.catalog.settings.openwebui
        model = await self._seen(principal, said.model) or await self._of_engine(principal, said.engine, "text_to_image", 0)
        model = model or AUTO
        return await self._fitting(principal, "text_to_image", Choice(model=model, size=said.size, steps=said.steps or None))

    async def of_edit(self, principal: Principal, asked: str | None, capability: Capability, pictures: int) -> Choice:
        """The same for edits; `pictures` is how many are handed in."""
        if asked and (named := await self._named(principal, asked)):
            return Choice(model=named, ours=named == AUTO)
        said = self._models.catalog.settings.openwebui
        model = "" if said.edit_model else await self._of_engine(principal, said.edit_engine, capability, pictures)
        model = model or await editor(self._db, self._models, self._scheduler, principal, capability, said.edit_model)
        return await self._fitting(principal, capability, Choice(model=model, size=said.edit_size), pictures)

    async def _named(self, principal: Principal, asked: str) -> str | None:
        """What a request means that names a model; None: as if it named none, where [settings.clients] says so."""
        if asked == AUTO:
            return AUTO
        found = await meant(self._db, self._models, principal, asked)
        return None if found == AUTO else found

    async def _seen(self, principal: Principal, model: str) -> str:
        """Empty for one that is not this team's."""
        catalog = self._models.catalog
        entry = catalog.models.get(catalog.aliases.get(model, model))
        if entry is None or not entry.teams:
            return model
        names = await team_names(self._db, self._models, principal)
        return model if any(each in names for each in entry.teams) else ""

    async def _of_engine(self, principal: Principal, engine: str, capability: Capability, pictures: int) -> str:
        """The best model of one engine; empty where none is named."""
        if not engine:
            return ""
        models = self._models
        own = {id_: offer.card for id_, offer in models.offers.items() if offer.entry.engine == engine}
        if not any(capability in card.capabilities for card in own.values()):
            told = f'The engine "{engine}", which [settings.openwebui] prefers, has no model on offer that does {capability}'
            raise InvalidInput(f"{told}; name a model, or have an administrator choose another engine.", field="model")
        names = await team_names(self._db, models, principal)
        now = outlooks(models, self._scheduler)
        return choose(AUTO, capability, models.catalog, own, now, names, pictures).id

    async def _fitting(self, principal: Principal, capability: Capability, choice: Choice, pictures: int = 0) -> Choice:
        """Without a size and steps that the model does not have: they were not asked for by the one who asks now."""
        size = "" if choice.size == AUTO else choice.size
        if not size and choice.steps is None:
            return Choice(model=choice.model)
        offer = await offer_for(
            self._db, self._models, self._scheduler, principal, choice.model, capability, pictures=pictures
        )  # fmt: skip
        steps = offer.card.steps
        takes_steps = choice.steps is not None and steps is not None and steps.low <= choice.steps <= steps.high
        fits = bool(size) and self._makes(offer, size)
        return Choice(model=offer.entry.id, size=size if fits else "", steps=choice.steps if takes_steps else None)

    def _makes(self, offer: Offer, size: str) -> bool:
        width, _, height = size.partition("x")
        most = self._models.catalog.settings.limits.max_pixels
        try:
            cards.geometry(int(width), int(height), offer.card, offer.entry.upscaler, most)
        except InvalidInput:
            return False
        return True
