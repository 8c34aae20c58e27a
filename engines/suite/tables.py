"""The models of a models.toml, each with the engine that an installed plug-in makes of its table."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from engines.contract import Engine, ModelSpec

GROUP = "darkroom.engines"


class Case(Struct, frozen=True, kw_only=True):
    """One model of a file."""

    id: str
    plugin: type[Engine]
    engine_name: str
    options: Any
    model: ModelSpec

    def build(self) -> Engine:
        """A new instance of its engine. Without a gateway no secret has a value."""
        return self.plugin(self.engine_name, self.options)


def cases(path: Path) -> list[Case]:
    """Raises ValueError that says what in the file, or in the installation, is to be mended."""
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    live = [table for table in document.get("models", []) if "retired" not in table]
    return [_case(table, document.get("engines", {}), path) for table in live]


def _case(table: Mapping[str, Any], engines: Mapping[str, Any], path: Path) -> Case:
    id_, name = str(table.get("id", "")), str(table.get("engine", ""))
    if name not in engines:
        raise ValueError(f'{path}: the model "{id_}" has the engine "{name}", and there is no [engines.{name}]')
    plugin = _plugin(engines[name].get("plugin", ""), path)
    own = {key: value for key, value in engines[name].items() if key != "plugin"}
    # The gateway's keys of a model are none of the engine's; which of both a wrong key is, `darkroom doctor` can tell.
    known = {field.encode_name for field in msgspec.structs.fields(plugin.ModelOptions)}
    keys = {key: value for key, value in table.items() if key in known}
    return Case(
        id=id_,
        plugin=plugin,
        engine_name=name,
        options=_decoded(own, plugin.Options, f"{path}: [engines.{name}]"),
        model=ModelSpec(
            id=id_,
            source=table.get("source", ""),
            revision="suite",
            options=_decoded(keys, plugin.ModelOptions, f'{path}: [[models]] "{id_}"'),
        ),
    )


def _plugin(name: str, path: Path) -> type[Engine]:
    found = {point.name: point for point in metadata.entry_points(group=GROUP)}
    if name not in found:
        there = ", ".join(sorted(found)) or "none"
        raise ValueError(f'{path}: there is no plugin "{name}" installed ({there}); install its package: pip install -e .')
    loaded: type[Engine] = found[name].load()
    return loaded


def _decoded(table: Mapping[str, Any], shape: type[Struct], where: str) -> Any:
    try:
        return msgspec.convert(dict(table), shape)
    except msgspec.ValidationError as error:
        raise ValueError(f"{where}: {error}") from error
