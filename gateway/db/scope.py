"""The one place that adds the team to a statement, so that no query can forget it.

A statement on tables that have a `team_id` must name each of them to `of_team`, or say with `across_teams` that it means
all teams' rows. `guard` refuses every other one before it reaches the database, in tests and in service alike.

An alias is a table of its own here. A select within a statement may be scoped by itself (`exists(of_team(select(…), …))`);
a correlated one sees the tables that the statement around it named.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

from sqlalchemy import (
    CTE,
    Alias,
    ClauseElement,
    ColumnClause,
    ColumnElement,
    Connection,
    Delete,
    Executable,
    FromClause,
    Insert,
    ScalarSelect,
    Select,
    SelectBase,
    Subquery,
    Table,
    TableSample,
    Update,
    event,
)
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.sql.visitors import ExternallyTraversible

_Statement = TypeVar("_Statement", Select[Any], Update, Delete)
_SAID = "darkroom_team"
_ALL = "all"
_MOST_PASSED = 2_000
"""Kinds of statements that are remembered to be right: a walk through one takes longer than a short query."""


class TeamForgotten(RuntimeError):
    """A statement on rows that belong to teams says neither which team's nor that it means all."""


def of_team(statement: _Statement, team_id: str | ColumnElement[str], *tables: FromClause) -> _Statement:
    """Only the rows of one team; `tables` are all those in the statement that have a `team_id`, aliases too."""
    before = statement.get_execution_options().get(_SAID, frozenset())
    said = before if before == _ALL else before | frozenset(tables)
    return statement.where(*(table.c.team_id == team_id for table in tables)).execution_options(**{_SAID: said})


def across_teams(statement: _Statement) -> _Statement:
    """All teams' rows: for the scheduler, the sweeps and administrators."""
    return statement.execution_options(**{_SAID: _ALL})


def guard(engine: AsyncEngine) -> None:
    """Raise TeamForgotten for statements on tables that came through neither."""
    passed: set[Any] = set()

    @event.listens_for(engine.sync_engine, "before_execute")
    def _look(_connection: Connection, statement: Any, _many: Any, _one: Any, _options: Any) -> None:
        if isinstance(statement, Executable) and isinstance(statement, ClauseElement):
            likeness = _likeness(statement)
            if likeness in passed:
                return
            forgotten = sorted(set(_forgotten(statement, frozenset())))
            if forgotten:
                raise TeamForgotten(f"{', '.join(forgotten)}: name each to of_team, or use across_teams, of gateway.db")
            if likeness is not None and len(passed) < _MOST_PASSED:
                passed.add(likeness)


def _likeness(statement: Any) -> Any:
    """Equal for statements that differ in their values alone; None for one that has to be looked at each time.

    SQLAlchemy makes the key, to find what it has compiled, and keeps it with the statement.
    """
    key = statement._generate_cache_key()
    return None if key is None else (key.key, statement.get_execution_options().get(_SAID))


def _forgotten(element: ExternallyTraversible, named: frozenset[FromClause]) -> Iterator[str]:
    """The names of teams' tables within `element` that neither `named` has nor a statement in between names."""
    # An UPDATE or DELETE that reads another table shows it by its columns alone.
    table = element.table if isinstance(element, ColumnClause) else element
    if isinstance(table, Table) or (isinstance(table, Alias | TableSample) and isinstance(table.element, Table)):
        if "team_id" in table.c and table not in named:
            yield table.name
        return
    if isinstance(element, ColumnClause):
        return
    if isinstance(element, Executable):
        said = element.get_execution_options().get(_SAID, frozenset())
        if said == _ALL:
            return
        named |= said
    if isinstance(element, Subquery | CTE):
        named = frozenset()  # what stands in a FROM sees nothing of the statement around it
    for child in element.get_children():
        # The rows that an insert writes have their team; what it reads is looked at.
        if not isinstance(element, Insert) or isinstance(child, SelectBase | ScalarSelect):
            yield from _forgotten(child, named)
