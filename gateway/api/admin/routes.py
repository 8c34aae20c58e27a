"""/admin: for keys with the permission `admin`."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import Router, get
from litestar.params import QueryParameter

from gateway.api.access import SECURITY, allows
from gateway.api.admin import wire
from gateway.api.admin.attempts import list_attempts
from gateway.api.admin.configuring import CONFIGURING
from gateway.api.admin.discovering import discover_models, every_discovered
from gateway.api.admin.keys import KEYS
from gateway.api.admin.money import MONEY
from gateway.api.admin.people import PEOPLE
from gateway.api.admin.publishing import PUBLISHING
from gateway.api.admin.storage import STORAGE
from gateway.api.admin.wire import AdminModel, AdminModels, EngineRow, Engines, Lanes, PluginRow, Queue
from gateway.api.choice import outlooks
from gateway.api.common.routes import model_row
from gateway.api.gallery.importing import import_in_place
from gateway.api.given import Asker, TheCatalogFile, TheModels, TheRegistry, TheScheduler
from gateway.api.problems import responses
from gateway.models import not_here

REFUSALS = responses(401, 403)


@get("/engines", operation_id="list_engines", summary="Engines and plugins, and what is wrong with them", responses=REFUSALS)
async def list_engines(models: TheModels, registry: TheRegistry, scheduler: TheScheduler) -> Engines:
    """Every [engines.<name>] table of models.toml, and every plugin that is installed."""
    lanes = wire.lanes(scheduler.lanes())
    rows = [
        EngineRow(
            name=name,
            plugin=entry.plugin,
            running=name in models.engines,
            problem=models.engine_problems.get(name),
            models=tuple(each.id for each in models.catalog.models.values() if each.engine == name and not each.retired),
            lanes=tuple(lane.name for lane in lanes if lane.engine == name),
            health=tuple(lane for lane in lanes if lane.engine == name),
            discovered=tuple(spec.id for spec in models.unnamed(name)),
        )
        for name, entry in models.catalog.engines.items()
    ]
    plugins = [PluginRow(name=name, loaded=True, problem=None) for name in registry.plugins]
    broken = [PluginRow(name=name, loaded=False, problem=problem) for name, problem in registry.problems.items()]
    return Engines(data=rows, plugins=plugins + broken)


@get("/models", operation_id="list_all_models", summary="All models, the retired and the broken too", responses=REFUSALS)
async def list_all_models(
    principal: Asker, models: TheModels, scheduler: TheScheduler, catalog_file: TheCatalogFile
) -> AdminModels:
    """Every entry of models.toml, with where it is loaded and how long its pictures take."""
    now, lanes, away = outlooks(models, scheduler), scheduler.lanes(), await not_here(models.offers.values())
    rows = [
        AdminModel(
            **msgspec.structs.asdict(model_row(entry, models, now.get(entry.id), principal, to_download=entry.id in away)),
            source=entry.source,
            revision=entry.revision,
            teams=entry.teams,
            retired=entry.retired,
            resident_on=tuple(lane.name for lane in lanes if any(each.model[0] == entry.id for each in lane.residents)),
            average_seconds=scheduler.average_seconds(entry.id),
        )
        for entry in models.catalog.models.values()
    ]
    return AdminModels(data=rows, problem=catalog_file.problem, discovered=every_discovered(models))


@get("/devices", operation_id="list_lanes", summary="Lanes: what runs where, and what is loaded", responses=REFUSALS)
async def list_lanes(scheduler: TheScheduler) -> Lanes:
    """Devices of this machine and servers of remote engines, with their health and memory."""
    return Lanes(wire.lanes(scheduler.lanes()))


@get("/queue", operation_id="get_queue", summary="What waits and what runs", responses=responses(401, 403, 422))
async def get_queue(
    scheduler: TheScheduler, limit: Annotated[int, QueryParameter(ge=1, le=1000, description="Waiting tasks at most.")] = 100
) -> Queue:
    """The oldest waiting tasks of all teams, each with its place and what it waits for."""
    waiting = scheduler.waiting()
    running = tuple(job for lane in scheduler.lanes() for job in lane.jobs)
    rows = [wire.queued(job, scheduler) for job in waiting[:limit]]
    return Queue(data=rows, total=len(waiting), running=running, blocked=scheduler.blocked)


def admin_router() -> Router:
    return Router(
        "/admin",
        route_handlers=[
            import_in_place,
            list_engines,
            discover_models,
            list_all_models,
            list_lanes,
            get_queue,
            list_attempts,
            *KEYS,
            *PEOPLE,
            *MONEY,
            *CONFIGURING,
            *PUBLISHING,
            *STORAGE,
        ],
        guards=[allows("admin")],
        security=SECURITY,
        tags=["Admin"],
    )
