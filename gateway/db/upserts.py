"""Insert what is new and change what is there, in one statement that both databases understand in their own dialect."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnCollection, ColumnElement, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

Row = Mapping[str, Any]
Excluded = ColumnCollection[str, Any]
_PARAMETERS = 8_000
"""Of one statement: both databases take four times as many, but what is built is not kept, and long ones are slow to build."""


async def upsert(
    connection: AsyncConnection,
    table: Table,
    rows: Row | Sequence[Row],
    *,
    on: Sequence[str] = (),
    setting: Sequence[str] | Callable[[Excluded], Mapping[str, Any]] | None = None,
    where: ColumnElement[bool] | None = None,
) -> int:
    """Insert `rows`, and change those whose unique columns `on` (the primary key by default) are there already.

    All rows have the same keys, and no two of them the same `on`. `setting` names the columns to take from the new row
    (all but `on` by default), or is a function of the new row's columns that gives name -> expression, such as
    `lambda new: {"count": table.c.count + new.count}`. `where` says which of the rows that are there may be changed.
    Returns how many rows were inserted or changed.
    """
    done = 0
    for part in _parts(table, rows):
        statement = _insert(connection, table).values(part)
        unique = tuple(on) or tuple(column.name for column in table.primary_key)
        if callable(setting):
            changes = dict(setting(statement.excluded))
        else:
            names = [name for name in part[0] if name not in unique] if setting is None else setting
            changes = {name: statement.excluded[name] for name in names}
        statement = statement.on_conflict_do_update(index_elements=unique, set_=changes, where=where)
        done += len((await connection.execute(statement.returning(*table.primary_key))).fetchall())
    return done


async def insert_ignore(connection: AsyncConnection, table: Table, rows: Row | Sequence[Row], *, on: Sequence[str] = ()) -> int:
    """Insert those of `rows` that break no unique constraint, or only not that over the columns `on`; how many went in.

    All rows have the same keys.
    """
    done = 0
    for part in _parts(table, rows):
        statement = _insert(connection, table).values(part).on_conflict_do_nothing(index_elements=tuple(on) or None)
        done += len((await connection.execute(statement.returning(*table.primary_key))).fetchall())
    return done


def _insert(connection: AsyncConnection, table: Table) -> Any:
    return (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(table)


def _parts(table: Table, rows: Row | Sequence[Row]) -> list[list[dict[str, Any]]]:
    listed = [dict(rows)] if isinstance(rows, Mapping) else [dict(row) for row in rows]
    size = max(1, _PARAMETERS // len(table.columns))  # a column that no row names has a parameter too, for its default
    return [listed[start : start + size] for start in range(0, len(listed), size)]
