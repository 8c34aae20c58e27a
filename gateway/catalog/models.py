"""`[[models]]`: each table to its entry, and what must hold between them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from engines.contract import Engine, NoOptions
from gateway.catalog.decoding import build, decode_known, known_keys, refuse_unknown
from gateway.catalog.entries import EngineEntry, ModelEntry, ModelTable
from gateway.catalog.kinds import AUTO
from gateway.catalog.problems import Place
from gateway.nearest import did_you_mean, listed

REVISION_DIGITS = 16
OWN_KEYS = known_keys(ModelTable)
Placed = tuple[int, ModelEntry]
"""A model with its index in the file."""


def read_models(
    tables: Any, engines: Mapping[str, EngineEntry], plugins: Mapping[str, type[Engine]], tariffs: Collection[str], place: Place
) -> list[Placed]:
    """Those that are right by themselves; what is wrong with the others is reported."""
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        place.refuse("write each model as a table of its own, under [[models]]")
        return []
    for index, table in enumerate(tables):
        if isinstance(table.get("id"), str):
            place.problems.names[index] = table["id"]
    read = [(index, _model(table, engines, plugins, tariffs, place.at(index))) for index, table in enumerate(tables)]
    return [(index, entry) for index, entry in read if entry is not None]


def check_names(models: Iterable[Placed], place: Place) -> dict[str, str]:
    """Alias -> id. Reports ids and aliases that are taken, and replacements that are not there."""
    owners: dict[str, ModelEntry] = {}
    for index, entry in models:
        if entry.id in owners:
            place.at(index).at("id").refuse(f'"{entry.id}" is the id of a model above; ids are used once')
        owners.setdefault(entry.id, entry)
    aliases: dict[str, str] = {}
    for index, entry in models:
        for alias in entry.aliases:
            # The id of a retired model may live on as another's alias: that is how its callers are served.
            owner = owners[alias].id if alias in owners and not owners[alias].retired else aliases.get(alias)
            if alias == AUTO or owner is not None:
                taken = f'belongs to the model "{owner}"' if owner else "lets us choose the model"
                place.at(index).at("aliases").refuse(f'"{alias}" {taken}; give another name')
            aliases.setdefault(alias, entry.id)
        if entry.retired:
            _check_replacement(entry, owners, place.at(index).at("retired"))
    return aliases


def revision(table: Mapping[str, Any], engine: EngineEntry | None) -> str:
    """A hash of what is written of a model and of its engine, whatever the order of the keys."""
    engine_table = {"plugin": engine.plugin, **engine.options_table} if engine else {}
    canonical = json.dumps([table, engine_table], sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()[:REVISION_DIGITS]


def _model(
    table: dict[str, Any],
    engines: Mapping[str, EngineEntry],
    plugins: Mapping[str, type[Engine]],
    tariffs: Collection[str],
    place: Place,
) -> ModelEntry | None:
    engine = engines.get(str(table.get("engine")))
    plugin = plugins.get(engine.plugin) if engine else None
    options_shape = plugin.ModelOptions if plugin else NoOptions
    # Without its plugin nobody can say which further keys an engine has.
    if plugin is not None or "engine" not in table:
        refuse_unknown(table, [*OWN_KEYS, *known_keys(options_shape)], place)
    if "retired" not in table:
        _check_needed(table, engines, place)
    values = decode_known(table, ModelTable, place)
    arguments = decode_known(table, options_shape, place)
    options = None if arguments is None else build(options_shape, arguments, place)
    if values is None or options is None:
        return None
    own = {key: value for key, value in table.items() if key not in OWN_KEYS}
    values["title"] = values.get("title") or values["id"]
    entry = ModelEntry(**values, options_table=own, options=options if plugin else None, revision=revision(table, engine))
    _check_alone(entry, tariffs, place)
    return entry


def _check_needed(table: Mapping[str, Any], engines: Collection[str], place: Place) -> None:
    engine = table.get("engine", "")
    if isinstance(engine, str) and engine not in engines:
        what = f'there is no engine "{engine}"' if engine else "is missing"
        near = did_you_mean(engine, engines) or ";"
        there = listed(engines) or "there is none"
        place.at("engine").refuse(f"{what}{near} give the name of an [engines.<name>] table: {there}")
    if table.get("source", "") == "":
        place.at("source").refuse("is missing; give a path, a hub id, or what the engine's models are called by")


def _check_alone(entry: ModelEntry, tariffs: Collection[str], place: Place) -> None:
    if entry.id == AUTO:
        place.at("id").refuse(f'"{AUTO}" lets us choose the model; give another id')
    if entry.tariff is not None and entry.tariff not in tariffs:
        near = did_you_mean(entry.tariff, tariffs) or ";"
        place.at("tariff").refuse(f'there is no tariff "{entry.tariff}"{near} [tariffs] has {listed(tariffs) or "none"}')
    low, high = entry.limits.min_size, entry.limits.max_size
    if low and high and (low.width > high.width or low.height > high.height):
        place.at("limits").at("min_size").refuse(
            f"{low.width}x{low.height} is larger than max_size, {high.width}x{high.height}"
        )


def _check_replacement(entry: ModelEntry, owners: Mapping[str, ModelEntry], place: Place) -> None:
    replacement = owners.get(entry.retired or "")
    if replacement is None and entry.retired in place.problems.names.values():
        return
    if replacement is None or replacement.retired:
        live = [owner.id for owner in owners.values() if not owner.retired]
        what = f'"{entry.retired}" is retired too' if replacement else f'there is no model "{entry.retired}"'
        near = did_you_mean(entry.retired or "", live) or ";"
        place.refuse(f"{what}{near} give the id of a model that runs: {listed(live) or 'there is none'}")
