"""What engines offer that no entry of models.toml names yet, and the entry that would name it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec import NODEFAULT, Struct

from engines.contract import ModelSpec
from gateway.catalog import AUTO, Catalog, ModelEntry

LONGEST_ID = 128
_NO_ID = re.compile(r"[^A-Za-z0-9._:@+-]+")


class Discovered(Struct, frozen=True):
    """What an engine said when it was asked last."""

    models: tuple[ModelSpec, ...] = ()
    problem: str | None = None
    """Why it could not be asked."""


def unnamed(found: Iterable[ModelSpec], named: Iterable[tuple[ModelEntry, ModelSpec | None]]) -> list[ModelSpec]:
    """Those that no entry of the engine names; `named` holds its entries, each as the engine sees it where it can."""
    entries = list(named)
    return [spec for spec in found if not any(_names(entry, seen, spec) for entry, seen in entries)]


def entry_for(spec: ModelSpec, engine: str, catalog: Catalog) -> dict[str, Any]:
    """A `[[models]]` table that puts it on offer, under a name that is free."""
    return {"id": _free_id(spec.id, engine, catalog), "engine": engine, "source": spec.source, **said(spec.options)}


def said(options: Any) -> dict[str, Any]:
    """The keys of an engine's options that differ from their defaults, as they are written."""
    if not isinstance(options, Struct):
        return {}
    differ = [each for each in msgspec.structs.fields(options) if getattr(options, each.name) != _default(each)]
    written: Mapping[str, Any] = msgspec.to_builtins(options)
    return {each.encode_name: written[each.encode_name] for each in differ if getattr(options, each.name) is not None}


def _default(field: msgspec.structs.FieldInfo) -> Any:
    return field.default if field.default_factory is NODEFAULT else field.default_factory()


def _names(entry: ModelEntry, seen: ModelSpec | None, spec: ModelSpec) -> bool:
    """Which model it is stands in the source and the plain keys; lists and tables say how it is used."""
    if spec.id in (entry.id, *entry.aliases):
        return True
    if seen is None:
        return entry.source == spec.source
    mine, theirs = _plain(said(seen.options)), _plain(said(spec.options))
    return seen.source == spec.source and all(mine.get(key) == value for key, value in theirs.items())


def _plain(options: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in options.items() if isinstance(value, str | int | float)}


def _free_id(wanted: str, engine: str, catalog: Catalog) -> str:
    taken = {AUTO, *catalog.models, *catalog.aliases}
    plain = _NO_ID.sub("-", wanted).strip("-._:@+")[:LONGEST_ID] or engine
    shorter = plain[: LONGEST_ID - len(engine) - 5]
    numbered = (f"{shorter}-{engine}-{number}" for number in range(2, len(taken) + 3))
    return next(name for name in (plain, f"{shorter}-{engine}", *numbered) if name not in taken)
