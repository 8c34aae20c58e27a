"""models.toml -> Catalog: validated whole, every problem told at once."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from engines.contract import Capability, Engine
from gateway.catalog.decoding import decode, decode_value, refuse_unknown, shown
from gateway.catalog.entries import Catalog, DeviceEntry, DeviceTable, EngineEntry, LaneTable, ModelEntry
from gateway.catalog.kinds import AUTO, CAPABILITIES, LaneName, ModelId, Name
from gateway.catalog.models import check_names, read_models
from gateway.catalog.problems import Place, Problems
from gateway.catalog.settings import Chat, Settings
from gateway.catalog.tariffs import Tariff, read_tariff, refuse_idle
from gateway.errors import CatalogError
from gateway.nearest import did_you_mean, listed

SECTIONS = ("settings", "engines", "devices", "lanes", "tariffs", "defaults", "models")


class Plugins(Protocol):
    """What of the registry is needed here."""

    @property
    def plugins(self) -> Mapping[str, type[Engine]]: ...

    @property
    def problems(self) -> Mapping[str, str]:
        """Plugin -> why it did not load."""
        ...


def load(path: Path, plugins: Plugins) -> Catalog:
    """Raises CatalogError with every problem of the file."""
    try:
        return parse(path.read_text("utf-8"), plugins)
    except UnicodeDecodeError as error:
        raise CatalogError([f"the file is not UTF-8: {error}"]) from error
    except OSError as error:
        raise CatalogError([f"{path} cannot be read: {error.strerror}"]) from error


def parse(text: str, plugins: Plugins) -> Catalog:
    """Pure. Raises CatalogError with every problem, in the order of the lines."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        twice = "; that table stands in the file already, so put the keys there" if "twice" in str(error) else ""
        raise CatalogError([f"this is not TOML: {error}{twice}"]) from error
    problems = Problems(text)
    top = Place(problems)
    refuse_unknown(document, SECTIONS, top)
    settings = decode(document.get("settings", {}), Settings, top.at("settings"))
    engines = dict(_engines(document, plugins, top))
    devices = dict(_devices(document, top))
    lanes = dict(_lanes(document, top))
    tariffs = dict(_tariffs(document, top))
    models = read_models(document.get("models", []), engines, plugins.plugins, tariffs, top.at("models"))
    refuse_idle(tariffs, document.get("models", []), list(problems.names.values()), top.at("tariffs"))
    aliases = check_names(models, top.at("models"))
    by_id = {entry.id: entry for _, entry in models}
    defaults = dict(_defaults(document, by_id, top))
    if settings is not None:
        place = top.at("settings")
        named = {
            place.at("gallery").at("edit_model"): settings.gallery.edit_model,
            place.at("openwebui").at("model"): settings.openwebui.model,
            place.at("openwebui").at("edit_model"): settings.openwebui.edit_model,
        }
        for at, name in named.items():
            _check_model(name, by_id, aliases, at)
        for name in settings.jobs.fail_over:
            _check_model("" if name == AUTO else name, by_id, aliases, place.at("jobs").at("fail_over"))
        for key in ("engine", "edit_engine"):
            _check_engine(getattr(settings.openwebui, key), engines, place.at("openwebui").at(key))
        _check_chat(settings.chat, top.at("settings").at("chat"))
    if problems.messages:
        raise CatalogError(problems.messages)
    assert settings is not None
    return Catalog(
        settings=settings,
        engines=engines,
        devices=devices,
        lanes=lanes,
        tariffs=tariffs,
        models=by_id,
        defaults=defaults,
        aliases=aliases,
    )


def _section(document: Mapping[str, Any], key: str, top: Place, names: Any = Name) -> Iterator[tuple[str, Any, Place]]:
    """The named things of a top-level table, those with a name that is allowed."""
    section = document.get(key, {})
    if not isinstance(section, dict):
        top.at(key).refuse(f"{shown(section)} is no table")
        return
    for name, value in section.items():
        place = top.at(key).at(name)
        if decode_value(name, names, place) is not None:
            yield name, value, place


def _engines(document: Mapping[str, Any], plugins: Plugins, top: Place) -> Iterator[tuple[str, EngineEntry]]:
    """Every engine that is named, so that its models are not called lost on top of what is wrong with it."""
    known = [*plugins.plugins, *plugins.problems]
    for name, table, place in _section(document, "engines", top):
        if not isinstance(table, dict):
            place.refuse(f"{shown(table)} is no table")
            continue
        plugin = str(table.get("plugin", ""))
        own = {key: value for key, value in table.items() if key != "plugin"}
        options = problem = None
        if plugin in plugins.plugins:
            options = decode(own, plugins.plugins[plugin].Options, place)
        elif plugin in plugins.problems:
            problem = plugins.problems[plugin]
        elif not plugin:
            place.at("plugin").refuse(f"is missing; give one of {listed(known)}")
        else:
            near = did_you_mean(plugin, known)
            place.at("plugin").refuse(f"there is no plugin {shown(plugin)}{near or ';'} installed: {listed(known) or 'none'}")
        yield name, EngineEntry(name=name, plugin=plugin, options_table=own, options=options, problem=problem)


def _devices(document: Mapping[str, Any], top: Place) -> Iterator[tuple[str, DeviceEntry]]:
    taken: dict[str, str] = {}
    for name, table, place in _section(document, "devices", top):
        decoded = decode(table, DeviceTable, place)
        if decoded is None:
            continue
        if decoded.device in taken:
            place.at("device").refuse(
                f'{decoded.device} is the device of "{taken[decoded.device]}" already; a device is one lane'
            )
        taken[decoded.device] = name
        yield name, DeviceEntry(name=name, device=decoded.device, memory_bytes=decoded.memory_bytes)


def _lanes(document: Mapping[str, Any], top: Place) -> Iterator[tuple[str, LaneTable]]:
    for name, table, place in _section(document, "lanes", top, LaneName):
        decoded = decode(table, LaneTable, place)
        if decoded is None:
            continue
        if decoded.wake is None and decoded.sleep is None:
            place.refuse("it says neither how the lane is woken (wake) nor how it is put to sleep (sleep)")
        if decoded.key and not any(isinstance(each, str) for each in (decoded.wake, decoded.sleep)):
            place.at("key").refuse("commands are given no key; only addresses are")
        yield name, decoded


def _tariffs(document: Mapping[str, Any], top: Place) -> Iterator[tuple[str, Tariff]]:
    for name, value, place in _section(document, "tariffs", top, ModelId):
        yield name, read_tariff(name, value, place)


def _defaults(document: Mapping[str, Any], models: Mapping[str, ModelEntry], top: Place) -> Iterator[tuple[Capability, str]]:
    section = document.get("defaults", {})
    place = top.at("defaults")
    if not isinstance(section, dict):
        place.refuse(f"{shown(section)} is no table")
        return
    refuse_unknown(section, CAPABILITIES, place)
    for capability in CAPABILITIES:
        wanted = section.get(capability)
        entry = models.get(str(wanted))
        # A model that is written but wrong is reported by itself.
        if wanted is None or (entry is None and wanted in top.problems.names.values()):
            continue
        if problem := _unfit(str(wanted), entry, capability, models):
            place.at(capability).refuse(problem)
        elif entry is not None:
            yield capability, entry.id


def _check_engine(name: str, engines: Collection[str], place: Place) -> None:
    if name and name not in engines:
        near = did_you_mean(name, engines) or ";"
        place.refuse(f'there is no engine "{name}"{near} there are {listed(engines) or "none"}')


def _check_model(name: str, models: Mapping[str, ModelEntry], aliases: Collection[str], place: Place) -> None:
    """That there is one called so; a retired one is told to the one who asks for it."""
    if not name or name in aliases or name in place.problems.names.values():
        return
    names = [*(each.id for each in models.values() if not each.retired), *aliases]
    near = did_you_mean(name, names) or ";"
    place.refuse(f'there is no model "{name}"{near} give the id or the alias of one: {listed(names) or "there is none"}')


def _check_chat(chat: Chat, place: Place) -> None:
    if chat.base_url and not chat.base_url.startswith(("http://", "https://")):
        place.at("base_url").refuse("this is no URL; give one such as http://127.0.0.1:11434/v1, or nothing")
    if chat.base_url and not chat.model:
        place.at("model").refuse("is missing; give the model's name, as the endpoint calls it")


def _unfit(wanted: str, entry: ModelEntry | None, capability: Capability, models: Mapping[str, ModelEntry]) -> str | None:
    able = [each.id for each in models.values() if not each.retired and capability in (each.capabilities or CAPABILITIES)]
    if entry is None:
        return f'there is no model "{wanted}"{did_you_mean(wanted, able) or ";"} give one of {listed(able) or "none"}'
    if entry.retired:
        return f'"{wanted}" is retired; give "{entry.retired}"'
    if entry.id not in able:
        return f'"{wanted}" says that it does {listed(entry.capabilities or ())} only; give one of {listed(able) or "none"}'
    return None
