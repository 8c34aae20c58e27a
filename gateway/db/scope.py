"""The one place that adds the team to a statement, so that no query can forget it.

A statement on a table that has a `team_id` must come through `of_team`, or say with `across_teams` that it means all of
them. `guard` refuses every other one before it reaches the database, in tests and in service alike.
"""

from __future__ import annotations

from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Delete, Insert, Select, SelectBase, Table, Update, event
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.sql.visitors import iterate

_Statement = TypeVar("_Statement", Select[Any], Update, Delete)
_SAID = "darkroom_team"


class TeamForgotten(RuntimeError):
    """A statement on rows that belong to teams says neither which team's nor that it means all."""


def of_team(statement: _Statement, team_id: str | ColumnElement[str], *tables: Table) -> _Statement:
    """Only the rows of one team; `tables` are all those in the statement that have a `team_id`."""
    return statement.where(*(table.c.team_id == team_id for table in tables)).execution_options(**{_SAID: "one"})


def across_teams(statement: _Statement) -> _Statement:
    """All teams' rows: for the scheduler, the sweeps and administrators."""
    return statement.execution_options(**{_SAID: "all"})


def guard(engine: AsyncEngine) -> None:
    """Raise TeamForgotten for statements that came through neither."""

    @event.listens_for(engine.sync_engine, "before_execute")
    def _look(_connection: Connection, statement: Any, _many: Any, _one: Any, options: Any) -> None:
        # An insert of given rows names their team; one from a select reads rows as well.
        copies = isinstance(statement, Insert) and statement.select is not None
        if (copies or isinstance(statement, (SelectBase, Update, Delete))) and _SAID not in options:
            forgotten = sorted(table.name for table in iterate(statement) if isinstance(table, Table) and "team_id" in table.c)
            if forgotten:
                raise TeamForgotten(f"{', '.join(forgotten)}: use of_team or across_teams of gateway.db")
