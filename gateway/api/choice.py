"""Which model a submission runs on: the router over the catalog, the cards and how the lanes are just now."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import select

from engines.contract import Capability, LocalEngine
from gateway.accounts import Principal
from gateway.accounts.tables import teams
from gateway.db import Database
from gateway.errors import NotAccepting
from gateway.models import Models, Offer
from gateway.routing import Outlook, choose
from gateway.scheduling.lanes import LaneView
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


def why_not(models: Models, model_id: str, principal: Principal) -> str:
    """Why a model is not on offer. What is wrong may name folders and addresses, so only administrators read it."""
    if principal.is_admin:
        return models.problems.get(model_id, "it is being read")
    return "it is not set up right; an administrator sees why at /admin/models"


def outlooks(models: Models, scheduler: Scheduler) -> dict[str, Outlook]:
    """For each model on offer, whether a lane that can run it is well and how long the queue before it is."""
    lanes = scheduler.lanes()
    ahead = sum(job.pictures * (scheduler.average_seconds(job.model[0]) or 0.0) for job in scheduler.waiting())
    return {id_: outlook(lanes, offer, ahead) for id_, offer in models.offers.items()}


def outlook(lanes: Collection[LaneView], offer: Offer, ahead: float = 0.0) -> Outlook:
    """`ahead` is the seconds of work that wait, over all lanes."""
    engine = None if isinstance(offer.engine, LocalEngine) else offer.entry.engine
    able = [lane for lane in lanes if lane.engine == engine]
    well = [lane for lane in able if lane.healthy]
    if well:
        return Outlook(wait_seconds=ahead / len(well))
    return Outlook(ready=False, reason=able[0].reason if able else "no lane can run it")


async def team_names(db: Database, models: Models, principal: Principal) -> Collection[str]:
    """What entries may call the caller's team: its id, and its name where any entry names teams at all."""
    if not _names_teams(models.catalog.models):
        return (principal.team_id,)
    async with db.read() as connection:
        name = (await connection.execute(select(teams.c.name).where(teams.c.id == principal.team_id))).scalar_one_or_none()
    return (principal.team_id, name or "")


def _names_teams(entries: Mapping[str, object]) -> bool:
    return any(getattr(entry, "teams", ()) for entry in entries.values())
