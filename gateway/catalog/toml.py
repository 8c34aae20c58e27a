"""Small changes of a TOML document that leave its comments and its order where they are."""

from __future__ import annotations

import re
import tomllib
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tomlkit
from tomlkit import TOMLDocument
from tomlkit.container import Container
from tomlkit.items import AoT, Comment, InlineTable, Item, Table

from gateway.errors import WrongState

Patch = Mapping[str, Any]


def changed(document: TOMLDocument, change: Callable[[TOMLDocument], None], expected: Patch) -> TOMLDocument:
    """The document after `change`, as it will be read: `expected`, or nothing is done (WrongState).

    TOML can be written in many ways, and an edit that keeps comments does not master all of them.
    """
    change(document)
    if tomllib.loads(tomlkit.dumps(document)) != expected:
        raise WrongState("models.toml is written in a way that cannot be changed by program here; change it by hand.")
    return document


def merged(table: Patch, patch: Patch) -> dict[str, Any]:
    """RFC 7396 on plain values: tables are merged, null takes a key away, everything else takes the old one's place."""
    result = dict(table)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, Mapping):
            old = result.get(key)
            result[key] = merged(old if isinstance(old, Mapping) else {}, value)
        else:
            result[key] = value
    return result


def merge(table: Any, patch: Patch) -> None:
    """The same on a table of a document. A new key stands behind its commented default, else behind the last key."""
    for key, value in patch.items():
        old = table.get(key)
        if value is None:
            table.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(old, Mapping):
            merge(old, value)
        elif key in table:
            table[key] = item(merged({}, value) if isinstance(value, Mapping) else value)
        else:
            _add(table, key, item(merged({}, value) if isinstance(value, Mapping) else value))


def item(value: Any) -> Item:
    """A value as TOML writes it on one line."""
    if isinstance(value, Mapping):
        inline = tomlkit.inline_table()
        for key, inner in value.items():
            inline.append(key, item(inner))
        return inline
    if isinstance(value, Sequence) and not isinstance(value, str):
        array = tomlkit.array()
        for inner in value:
            array.append(item(inner))
        return array
    plain: Item = tomlkit.item(value)
    return plain


def append_table(document: TOMLDocument, name: str, content: Patch) -> None:
    """One more `[[name]]`, behind the last that is there and before the comments that follow it."""
    tables = document.get(name)
    table = tomlkit.table()
    for key, value in content.items():
        table.append(key, item(value))
    if not isinstance(tables, AoT) or not len(tables):
        document.pop(name, None)
        array = tomlkit.aot()
        array.append(table)
        document.append(name, array)
        return
    following = _take_tail(tables[-1])
    _last(tables[-1]).append(None, tomlkit.nl())
    _put_back(table.value, following or [tomlkit.nl()])
    tables.append(table)


def table_text(name: str, content: Patch) -> str:
    """One `[[name]]` as it is written."""
    document = tomlkit.document()
    append_table(document, name, content)
    return tomlkit.dumps(document).strip() + "\n"


def remove_table(document: TOMLDocument, name: str, index: int) -> TOMLDocument:
    """Without the `[[name]]` at `index`; the comments between it and the next stay. The document is another one then."""
    table = document[name][index]
    following = _take_tail(table)
    marker = f"to be removed {uuid.uuid4()}"
    for key in list(table):
        table.remove(key)
    table.value.body.clear()
    _put_back(table.value, following)
    table.comment(marker)
    lines = tomlkit.dumps(document).splitlines(keepends=True)
    header = next(number for number, line in enumerate(lines) if marker in line)
    before, after = lines[:header], lines[header + 1 :]
    if before and not before[-1].strip() and after and not after[0].strip():
        after = after[1:]
    return tomlkit.parse("".join([*before, *after]))


def _add(table: Any, key: str, value: Item) -> None:
    if not isinstance(table, Table):
        table[key] = value
        return
    tail = _pop_comments(table.value)
    commented = re.compile(rf"#\s*{re.escape(key)}\s*=")
    place = next(
        (at + 1 for at, each in enumerate(tail) if isinstance(each, Comment) and commented.match(each.as_string().strip())), 0
    )
    _put_back(table.value, tail[:place])
    table.append(key, value)
    _put_back(table.value, tail[place:])


def _take_tail(table: Table) -> list[Item]:
    return _pop_comments(_last(table))


def _last(table: Table) -> Container:
    """What is written last of a table: itself, or the last table within it."""
    tables = [each for _, each in table.value.body if isinstance(each, Table) and not isinstance(each, InlineTable)]
    return _last(tables[-1]) if tables else table.value


def _pop_comments(container: Container) -> list[Item]:
    tail: list[Item] = []
    while container.body and container.body[-1][0] is None:
        tail.insert(0, container.body.pop()[1])
    return tail


def _put_back(container: Container, tail: Sequence[Item]) -> None:
    for each in tail:
        container.append(None, each)
