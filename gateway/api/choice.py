"""Which model a submission runs on: the router over the catalog, the cards and how the lanes are just now."""

from __future__ import annotations

from collections.abc import Collection

from engines.contract import Capability
from gateway.accounts import Principal
from gateway.accounts.team_names import team_names as names_of_team
from gateway.catalog import AUTO
from gateway.db import Database
from gateway.errors import NotAccepting
from gateway.models import Models, Offer
from gateway.routing import Outlook, choose, visible
from gateway.scheduling import outlooks as scheduling
from gateway.scheduling.loop import Scheduler


async def offer_for(
    db: Database,
    models: Models,
    scheduler: Scheduler,
    principal: Principal,
    wanted: str | None,
    capability: Capability,
    *,
    pictures: int = 0,
) -> Offer:
    """The offer for the model that is wanted, by id, alias or `auto`; `pictures` is how many are handed in.

    Raises what `routing.choose` raises.
    """
    cards = {id_: offer.card for id_, offer in models.offers.items()}
    names = await team_names(db, models, principal)
    entry = choose(wanted, capability, models.catalog, cards, outlooks(models, scheduler), names, pictures)
    offer = models.offers.get(entry.id)
    if offer is None:
        raise NotAccepting(f'The model "{entry.id}" cannot run now: {why_not(models, entry.id, principal)}.')
    return offer


async def meant(db: Database, models: Models, principal: Principal, wanted: str | None) -> str | None:
    """What the client of another server means by a model's name, for `offer_for`: as [settings.clients] says.

    A name that a model here has, or had until it was retired, means that.
    """
    catalog = models.catalog
    if wanted is None or wanted == AUTO:
        return None
    seen = {entry.id for entry in visible(catalog, await team_names(db, models, principal))}
    retired = (entry := catalog.models.get(wanted)) is not None and entry.retired is not None
    if wanted in seen or catalog.aliases.get(wanted) in seen or retired:
        return wanted
    clients = catalog.settings.clients
    return clients.aliases.get(wanted, AUTO if clients.unknown_model == "default" else wanted)


def why_not(models: Models, model_id: str, principal: Principal) -> str:
    """Why a model is not on offer. What is wrong may name folders and addresses, so only administrators read it."""
    if principal.is_admin:
        return models.problems.get(model_id, "it is being read")
    if model_id in models.away:
        return "its engine cannot be reached just now; it is asked again by itself"
    return "it is not set up right; an administrator sees why at /admin/models"


def outlooks(models: Models, scheduler: Scheduler) -> dict[str, Outlook]:
    """For each model on offer, whether a lane that can run it is well and how long the queue before it is."""
    return scheduling.outlooks(scheduler.lanes(), models.offers, scheduler.seconds_ahead())


async def team_names(db: Database, models: Models, principal: Principal) -> Collection[str]:
    """What entries may call the caller's team: its id, and its name where any entry names teams at all."""
    return await names_of_team(db, models.catalog, principal.team_id)
