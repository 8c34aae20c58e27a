"""/admin: for keys with the permission `admin`."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import Router, delete, get, post
from litestar.params import FromPath, JSONBody, QueryParameter

from gateway.accounts import create_key, list_keys, revoke_key
from gateway.api.access import SECURITY, allows
from gateway.api.admin import wire
from gateway.api.admin.wire import (
    AdminModel,
    AdminModels,
    EngineRow,
    Engines,
    KeyPage,
    KeyRequest,
    Lanes,
    NewKey,
    PluginRow,
    Queue,
)
from gateway.api.choice import outlooks
from gateway.api.common.routes import model_row
from gateway.api.given import Asker, Db, TheCatalogFile, TheCursors, TheModels, TheRegistry, TheScheduler
from gateway.api.problems import responses
from gateway.api.times import microseconds

REFUSALS = responses(401, 403)


@get("/engines", operation_id="list_engines", summary="Engines and plugins, and what is wrong with them", responses=REFUSALS)
async def list_engines(models: TheModels, registry: TheRegistry, scheduler: TheScheduler) -> Engines:
    """Every [engines.<name>] table of models.toml, and every plugin that is installed."""
    lanes = scheduler.lanes()
    rows = [
        EngineRow(
            name=name,
            plugin=entry.plugin,
            running=name in models.engines,
            problem=models.engine_problems.get(name),
            models=tuple(each.id for each in models.catalog.models.values() if each.engine == name and not each.retired),
            lanes=tuple(lane.name for lane in lanes if lane.engine == name),
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
    now, lanes = outlooks(models, scheduler), scheduler.lanes()
    rows = [
        AdminModel(
            **msgspec.structs.asdict(model_row(entry, models, now.get(entry.id), principal)),
            source=entry.source,
            revision=entry.revision,
            teams=entry.teams,
            retired=entry.retired,
            resident_on=tuple(lane.name for lane in lanes if any(each.model[0] == entry.id for each in lane.residents)),
            average_seconds=scheduler.average_seconds(entry.id),
        )
        for entry in models.catalog.models.values()
    ]
    return AdminModels(data=rows, problem=catalog_file.problem)


@get("/devices", operation_id="list_lanes", summary="Lanes: what runs where, and what is loaded", responses=REFUSALS)
async def list_lanes(scheduler: TheScheduler) -> Lanes:
    """Devices of this machine and servers of remote engines, with their health and memory."""
    return Lanes([wire.lane(view) for view in scheduler.lanes()])


@get("/queue", operation_id="get_queue", summary="What waits and what runs", responses=responses(401, 403, 422))
async def get_queue(
    scheduler: TheScheduler, limit: Annotated[int, QueryParameter(ge=1, le=1000, description="Waiting tasks at most.")] = 100
) -> Queue:
    """The oldest waiting tasks of all teams, each with its place and what it waits for."""
    waiting = scheduler.waiting()
    running = tuple(job for lane in scheduler.lanes() for job in lane.jobs)
    rows = [wire.queued(job, scheduler) for job in waiting[:limit]]
    return Queue(data=rows, total=len(waiting), running=running, blocked=scheduler.blocked)


@get("/keys", operation_id="list_keys", summary="List keys, newest first", responses=responses(401, 403, 422))
async def get_keys(
    principal: Asker,
    db: Db,
    cursors: TheCursors,
    limit: Annotated[int, QueryParameter(ge=1, le=100, description="How many at most.")] = 20,
    cursor: Annotated[str | None, QueryParameter(name="next", description="`next` of the page before.")] = None,
) -> KeyPage:
    """Revoked and expired ones too. Their text is shown only when they are made."""
    scope = (principal.team_id, "keys")
    found = await list_keys(db, principal, limit=limit + 1, before=cursors.open(cursor, *scope))
    shown, following = cursors.cut(found, limit, *scope)
    return KeyPage(data=[wire.key(each) for each in shown], limit=limit, next=following)


@post("/keys", operation_id="create_key", summary="Make a key", status_code=201, responses=responses(400, 401, 403, 422))
async def make_key(data: JSONBody[KeyRequest], principal: Asker, db: Db) -> NewKey:
    """`key` is its text, shown this once."""
    made, text = await create_key(
        db,
        principal,
        data.name,
        data.permissions,
        team_id=data.team_id,
        user_id=data.user_id,
        bulk=data.bulk,
        expires_at=microseconds(data.expires_at) if data.expires_at else None,
    )
    return wire.new_key(made, text)


@delete("/keys/{key_id:str}", operation_id="revoke_key", summary="Revoke a key", responses=responses(401, 403, 404))
async def drop_key(key_id: FromPath[str], principal: Asker, db: Db) -> None:
    """It opens nothing from now on, and stays in the list."""
    await revoke_key(db, principal, key_id)


def admin_router() -> Router:
    return Router(
        "/admin",
        route_handlers=[list_engines, list_all_models, list_lanes, get_queue, get_keys, make_key, drop_key],
        guards=[allows("admin")],
        security=SECURITY,
        tags=["Admin"],
    )
