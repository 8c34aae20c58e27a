"""Entry points -> engine plugins, tolerant of broken ones, and the engines that models.toml makes of them.

An engine, ours or a stranger's, names itself in the entry-point group `darkroom.engines` of its distribution.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterable, Mapping
from importlib import metadata
from types import MappingProxyType
from typing import Any

import msgspec.inspect
from msgspec import Struct

from engines.contract import Engine, EngineError, ModelSpec, ModelUnusable
from gateway.catalog import EngineEntry, ModelEntry
from gateway.catalog.decoding import decode, known_keys
from gateway.catalog.models import OWN_KEYS
from gateway.catalog.problems import Place, Problems
from gateway.errors import CatalogError, ConfigurationError

log = logging.getLogger(__name__)

GROUP = "darkroom.engines"


class Registry:
    """The engine plugins that are installed: `plugins` by name, and of those that do not load why (`problems`)."""

    def __init__(self, plugins: Mapping[str, type[Engine]], problems: Mapping[str, str] | None = None) -> None:
        self.plugins = MappingProxyType(dict(plugins))
        self.problems = MappingProxyType(dict(problems or {}))

    @classmethod
    def discover(cls) -> Registry:
        """Import every plugin that is installed. A plugin that fails is a problem of its own, in the log and here.

        Raises ConfigurationError when two distributions offer the same name: which of them ran would be chance.
        """
        plugins: dict[str, type[Engine]] = {}
        problems: dict[str, str] = {}
        for name, point in _by_name(metadata.entry_points(group=GROUP)).items():
            # A stranger's import may do anything, `sys.exit` included; none of it may take the gateway along.
            try:
                plugins[name] = _accepted(point.load())
            except (Exception, SystemExit) as error:
                problems[name] = f"the plugin {name} ({point.value}) does not load: {_reason(error)}"
                log.warning("%s", problems[name], exc_info=error)
        return cls(plugins, problems)

    def build(self, entry: EngineEntry, secret: Callable[[str], str] | None = None) -> Engine:
        """A new instance for one `[engines.<name>]` table; `secret` has the values of secrets by their names.

        Raises ConfigurationError that says what to mend.
        """
        plugin = self._plugin(entry)
        options = entry.options
        if options is None:
            options = _decoded(entry.options_table, plugin.Options, ("engines", entry.name))
        try:
            engine = plugin(entry.name, options)
            if secret is not None:
                engine.secret = _told_to_engines(secret)
            return engine
        except Exception as error:
            log.warning("the engine %s does not start", entry.name, exc_info=error)
            raise ConfigurationError(
                f'The engine "{entry.name}" does not start: {_reason(error)}.', field=entry.name
            ) from error

    def spec(self, entry: ModelEntry, engine: Engine) -> ModelSpec:
        """The model as its engine sees it. Raises CatalogError when the entry's keys are not the engine's."""
        options = entry.options
        if options is None:
            options = _decoded(entry.options_table, engine.ModelOptions, ("models", entry.id))
        return ModelSpec(id=entry.id, source=entry.source, revision=entry.revision, options=options)

    def _plugin(self, entry: EngineEntry) -> type[Engine]:
        if plugin := self.plugins.get(entry.plugin):
            return plugin
        why = entry.problem or self.problems.get(entry.plugin) or f"there is no plugin {entry.plugin}"
        raise ConfigurationError(f'The engine "{entry.name}" cannot run: {why}.', field=entry.name)


def _by_name(points: Iterable[metadata.EntryPoint]) -> dict[str, metadata.EntryPoint]:
    found: dict[str, metadata.EntryPoint] = {}
    for point in points:
        other = found.setdefault(point.name, point)
        if other is not point:
            raise ConfigurationError(
                f'Two engine plugins are called "{point.name}": {other.value} of {_distribution(other)} and {point.value} of '
                f"{_distribution(point)}. Uninstall one of them.",
                field=point.name,
            )
    return found


def _distribution(point: metadata.EntryPoint) -> str:
    return point.dist.name if point.dist else "an unknown distribution"


def _accepted(loaded: Any) -> type[Engine]:
    """What an entry point names, seen to be an engine. Raises TypeError that says what it lacks."""
    if not (isinstance(loaded, type) and issubclass(loaded, Engine)):
        raise TypeError("it is not a subclass of engines.contract.Engine")
    if inspect.isabstract(loaded):
        raise TypeError(f"it lacks {', '.join(sorted(loaded.__abstractmethods__))}")
    for attribute in ("Options", "ModelOptions"):
        shape = getattr(loaded, attribute)
        if not (isinstance(shape, type) and issubclass(shape, Struct)):
            raise TypeError(f"its {attribute} is not a msgspec.Struct")
        # Types that cannot be resolved would else fail every reading of models.toml.
        msgspec.inspect.type_info(shape)
    if clash := [key for key in known_keys(loaded.ModelOptions) if key in OWN_KEYS]:
        raise TypeError(f"its ModelOptions have keys that are the gateway's: {', '.join(clash)}")
    if unknown := sorted(loaded.set_by_http - set(known_keys(loaded.ModelOptions))):
        raise TypeError(f"its set_by_http names no keys of its ModelOptions: {', '.join(unknown)}")
    if "plugin" in known_keys(loaded.Options):
        raise TypeError('its Options have the key "plugin", which names the plugin')
    return loaded


def _decoded(table: Mapping[str, Any], shape: type[Struct], path: tuple[str, str]) -> Struct:
    problems = Problems("")
    decoded = decode(dict(table), shape, Place(problems, path))
    if decoded is None:
        raise CatalogError(problems.messages)
    return decoded


def _told_to_engines(secret: Callable[[str], str]) -> Callable[[str], str]:
    """Secrets as the contract has them: no name is no secret, and one that is not set makes the model unusable."""
    missing: set[str] = set()

    def told(name: str) -> str:
        try:
            value = secret(name) if name else ""
        except ConfigurationError as error:
            if name not in missing:  # lanes are asked how they are again and again
                log.warning("%s", error.message)  # this one names the file
            missing.add(name)
            raise ModelUnusable(f"The secret {name} is not set: put it in the environment or into secrets.toml.") from error
        missing.discard(name)
        return value

    return told


def _reason(error: BaseException) -> str:
    if isinstance(error, EngineError):
        return error.message
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
