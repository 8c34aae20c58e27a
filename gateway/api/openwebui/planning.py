"""What an update of the configuration changes: settings, engines' tables and secrets. Pure, so that nothing is half done."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import UNSET, Struct

from gateway.api.openwebui import engines
from gateway.api.openwebui.config_wire import MASK, ConfigUpdate, ImagesConfig
from gateway.api.openwebui.engines import FAMILIES, Family, Role
from gateway.catalog import Catalog, EngineEntry
from gateway.catalog.settings import OpenWebUI
from gateway.errors import InvalidInput, ModelRetired, UnknownModel
from gateway.nearest import did_you_mean

Table = dict[str, Any]
_SETTINGS = {
    "enable_image_generation": "generation",
    "enable_image_edit": "edit",
    "image_generation_engine": "engine",
    "image_generation_model": "model",
    "image_size": "size",
    "image_steps": "steps",
    "image_edit_engine": "edit_engine",
    "image_edit_model": "edit_model",
    "image_edit_size": "edit_size",
}
"""Field -> key of [settings.openwebui]."""
_WORKFLOWS = "Workflows are files here: on the gateway's machine, darkroom workflows import FILE --nodes NODES takes both."
_VERSION = "No engine here sends an api-version; leave it empty."
_ELSEWHERE = {
    "enable_image_prompt_generation": "Prompts are not rewritten here; leave it false.",
    "images_openai_api_version": _VERSION,
    "images_edit_openai_api_version": _VERSION,
    "images_openai_api_params": "Further parameters are a model's own: extra_body of its [[models]] entry, in the file only.",
    "automatic1111_params": "Further parameters are a model's own: body of its [[models]] entry, in the file only.",
    "comfyui_workflow": _WORKFLOWS,
    "comfyui_workflow_nodes": _WORKFLOWS,
    "images_edit_comfyui_workflow": _WORKFLOWS,
    "images_edit_comfyui_workflow_nodes": _WORKFLOWS,
    "images_gemini_endpoint_method": "How a model is asked is its own: method of its [[models]] entry, in the file only.",
}
"""What is not set here, and where it is."""
_EMPTY: dict[str, Any] = {"image_steps": 0, "images_openai_api_params": {}, "automatic1111_params": {}}
"""What null and "" mean, where that is not empty text."""


class Known(Struct, frozen=True):
    """What is known of secrets, by their names."""

    has: Callable[[str], bool]
    is_the_operators: Callable[[str], bool]


class Plan(Struct, frozen=True, kw_only=True):
    settings: Table = {}
    engines: dict[str, Table] = {}
    secrets: dict[str, str] = {}
    """Under names that are new, so that the file goes from one to the other in one step."""
    replaced: frozenset[str] = frozenset()
    """Names of secrets that these tables have no longer."""

    def __bool__(self) -> bool:
        return bool(self.settings or self.engines)


def planned(shown: ImagesConfig, asked: ConfigUpdate, catalog: Catalog, known: Known, suffix: str) -> Plan:
    """`shown` is the configuration as it stands, `suffix` what makes the names of secrets new.

    Raises InvalidInput that names the field: an engine that is missing, a model that there is not, what is set elsewhere.
    """
    changes = _changes(shown, asked)
    for field, why in _ELSEWHERE.items():
        if field in changes:
            raise InvalidInput(why, field=field.upper())
    settings = _settings(changes, catalog)
    then = msgspec.structs.replace(catalog.settings.openwebui, **settings)
    _see_models(changes, then, catalog)
    writer = _Writer(changes, known, suffix)
    tables = [
        (family, role, engines.table_of(family, then.engine if role == "generation" else then.edit_engine, catalog))
        for family in FAMILIES
        for role in family.fields
    ]
    for family, role, entry in tables:
        writer.hear(family, role, entry)
    for family, role, entry in tables:
        if entry is not None:
            writer.write(family, role, entry)
    usual = OpenWebUI()
    return Plan(
        # What is as it would be by itself need not stand in the file.
        settings={key: None if value == getattr(usual, key) else value for key, value in settings.items()},
        engines=writer.patches,
        secrets=writer.secrets,
        replaced=frozenset(writer.replaced),
    )


def _changes(shown: ImagesConfig, asked: ConfigUpdate) -> dict[str, Any]:
    found = {}
    for field in asked.__struct_fields__:
        value = getattr(asked, field)
        if value is UNSET:
            continue
        value = _EMPTY.get(field, "") if value is None or value == "" else value
        if isinstance(value, str) and not field.endswith(("_key", "_auth")):
            value = value.strip().rstrip("/")
        if value != getattr(shown, field):
            found[field] = value
    return found


def _settings(changes: dict[str, Any], catalog: Catalog) -> Table:
    settings = {key: changes[field] for field, key in _SETTINGS.items() if field in changes}
    for field in ("image_generation_engine", "image_edit_engine"):
        if field in changes:
            settings[_SETTINGS[field]] = engines.meant(changes[field], catalog, field.upper())
    return settings


def _see_models(changes: dict[str, Any], then: OpenWebUI, catalog: Catalog) -> None:
    for field, engine_field, model, engine in (
        ("image_generation_model", "image_generation_engine", then.model, then.engine),
        ("image_edit_model", "image_edit_engine", then.edit_model, then.edit_engine),
    ):
        if not model or not {field, engine_field} & changes.keys():
            continue
        entry = catalog.models.get(catalog.aliases.get(model, model))
        if entry is None:
            near = did_you_mean(model, [*catalog.models, *catalog.aliases])
            raise UnknownModel(f'There is no model "{model}" in models.toml{near or "."}', field=field.upper())
        if entry.retired:
            told = f'The model "{model}" is retired; choose "{entry.retired}".'
            raise ModelRetired(told, field=field.upper(), replacement=entry.retired)
        if engine and entry.engine != engine:
            told = f'The model "{model}" runs on the engine "{entry.engine}", not on "{engine}"; choose another, or none.'
            raise InvalidInput(told, field=field.upper())


class _Writer:
    """Gathers what becomes of engines' tables; two fields may speak of one table."""

    def __init__(self, changes: dict[str, Any], known: Known, suffix: str) -> None:
        self.patches: dict[str, Table] = {}
        self.secrets: dict[str, str] = {}
        self.replaced: set[str] = set()
        self._changes = changes
        self._known = known
        self._suffix = suffix
        self._said: dict[tuple[str, str], Any] = {}
        """(table, key) -> what it shall be."""

    def hear(self, family: Family, role: Role, entry: EngineEntry | None) -> None:
        """What the fields of this role say of the table. All of them are heard before any is written."""
        for field, key in zip(family.fields[role], (family.address, family.named), strict=True):
            if field not in self._changes:
                continue
            if entry is None:
                raise engines.missing(family, field.upper())
            value = self._changes[field]
            if self._said.setdefault((entry.name, key), value) != value:
                told = f"Generation and edits go through one engine here, [engines.{entry.name}]; give both the same."
                raise InvalidInput(told, field=field.upper())

    def write(self, family: Family, role: Role, entry: EngineEntry) -> None:
        self._address(family, role, entry)
        self._secret(family, role, entry)

    def _address(self, family: Family, role: Role, entry: EngineEntry) -> None:
        field, secret_field = family.fields[role]
        if field not in self._changes:
            return
        if not self._changes[field]:
            raise InvalidInput("An engine has an address; to do without it, choose another engine.", field=field.upper())
        name = engines.secret_name(entry, family)
        if name and self._known.is_the_operators(name):
            told = (
                f"Its secret {name} is in the gateway's environment, so the address is changed by the operator, in models.toml."
            )
            raise InvalidInput(told, field=field.upper())
        if name and self._known.has(name) and (entry.name, family.named) not in self._said:
            told = "Another address gets no secret that was given for this one: send it again, or empty for none."
            raise InvalidInput(told, field=secret_field.upper())
        self.patches.setdefault(entry.name, {}).update(engines.patch(entry, family, self._changes[field]))

    def _secret(self, family: Family, role: Role, entry: EngineEntry) -> None:
        field = family.fields[role][1]
        if field not in self._changes:
            return
        value, name = str(self._changes[field]), engines.secret_name(entry, family)
        if name and self._known.is_the_operators(name):
            raise InvalidInput(f"{name} is in the gateway's environment; it is changed there.", field=field.upper())
        if value == MASK or not value.isprintable():
            raise InvalidInput(
                "This is no secret but a mask, or has characters that none has; send it whole.", field=field.upper()
            )
        new = re.sub(r"[^A-Z0-9]+", "_", f"{entry.name}_{family.named}_{self._suffix}".upper())
        new = new if new[0].isalpha() else f"_{new}"
        self.patches.setdefault(entry.name, {})[family.named] = new if value else None
        if value:
            self.secrets[new] = value
        if name:
            self.replaced.add(name)
