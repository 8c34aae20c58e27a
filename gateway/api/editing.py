"""What edits a picture where a request names no model, on every surface."""

from __future__ import annotations

from engines.contract import Capability
from gateway.accounts import Principal
from gateway.api.choice import outlooks, team_names
from gateway.catalog import AUTO
from gateway.db import Database
from gateway.models import Models
from gateway.routing import visible
from gateway.scheduling.loop import Scheduler

CLOUD_EDITOR = "gpt-image-2"
"""What edits where the setting names nothing and a model is on offer that answers to this."""


async def editor(
    db: Database, models: Models, scheduler: Scheduler, principal: Principal, capability: Capability, preferred: str = ""
) -> str:
    """The preferred model, else that of [settings.gallery] edit_model, as long as it is well, can do this, and is the team's
    to see; else the best that there is.
    """
    catalog = models.catalog
    name = preferred or catalog.settings.gallery.edit_model or CLOUD_EDITOR
    model_id = catalog.aliases.get(name, name)
    offer = models.offers.get(model_id)
    if offer is None or capability not in offer.card.capabilities:
        return AUTO
    seen = {entry.id for entry in visible(catalog, await team_names(db, models, principal))}
    return model_id if model_id in seen and outlooks(models, scheduler)[model_id].ready else AUTO
