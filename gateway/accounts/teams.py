"""Teams: make, list, rename, close. A team is never deleted: its pictures, its jobs and its ledger name it."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, Struct, UnsetType
from sqlalchemy import ColumnElement, Row, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.accounts.administrators import changing
from gateway.accounts.audit import record
from gateway.accounts.authentication import forget
from gateway.accounts.naming import checked_name
from gateway.accounts.own_limits import NONE, Own, OwnChange, changed, note, read
from gateway.accounts.permissions import Principal
from gateway.accounts.tables import members, teams
from gateway.db import Database, across_teams, new_id, now
from gateway.errors import AlreadyExists, NotFound


class Team(Struct, frozen=True, kw_only=True):
    """Times are microseconds since the epoch."""

    id: str
    name: str
    created_at: int
    closed_at: int | None = None
    """Since then its keys open nothing; what it owns stays."""
    members: int = 0
    limits: Own = NONE
    """Its own, in place of those of [settings.limits]."""


_MEMBERS = across_teams(select(func.count()).where(members.c.team_id == teams.c.id)).scalar_subquery()
_TEAMS = across_teams(select(teams, _MEMBERS.label("members")))


async def create_team(db: Database, principal: Principal, name: str) -> Team:
    """Raises Forbidden for all but administrators, InvalidInput, and AlreadyExists for a name that is taken."""
    principal.require("admin")
    team = Team(id=new_id(), name=checked_name(name, "A team's name"), created_at=now())
    row = {"id": team.id, "name": team.name, "created_at": team.created_at}
    try:
        async with db.write() as connection:
            await connection.execute(insert(teams), [row])
            await record(connection, principal, "team.create", team.id, {"name": team.name})
    except IntegrityError:
        raise _taken(team.name) from None
    return team


async def list_teams(
    db: Database, principal: Principal, *, name: str | None = None, limit: int = 100, before: str | None = None
) -> list[Team]:
    """Newest first, those before the id `before`; closed ones too. Raises Forbidden for all but administrators."""
    principal.require("admin")
    query = _TEAMS.order_by(teams.c.id.desc()).limit(limit)
    if name is not None:
        query = query.where(teams.c.name == name)
    if before is not None:
        query = query.where(teams.c.id < before)
    async with db.read() as connection:
        return [_from_row(row) for row in await connection.execute(query)]


async def get_team(db: Database, principal: Principal, team_id: str) -> Team:
    """One's own, or for an administrator any. Raises NotFound."""
    if not principal.is_admin and team_id != principal.team_id:
        raise NotFound(f"There is no team {team_id}.")
    async with db.read() as connection:
        return await _one(connection, teams.c.id == team_id, team_id)


async def change_team(
    db: Database,
    principal: Principal,
    team_id: str,
    *,
    name: str | UnsetType = UNSET,
    closed: bool | UnsetType = UNSET,
    limits: OwnChange | UnsetType | None = UNSET,
) -> Team:
    """What is UNSET stays; `limits` of None takes all of the team's own away. Closing and opening again are done at once
    and change nothing else.

    A new name counts for the `teams` of models.toml too, where they are named and not given by id. Raises Forbidden
    for all but administrators, NotFound, InvalidInput, AlreadyExists, WrongState (see `administrators.changing`).
    """
    principal.require("admin")
    values: dict[str, Any] = {} if name is UNSET else {"name": checked_name(name, "A team's name")}
    try:
        async with changing(db) as connection:
            team = await _one(connection, teams.c.id == team_id, team_id)
            if closed is not UNSET and closed != (team.closed_at is not None):
                values["closed_at"] = now() if closed else None
            if limits is not UNSET:
                values["limits"] = changed(team.limits, limits)
            if values:
                await connection.execute(update(teams).where(teams.c.id == team_id).values(**values))
                await record(connection, principal, "team.update", team_id, values)
            team = await _one(connection, teams.c.id == team_id, team_id)
    except IntegrityError:
        raise _taken(values.get("name", "")) from None
    note(db, "team", team_id, team.limits)
    forget(db)
    return team


async def _one(connection: AsyncConnection, condition: ColumnElement[bool], named: str) -> Team:
    row = (await connection.execute(_TEAMS.where(condition))).one_or_none()
    if row is None:
        raise NotFound(f"There is no team {named}.")
    return _from_row(row)


def _from_row(row: Row[Any]) -> Team:
    plain = {field: getattr(row, field) for field in Team.__struct_fields__ if field != "limits"}
    return Team(**plain, limits=read(row.limits))


def _taken(name: str) -> AlreadyExists:
    return AlreadyExists(f'There is a team "{name}" already, open or closed; take another name.', field="name")
