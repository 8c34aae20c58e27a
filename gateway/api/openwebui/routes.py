"""`/api/images`, and the same at `/api/v1/images`: make pictures, edit them, and which models there are."""

from __future__ import annotations

from typing import Any

from litestar import Router, get, post
from litestar.params import JSONBody

from gateway.api.access import SECURITY, allows
from gateway.api.choice import team_names
from gateway.api.given import Asker, Db, TheModels, TheOpenWebUIOrders
from gateway.api.openwebui import configuration, files
from gateway.api.openwebui.asked import WebuiEdit, WebuiGeneration
from gateway.api.openwebui.errors import HANDLERS, responses
from gateway.api.openwebui.naming import FILES
from gateway.api.openwebui.operations import operation
from gateway.api.openwebui.wire import MadeFile, PickedModel
from gateway.api.priorities import PriorityHeader
from gateway.api.repeats import IdempotencyKey
from gateway.api.tasks.routes import MAKES
from gateway.routing import visible

_MAKING = responses(400, 401, 402, 403, 404, 409, 413, 429, 503)


@post("/generations", operation_id=operation("generate"), summary="Make pictures from words", status_code=200,
      guards=[MAKES], responses=_MAKING)  # fmt: skip
async def generate(
    data: JSONBody[WebuiGeneration],
    principal: Asker,
    openwebui_orders: TheOpenWebUIOrders,
    priority: PriorityHeader = None,
    idempotency_key: IdempotencyKey = None,
) -> list[MadeFile]:
    """Answers when the pictures are there, each with the path of its file. A client that leaves does not stop the job."""
    return await openwebui_orders.generate(principal, data, header=priority, key=idempotency_key)


@post("/edit", operation_id=operation("edit"), summary="Make pictures from pictures and words", status_code=200,
      guards=[MAKES], responses=_MAKING)  # fmt: skip
async def edit(
    data: JSONBody[WebuiEdit],
    principal: Asker,
    openwebui_orders: TheOpenWebUIOrders,
    priority: PriorityHeader = None,
    idempotency_key: IdempotencyKey = None,
) -> list[MadeFile]:
    """Answers as generations do."""
    return await openwebui_orders.edit(principal, data, header=priority, key=idempotency_key)


@get("/models", operation_id=operation("list_models"), summary="Models that make pictures", responses=responses(400, 401))
async def list_models(principal: Asker, db: Db, models: TheModels) -> list[PickedModel]:
    """Of all engines at once; any of them can be asked for by each request."""
    able = visible(models.catalog, await team_names(db, models, principal))
    offers = [models.offers[entry.id] for entry in able if entry.id in models.offers]
    makers = [offer.entry for offer in offers if set(offer.card.capabilities) - {"upscale"}]
    return [PickedModel(entry.id, entry.title or entry.id) for entry in makers]


def openwebui_routers() -> list[Router]:
    """For those who have a key."""
    shared: dict[str, Any] = {"exception_handlers": HANDLERS, "security": SECURITY, "tags": ["Open WebUI"]}
    administrators = Router(
        "/config",
        guards=[allows("admin")],
        route_handlers=[configuration.get_config, configuration.update_config, configuration.verify_url],
    )
    return [
        *(Router(path, route_handlers=[generate, edit, list_models, configuration.verify, administrators], **shared)
          for path in ("/api/images", "/api/v1/images")),
        Router(
            FILES,
            route_handlers=[files.list_files, files.upload_file, files.get_file, files.get_content, files.delete_file],
            **shared,
        ),
    ]  # fmt: skip
