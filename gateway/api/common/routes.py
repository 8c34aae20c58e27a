"""Models and the one who asks."""

from __future__ import annotations

from litestar import Router, get

from gateway.accounts import Principal, profile
from gateway.api.access import SECURITY
from gateway.api.choice import outlooks, team_names, why_not
from gateway.api.common import wire
from gateway.api.common.wire import Me, Model, ModelList
from gateway.api.given import Asker, Db, TheModels, TheScheduler
from gateway.api.problems import responses
from gateway.catalog import ModelEntry
from gateway.db import Database
from gateway.models import Models, not_here
from gateway.routing import Outlook, visible
from gateway.wallet import ledger


@get("/models", operation_id="list_models", summary="List the models that can be asked for", responses=responses(401))
async def list_models(principal: Asker, db: Db, models: TheModels, scheduler: TheScheduler) -> ModelList:
    """Those that the team may see, in the order of models.toml; whether each can run now, and if not, why."""
    now, away = outlooks(models, scheduler), await not_here(models.offers.values())
    entries = visible(models.catalog, await team_names(db, models, principal))
    rows = [model_row(entry, models, now.get(entry.id), principal, to_download=entry.id in away) for entry in entries]
    return ModelList(rows)


@get("/me", operation_id="get_me", summary="Who stands behind this key", responses=responses(401))
async def get_me(principal: Asker, db: Db, models: TheModels) -> Me:
    """The user, the team, the key and what it may do, and what the team has."""
    return await me_of(db, models, principal)


async def me_of(db: Database, models: Models, principal: Principal) -> Me:
    async with db.read() as connection:
        balance = await ledger.balance(connection, principal.team_id)
    return wire.me(principal, await profile(db, principal), balance, models.catalog.settings.credits)


def model_row(
    entry: ModelEntry, models: Models, outlook: Outlook | None, principal: Principal, *, to_download: bool = False
) -> Model:
    offer = models.offers.get(entry.id)
    preferred = tuple(capability for capability, id_ in models.catalog.defaults.items() if id_ == entry.id)
    if offer is None or outlook is None:
        return wire.shown(entry, None, why_not(models, entry.id, principal), preferred)
    reason = None if outlook.ready else outlook.reason
    return wire.shown(entry, offer.card, reason, preferred, to_download=to_download)


def common_router() -> Router:
    return Router("/v1", route_handlers=[list_models, get_me], security=SECURITY, tags=["Common"])
