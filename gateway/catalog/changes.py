"""What an administrator may change of models.toml over HTTP: settings, and models that run no code of their own.

Remote code, pickles, commands, paths, engines and their plugins are the file's alone, so that an administrator's key is
never a shell on this machine.
"""

from __future__ import annotations

import asyncio
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path, PureWindowsPath
from typing import Any

import tomlkit
from tomlkit import TOMLDocument

from gateway.catalog import toml
from gateway.catalog.entries import Catalog
from gateway.catalog.file import CatalogFile
from gateway.catalog.loading import Plugins, load
from gateway.catalog.models import OWN_KEYS
from gateway.errors import AlreadyExists, CatalogError, InvalidInput, NotFound, WrongState
from gateway.nearest import did_you_mean, listed

Table = dict[str, Any]
Edit = Callable[[TOMLDocument], TOMLDocument]
DEEPEST = 8
"""Tables within tables; the deepest that a setting or an engine has is three."""
_PROBLEM = re.compile(
    r'^(?:line \d+, )?(?P<what>(?:\[settings\.(?P<table>[^]]+)]|\[\[models]] "[^"]*"|\[[^]]+]) ?(?P<key>[^:]*):.*)$', re.DOTALL
)


def settings_edit(patch: Table) -> Edit:
    """`[settings.*]` as `patch` says: a null goes back to the default."""
    for section, values in patch.items():
        if not isinstance(values, Mapping):
            raise InvalidInput(f'{section} is a table of settings, such as {{"urls": {{"lifetime_days": 7}}}}.', field=section)
    _refuse_what_toml_lacks(patch)
    if patch.get("imports"):
        raise InvalidInput("Folders of this machine can be given in models.toml only, in [settings.imports].", field="imports")

    chat = patch.get("chat")
    if closed := [key for key in ("base_url", "api_key") if isinstance(chat, Mapping) and key in chat]:
        told = "This says where a secret is sent, so it can be given in models.toml only, in [settings.chat]."
        raise InvalidInput(told, field=f"chat.{closed[0]}")

    def change(document: TOMLDocument) -> None:
        settings = document.setdefault("settings", tomlkit.table(is_super_table=True))
        for section, values in patch.items():
            if section not in settings:
                settings[section] = tomlkit.table()
            toml.merge(settings[section], values)

    def edit(document: TOMLDocument) -> TOMLDocument:
        return toml.changed(document, change, toml.merged(document.unwrap(), {"settings": patch}))

    return edit


def engines_edit(patches: Mapping[str, Table]) -> Edit:
    """`[engines.<name>]` tables that are there, as `patches` say; the plugin stays. Which keys those are is the caller's to
    bound: none that runs a command or opens a path, and an address only together with its secret.

    Raises InvalidInput as the edit runs, for a table that there is not.
    """
    if any("plugin" in patch for patch in patches.values()):
        raise InvalidInput("An engine's plugin can be given in models.toml only.", field="plugin")

    def edit(document: TOMLDocument) -> TOMLDocument:
        before = document.unwrap()
        there = before.get("engines", {})
        if lost := [name for name in patches if name not in there]:
            raise InvalidInput(f"There is no engine {lost[0]} in models.toml; new ones can be made there only.", field=lost[0])

        def change(document: TOMLDocument) -> None:
            for name, patch in patches.items():
                toml.merge(document["engines"][name], patch)

        return toml.changed(document, change, toml.merged(before, {"engines": dict(patches)})) if patches else document

    return edit


def together(*edits: Edit) -> Edit:
    """One after the other, as one change of the file."""

    def edit(document: TOMLDocument) -> TOMLDocument:
        for each in edits:
            document = each(document)
        return document

    return edit


def added_model(entry: Table, plugins: Plugins) -> Edit:
    """One more `[[models]]` table. Raises InvalidInput, AlreadyExists, NotFound as the edit runs."""

    def edit(document: TOMLDocument) -> TOMLDocument:
        before = document.unwrap()
        if any(each.get("id") == entry.get("id") for each in before.get("models", [])):
            raise AlreadyExists(f'There is a model "{entry.get("id")}" already; change that one.', field="id")
        _refuse_what_toml_lacks(entry)
        content = toml.merged({}, entry)
        _allow(content, content, before, plugins)
        expected = {**before, "models": [*before.get("models", []), content]}
        return toml.changed(document, lambda each: toml.append_table(each, "models", content), expected)

    return edit


def changed_model(model_id: str, patch: Table, plugins: Plugins) -> Edit:
    """A `[[models]]` table as `patch` says: a null takes the key away. Raises as `added_model` does, and NotFound."""

    def edit(document: TOMLDocument) -> TOMLDocument:
        before = document.unwrap()
        index = _index(before, model_id)
        if patch.get("id", model_id) != model_id:
            raise InvalidInput("An id stays as it is; add another model, and retire this one with `retired`.", field="id")
        _refuse_what_toml_lacks(patch)
        _allow(patch, before["models"][index], before, plugins)
        models = list(before["models"])
        models[index] = toml.merged(models[index], patch)
        return toml.changed(document, lambda each: toml.merge(each["models"][index], patch), {**before, "models": models})

    return edit


def removed_model(model_id: str) -> Edit:
    """Without that `[[models]]` table. Raises NotFound as the edit runs."""

    def edit(document: TOMLDocument) -> TOMLDocument:
        before = document.unwrap()
        index = _index(before, model_id)
        models = [each for at, each in enumerate(before["models"]) if at != index]
        left = toml.remove_table(document, "models", index)
        return toml.changed(left, lambda _: None, {**before, "models": models} if models else _without(before, "models"))

    return edit


async def apply(file: CatalogFile, edit: Edit) -> Catalog:
    """Edit the file; the new catalog is in force.

    Raises InvalidInput with what would be wrong with the file then, and WrongState where it is not right as it stands,
    or was saved by somebody else meanwhile. The file is as it was in both cases.
    """
    try:
        return await file.edit(edit)
    except CatalogError as error:
        try:
            await asyncio.to_thread(load, file.path, file.plugins)
        except CatalogError as before:
            raise WrongState(f"models.toml is not right as it stands; mend it first. {before.message}") from error
        raise _told(error) from error


async def written_model(file: CatalogFile, model_id: str) -> Table:
    """The `[[models]]` table as it stands in the file. Raises NotFound, and WrongState for a file that is no TOML now."""
    try:
        document = tomllib.loads(await asyncio.to_thread(file.path.read_text, "utf-8"))
    except (OSError, ValueError) as error:
        raise WrongState(f"models.toml cannot be read as it stands: {error}.") from error
    table: Table = document["models"][_index(document, model_id)]
    return table


def _told(error: CatalogError) -> InvalidInput:
    """The problems without the lines of a file that there will not be, and the first one's field."""
    found = [_PROBLEM.match(problem) for problem in error.problems]
    words = [match["what"] if match else problem for match, problem in zip(found, error.problems, strict=True)]
    first = found[0]
    field = ".".join(part for part in ((first["table"], first["key"]) if first else ()) if part)
    return InvalidInput("; ".join(words) + ".", field=field)


def _index(document: Table, model_id: str) -> int:
    ids = [each.get("id") for each in document.get("models", [])]
    if model_id not in ids:
        raise NotFound(f"There is no model {model_id} in models.toml{did_you_mean(model_id, filter(None, ids)) or '.'}")
    return ids.index(model_id)


def _without(table: Table, key: str) -> Table:
    return {name: value for name, value in table.items() if name != key}


def _allow(patch: Table, entry: Table, document: Table, plugins: Plugins) -> None:
    """Raises InvalidInput for what only the file may say; `entry` is what is there before."""
    if (source := patch.get("source")) and isinstance(source, str) and _is_path(source):
        raise InvalidInput(
            "A path on this machine can be given in models.toml only; name a hub id or a bundled model.", field="source"
        )
    engine = patch.get("engine", entry.get("engine"))
    table = document.get("engines", {}).get(engine, {}) if isinstance(engine, str) else {}
    plugin = plugins.plugins.get(table.get("plugin", ""))
    open_keys = plugin.set_by_http if plugin else frozenset()
    engines = {key for key in patch if key not in OWN_KEYS}
    if closed := sorted(engines - open_keys):
        can = listed(sorted(open_keys)) or "none of this engine's keys"
        raise InvalidInput(f"{closed[0]} can be given in models.toml only; over HTTP can be set: {can}.", field=closed[0])
    # A key that trusts what the source holds trusts this source and no other.
    trusting = sorted(key for key in entry if key not in OWN_KEYS and key not in open_keys)
    if trusting and patch is not entry and (touched := sorted(engines | ({"engine", "source"} & set(patch)))):
        raise InvalidInput(
            f"This model has {listed(trusting)} in models.toml; so {touched[0]} is changed there too.", field=touched[0]
        )


def _is_path(source: str) -> bool:
    if source.startswith(("/", "~", ".", "\\", "file:")) or ".." in re.split(r"[/\\]", source) or PureWindowsPath(source).drive:
        return True
    return Path(source).exists()


def _refuse_what_toml_lacks(value: Any, field: str = "", depth: int = 0) -> None:
    """Null within a list, whole numbers past 64 bits (TOML 1.0), and what is deeper than anything that means something."""
    if isinstance(value, Mapping) and depth < DEEPEST:
        for key, inner in value.items():
            if inner is not None:
                _refuse_what_toml_lacks(inner, f"{field}.{key}" if field else key, depth + 1)
    elif isinstance(value, list) and depth < DEEPEST:
        for inner in value:
            _refuse_what_toml_lacks(inner, field, depth + 1)
    elif value is None or isinstance(value, (Mapping, list)) or (isinstance(value, int) and not -(2**63) <= value < 2**63):
        raise InvalidInput(
            "models.toml cannot hold this value; give text, a number, true or false, a list or a table.", field=field
        )
