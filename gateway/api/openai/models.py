"""`/openai/v1/models`: what can be asked for by which name."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, datetime

from litestar import get
from litestar.params import FromPath

from gateway.accounts import Principal
from gateway.api.choice import team_names
from gateway.api.given import Asker, Db, TheModels
from gateway.api.openai.errors import responses
from gateway.api.openai.wire import OpenAIModel, OpenAIModels
from gateway.catalog import AUTO, ModelEntry
from gateway.db import Database
from gateway.errors import UnknownModel
from gateway.models import Models
from gateway.routing import visible

OURS = "darkroom"
_PICTURES = {"text_to_image", "image_to_image", "inpaint"}


@get("/models", operation_id="openai_list_models", summary="List models", responses=responses(401))
async def list_models(principal: Asker, db: Db, models: TheModels) -> OpenAIModels:
    """Those that are on offer, `auto` for the best of them, and those that were retired: they have a `shutdown_date`."""
    return OpenAIModels(data=[OpenAIModel(id=AUTO, owned_by=OURS), *await _models(db, models, principal)])


@get(
    "/models/{model_id:str}",
    operation_id="openai_get_model",
    summary="Get a model",
    responses=responses(401, 404),
)
async def get_model(model_id: FromPath[str], principal: Asker, db: Db, models: TheModels) -> OpenAIModel:
    """By its id, or by an alias."""
    known = {AUTO: OpenAIModel(id=AUTO, owned_by=OURS)} | {each.id: each for each in await _models(db, models, principal)}
    settled = models.catalog.aliases.get(model_id) or models.catalog.settings.clients.aliases.get(model_id)
    found = known.get(model_id) or known.get(settled or "")
    if found is None:
        raise UnknownModel(f'There is no model "{model_id}"; GET /openai/v1/models lists what there is.', field="model")
    return OpenAIModel(id=model_id, owned_by=found.owned_by, shutdown_date=found.shutdown_date)


async def _models(db: Database, models: Models, principal: Principal) -> list[OpenAIModel]:
    team = await team_names(db, models, principal)
    shown = [_live(entry) for entry in visible(models.catalog, team) if _makes_pictures(entry, models)]
    return [*shown, *_retired(models, team)]


def _makes_pictures(entry: ModelEntry, models: Models) -> bool:
    offer = models.offers.get(entry.id)
    return offer is not None and not _PICTURES.isdisjoint(offer.card.capabilities)


def _live(entry: ModelEntry) -> OpenAIModel:
    return OpenAIModel(id=entry.id, owned_by=entry.engine)


def _retired(models: Models, team: Collection[str]) -> Iterator[OpenAIModel]:
    today = datetime.now(UTC).date()
    for entry in models.catalog.models.values():
        seen = not entry.teams or not set(entry.teams).isdisjoint(team)
        if entry.retired and seen and entry.id not in models.catalog.aliases:
            yield OpenAIModel(id=entry.id, owned_by=OURS, shutdown_date=(entry.retired_on or today).isoformat())
