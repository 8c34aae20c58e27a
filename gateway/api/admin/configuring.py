"""/admin/settings and /admin/models: models.toml by HTTP, as far as `catalog.changes` lets it."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import delete, get, patch, post
from litestar.params import FromPath, JSONBody
from msgspec import Struct

from gateway import accounts
from gateway.accounts import Principal
from gateway.api.given import Asker, Db, TheCatalogFile
from gateway.api.problems import responses
from gateway.api.team.routes import DROPPED, MADE
from gateway.catalog import Catalog, CatalogFile, changes
from gateway.catalog.changes import Edit
from gateway.db import Database
from gateway.errors import InvalidInput

Table = dict[str, Any]


class WrittenModel(Struct, frozen=True, kw_only=True):
    """One `[[models]]` table."""

    id: str
    entry: Table
    """As it stands in models.toml."""
    revision: str


@get("/settings", operation_id="get_settings", summary="The settings in force", responses=responses(401, 403))
async def get_settings(catalog_file: TheCatalogFile) -> dict[str, Table]:
    """Every `[settings.*]` table of models.toml, with the defaults of what it does not say."""
    return _settings(catalog_file.catalog)


@patch("/settings", operation_id="change_settings", summary="Change settings", responses=MADE)
async def change_settings(data: JSONBody[Table], principal: Asker, db: Db, catalog_file: TheCatalogFile) -> dict[str, Table]:
    """Only what is named, such as `{"credits": {"enabled": true}}`; null goes back to the default. All of it or nothing.

    models.toml is changed, with its comments left where they are; most settings are in force at once.
    """
    edit = changes.settings_edit(data)
    return _settings(await configure(db, catalog_file, principal, "settings.update", "settings", data, edit))


@get(
    "/models/{model_id:str}",
    operation_id="get_model_entry",
    summary="Get a model's entry",
    responses=responses(401, 403, 404, 409),
)
async def get_model(model_id: FromPath[str], catalog_file: TheCatalogFile) -> WrittenModel:
    """As it stands in models.toml; `GET /admin/models` tells how each fares."""
    return await _written(catalog_file, model_id)


@post("/models", operation_id="create_model_entry", summary="Add a model", status_code=201, responses=MADE)
async def add_model(data: JSONBody[Table], principal: Asker, db: Db, catalog_file: TheCatalogFile) -> WrittenModel:
    """The keys of a `[[models]]` table, as models.toml explains them: `id`, `engine`, `source` and so on.

    Its engine's own keys only where that engine lets them be set this way; paths on this machine are the file's alone.
    """
    model_id = data.get("id")
    if not isinstance(model_id, str):
        raise InvalidInput("Give the model an id: how requests name it.", field="id")
    edit = changes.added_model(data, catalog_file.plugins)
    await configure(db, catalog_file, principal, "model.create", model_id, data, edit)
    return await _written(catalog_file, model_id)


@patch("/models/{model_id:str}", operation_id="change_model_entry", summary="Change a model", responses=MADE)
async def change_model(
    model_id: FromPath[str], data: JSONBody[Table], principal: Asker, db: Db, catalog_file: TheCatalogFile
) -> WrittenModel:
    """Only what is named; null takes a key out of the entry, tables are merged (RFC 7396)."""
    edit = changes.changed_model(model_id, data, catalog_file.plugins)
    await configure(db, catalog_file, principal, "model.update", model_id, data, edit)
    return await _written(catalog_file, model_id)


@delete("/models/{model_id:str}", operation_id="delete_model_entry", summary="Remove a model", responses=DROPPED)
async def remove_model(model_id: FromPath[str], principal: Asker, db: Db, catalog_file: TheCatalogFile) -> None:
    """Its entry goes, its files stay. Tasks that wait for it fail as `model_removed` and are refunded."""
    edit = changes.removed_model(model_id)
    await configure(db, catalog_file, principal, "model.delete", model_id, {}, edit)


async def configure(
    db: Database, file: CatalogFile, principal: Principal, action: str, target: str, details: Table, edit: Edit
) -> Catalog:
    """Both the file and the audit log, or neither; then a moment, so that what was changed can be used at once."""
    async with db.write() as connection:
        await accounts.record(connection, principal, action, target, details)
        catalog = await changes.apply(file, edit)
    await file.followed()
    return catalog


async def _written(file: CatalogFile, model_id: str) -> WrittenModel:
    entry = await changes.written_model(file, model_id)
    known = file.catalog.models.get(model_id)
    return WrittenModel(id=model_id, entry=entry, revision=known.revision if known else "")


def _settings(catalog: Catalog) -> dict[str, Table]:
    shown: dict[str, Table] = msgspec.to_builtins(catalog.settings, enc_hook=str)
    return shown


CONFIGURING = (get_settings, change_settings, get_model, add_model, change_model, remove_model)
