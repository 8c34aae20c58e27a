"""`/api/images/config`: what Open WebUI's administrators set, kept in models.toml and secrets.toml."""

from __future__ import annotations

import asyncio
import secrets as chance
from collections.abc import Iterable
from typing import Any

import msgspec
from litestar import get, post
from litestar.params import JSONBody

from engines.contract import Engine, EngineError
from gateway.api.access import allows
from gateway.api.admin.configuring import configure
from gateway.api.given import Asker, Db, TheCatalogFile, TheModels, TheSecrets
from gateway.api.openwebui import engines
from gateway.api.openwebui.config_wire import MASK, ConfigUpdate, ImagesConfig, Verification
from gateway.api.openwebui.engines import FAMILIES
from gateway.api.openwebui.errors import responses
from gateway.api.openwebui.operations import operation
from gateway.api.openwebui.planning import Known, Plan, planned
from gateway.catalog import Catalog, changes
from gateway.errors import DarkroomError, InvalidInput
from gateway.models import Models
from gateway.secrets import Secrets

HEALTH_SECONDS = 15.0


class Unreachable(DarkroomError):
    status = 400
    code = "engine_unavailable"


@get("/", operation_id=operation("get_config"), summary="The configuration", responses=responses(400, 401, 403))
async def get_config(catalog_file: TheCatalogFile, secrets: TheSecrets) -> ImagesConfig:
    """As models.toml has it, in Open WebUI's words; secrets are masked."""
    return await asyncio.to_thread(config, catalog_file.catalog, secrets)


@post("/update", operation_id=operation("update_config"), summary="Change the configuration", status_code=200,
      responses=responses(400, 401, 403, 409, 413, 503))  # fmt: skip
async def update_config(
    data: JSONBody[ConfigUpdate], principal: Asker, db: Db, catalog_file: TheCatalogFile, secrets: TheSecrets
) -> ImagesConfig:
    """All of it or nothing. Engines are chosen among those of models.toml; new ones can be made there only."""
    plan = await asyncio.to_thread(_planned, data, catalog_file.catalog, secrets)
    if plan:
        settings = {"openwebui": plan.settings} if plan.settings else {}
        edit = changes.together(changes.settings_edit(settings), changes.engines_edit(plan.engines))
        told = {"settings": plan.settings, "engines": plan.engines}
        try:
            await asyncio.to_thread(_keep, secrets, plan)
            await configure(db, catalog_file, principal, "settings.update", "openwebui", told, edit)
        except BaseException:
            # Who leaves at the very end may leave the file changed: what it names stays.
            await asyncio.to_thread(_forget, secrets, plan.secrets.keys() - _named(catalog_file.catalog))
            raise
        await asyncio.to_thread(_forget, secrets, plan.replaced - _named(catalog_file.catalog))
    return await asyncio.to_thread(config, catalog_file.catalog, secrets)


@get("/url/verify", operation_id=operation("verify_url"), summary="Whether the chosen engine answers",
     responses=responses(400, 401, 403))  # fmt: skip
async def verify_url(models: TheModels) -> bool:
    """True, or 400 with what is wrong. Without a chosen engine it is the default model's, and else there is none to ask."""
    said = models.catalog.settings.openwebui
    default = models.catalog.models.get(models.catalog.aliases.get(said.model, said.model))
    name = said.engine or (default.engine if default else "")
    if name:
        await _see_well(name, models)
    return True


@post("/verify", operation_id=operation("verify"), summary="Whether an engine answers", status_code=200,
      guards=[allows("admin")], responses=responses(400, 401, 403, 413))  # fmt: skip
async def verify(data: JSONBody[Verification], models: TheModels) -> bool:
    """True, or 400 with what is wrong. Only what models.toml has is asked: an address is saved first, with its secret."""
    name = engines.meant(data.engine, models.catalog, "engine")
    entry = models.catalog.engines[name]
    family = next((each for each in FAMILIES if each.plugin == entry.plugin), None)
    if family is None or data.url.strip().rstrip("/") not in engines.addresses(entry, family):
        raise InvalidInput("This engine has another address, or none, in models.toml; save it first.", field="url")
    if data.key not in (None, "", MASK):
        raise InvalidInput("It is asked with the secret that is saved; save this one first, or leave it out.", field="key")
    await _see_well(name, models)
    return True


async def _see_well(name: str, models: Models) -> None:
    engine = models.engines.get(name)
    if engine is None:
        raise Unreachable(f'The engine "{name}" does not run: {models.engine_problems.get(name, "it is being read")}.')
    reasons = await asyncio.gather(*(_problem(engine, lane) for lane in engine.lanes()))
    if reasons and all(reasons):
        raise Unreachable(f'The engine "{name}" does not answer: {reasons[0]}')


async def _problem(engine: Engine, lane: str) -> str:
    try:
        async with asyncio.timeout(HEALTH_SECONDS):
            health = await engine.health(lane)
    except TimeoutError:
        return f"{lane} said nothing within {HEALTH_SECONDS:.0f} s."
    except EngineError as error:
        return error.message
    return "" if health.ok else health.reason or "it is not well."


def config(catalog: Catalog, secrets: Secrets) -> ImagesConfig:
    """Reads secrets.toml where it has changed."""
    said = catalog.settings.openwebui
    told: dict[str, Any] = {}
    for family in FAMILIES:
        for role, (address, secret) in family.fields.items():
            entry = engines.table_of(family, said.engine if role == "generation" else said.edit_engine, catalog)
            if entry is None:
                continue
            name = engines.secret_name(entry, family)
            told[address] = engines.address(entry, family)
            told[secret] = MASK if name and secrets.has(name) else ""
    return ImagesConfig(
        enable_image_generation=said.generation,
        image_generation_engine=engines.shown(said.engine, catalog),
        image_generation_model=said.model,
        image_size=said.size,
        image_steps=said.steps,
        enable_image_edit=said.edit,
        image_edit_engine=engines.shown(said.edit_engine, catalog),
        image_edit_model=said.edit_model,
        image_edit_size=said.edit_size,
        **told,
    )


def _planned(asked: ConfigUpdate, catalog: Catalog, secrets: Secrets) -> Plan:
    known = Known(secrets.has, secrets.is_the_operators)
    return planned(config(catalog, secrets), asked, catalog, known, chance.token_hex(4))


def _keep(secrets: Secrets, plan: Plan) -> None:
    for name, value in plan.secrets.items():
        secrets.set(name, value)


def _forget(secrets: Secrets, names: Iterable[str]) -> None:
    for name in names:
        secrets.forget(name)


def _named(catalog: Catalog) -> frozenset[str]:
    """Every text that might be a secret's name somewhere in the file."""
    tables = [msgspec.to_builtins([catalog.settings, catalog.lanes], enc_hook=str)]
    tables += [entry.options_table for entry in catalog.engines.values()]
    tables += [entry.options_table for entry in catalog.models.values()]
    return frozenset(_texts(tables))


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from _texts(each)
