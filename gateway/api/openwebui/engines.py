"""Open WebUI's engines among the `[engines.<name>]` tables: which one is meant, where its address and secret stand. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct

from gateway.catalog import Catalog, EngineEntry
from gateway.errors import InvalidInput
from gateway.nearest import listed

Role = Literal["generation", "edit"]
_VERSION = re.compile(r"(?P<base>.+?)/(?P<version>v[0-9]+[a-z0-9]*)/?")


class Family(Struct, frozen=True, kw_only=True):
    """What Open WebUI calls an engine, and how it is written here."""

    name: str
    plugin: str
    address: str
    """The key of the table that has it; a list where there may be several servers, of which the first is shown."""
    named: str
    """The key that names the secret."""
    fields: Mapping[Role, tuple[str, str]]
    """The fields of the configuration with the address and the secret."""
    has_version: bool = False
    """The address ends with the API's version, which the table has in a key of its own."""


FAMILIES = (
    Family(
        name="openai",
        plugin="openai",
        address="base_url",
        named="api_key",
        fields={
            "generation": ("images_openai_api_base_url", "images_openai_api_key"),
            "edit": ("images_edit_openai_api_base_url", "images_edit_openai_api_key"),
        },
    ),
    Family(
        name="gemini",
        plugin="gemini",
        address="base_url",
        named="api_key",
        fields={
            "generation": ("images_gemini_api_base_url", "images_gemini_api_key"),
            "edit": ("images_edit_gemini_api_base_url", "images_edit_gemini_api_key"),
        },
        has_version=True,
    ),
    Family(
        name="comfyui",
        plugin="comfyui",
        address="servers",
        named="key",
        fields={
            "generation": ("comfyui_base_url", "comfyui_api_key"),
            "edit": ("images_edit_comfyui_base_url", "images_edit_comfyui_api_key"),
        },
    ),
    Family(
        name="automatic1111",
        plugin="a1111",
        address="servers",
        named="auth",
        fields={"generation": ("automatic1111_base_url", "automatic1111_api_auth")},
    ),
)


def shown(table: str, catalog: Catalog) -> str:
    """How a table is called there; empty for none."""
    entry = catalog.engines.get(table)
    family = next((each for each in FAMILIES if entry is not None and each.plugin == entry.plugin), None)
    return family.name if family is not None and _meant(family.name, catalog) == table else table


def meant(name: str, catalog: Catalog, field: str) -> str:
    """The table that is meant. Raises InvalidInput that names the one that is missing."""
    found = _meant(name, catalog)
    if found or not name:
        return found
    family = next((each for each in FAMILIES if each.name == name), None)
    if family is not None:
        raise missing(family, field)
    there = listed(catalog.engines) or "none"
    raise InvalidInput(f'There is no engine "{name}" in models.toml; there are {there}.', field=field)


def table_of(family: Family, preferred: str, catalog: Catalog) -> EngineEntry | None:
    """The preferred one where it is of that kind, else the first that is."""
    entry = catalog.engines.get(preferred)
    if entry is not None and entry.plugin == family.plugin:
        return entry
    return next((each for each in catalog.engines.values() if each.plugin == family.plugin), None)


def missing(family: Family, field: str) -> InvalidInput:
    return InvalidInput(
        f'models.toml has no engine with plugin = "{family.plugin}". Add an [engines.<name>] table of it there first; new '
        "engines can be made in the file only.",
        field=field,
    )


def address(entry: EngineEntry, family: Family) -> str:
    """As it is shown; of several the first."""
    return next(iter(addresses(entry, family)), "")


def addresses(entry: EngineEntry, family: Family) -> list[str]:
    """All of them, without a slash at the end."""
    value = _option(entry, family.address)
    several = list(value or ()) if isinstance(value, (list, tuple)) else [value] if value else []
    version = _option(entry, "api_version") if family.has_version else ""
    return [f"{each.rstrip('/')}/{version}" if version else each.rstrip("/") for each in map(str, several)]


def patch(entry: EngineEntry, family: Family, given: str) -> dict[str, Any]:
    """What the table has once its address is the one given."""
    given = given.strip().rstrip("/")
    before = _option(entry, family.address)
    if isinstance(before, (list, tuple)) or family.address == "servers":
        return {family.address: [given, *list(before or ())[1:]]}
    parts = _VERSION.fullmatch(given) if family.has_version else None
    return {"base_url": parts["base"], "api_version": parts["version"]} if parts else {family.address: given}


def secret_name(entry: EngineEntry, family: Family) -> str:
    return str(_option(entry, family.named) or "")


def _meant(name: str, catalog: Catalog) -> str:
    """A table called so goes before an engine of that kind."""
    if name in catalog.engines:
        return name
    family = next((each for each in FAMILIES if each.name == name), None)
    entry = table_of(family, "", catalog) if family else None
    return entry.name if entry else ""


def _option(entry: EngineEntry, key: str) -> Any:
    """With the plugin's own default, where the plugin is there."""
    return getattr(entry.options, key, None) if entry.options is not None else entry.options_table.get(key)
