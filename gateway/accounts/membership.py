"""Which user is in which team, and as what."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from sqlalchemy import Row, Select, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.accounts.administrators import changing
from gateway.accounts.audit import record
from gateway.accounts.authentication import forget
from gateway.accounts.permissions import Principal, Role
from gateway.accounts.tables import keys, members, teams, users
from gateway.db import Database, now, of_team
from gateway.errors import AlreadyExists, Forbidden, InvalidInput, NotFound, WrongState


class Member(Struct, frozen=True, kw_only=True):
    """A user within a team; times are microseconds since the epoch."""

    id: str
    """The user's."""
    name: str
    email: str | None
    role: Role
    created_at: int
    """Since when they are in the team."""
    closed_at: int | None
    """The user's."""


async def list_members(
    db: Database, principal: Principal, team_id: str, *, limit: int = 100, before: str | None = None
) -> list[Member]:
    """The newest users first, those before the id `before`; of one's own team, or for an administrator of any.

    Raises NotFound for a team that is not there or another's.
    """
    query = _members(team_id).order_by(members.c.user_id.desc()).limit(limit)
    if before is not None:
        query = query.where(members.c.user_id < before)
    async with db.read() as connection:
        await _see(connection, principal, team_id)
        return [_from_row(row) for row in await connection.execute(query)]


async def get_member(db: Database, principal: Principal, team_id: str, user_id: str) -> Member:
    """Raises NotFound."""
    async with db.read() as connection:
        await _see(connection, principal, team_id)
        return await _one(connection, team_id, user_id)


async def add_member(
    db: Database, principal: Principal, team_id: str, role: Role, *, user_id: str | None = None, email: str | None = None
) -> Member:
    """Let a user, known by their id or e-mail, into the team; its owners do this, and administrators.

    Raises Forbidden, NotFound for a team that is not there or another's, InvalidInput naming the field, AlreadyExists.
    """
    async with changing(db) as connection:
        await _manage(connection, principal, team_id)
        user = await _user(connection, user_id, email)
        await _spare_administrators(connection, principal, user.id)
        query = of_team(select(members.c.role).where(members.c.user_id == user.id), team_id, members)
        if (await connection.execute(query)).one_or_none() is not None:
            raise AlreadyExists(f"{user.name} is a member of this team already; change their role instead.")
        row = {"team_id": team_id, "user_id": user.id, "role": role, "created_at": now()}
        await connection.execute(insert(members), [row])
        await record(connection, principal, "member.add", user.id, {"team_id": team_id, "role": role})
        member = await _one(connection, team_id, user.id)
    forget(db)
    return member


async def change_member(db: Database, principal: Principal, team_id: str, user_id: str, role: Role) -> Member:
    """Another role from now on; keys that carry more than it allows carry only that.

    Raises Forbidden, NotFound, WrongState for the last owner, whom only an administrator makes something else.
    """
    async with changing(db) as connection:
        await _manage(connection, principal, team_id)
        member = await _one(connection, team_id, user_id)
        await _spare_administrators(connection, principal, user_id)
        if role != member.role:
            await _keep_an_owner(connection, principal, team_id, member)
            await connection.execute(_of(update(members), team_id, user_id).values(role=role))
            await record(connection, principal, "member.update", user_id, {"team_id": team_id, "role": role})
            member = await _one(connection, team_id, user_id)
    forget(db)
    return member


async def remove_member(db: Database, principal: Principal, team_id: str, user_id: str) -> None:
    """Out of the team, with their keys in it revoked; their sessions go on in another one. What they made stays the team's.

    Raises Forbidden, NotFound, WrongState for the last owner, and for the last administrator (`administrators.changing`).
    """
    async with changing(db) as connection:
        await _manage(connection, principal, team_id)
        member = await _one(connection, team_id, user_id)
        await _spare_administrators(connection, principal, user_id)
        await _keep_an_owner(connection, principal, team_id, member)
        await connection.execute(_of(delete(members), team_id, user_id))
        theirs = of_team(update(keys).where(keys.c.user_id == user_id), team_id, keys)
        await connection.execute(theirs.where(keys.c.revoked_at.is_(None), keys.c.origin == "made").values(revoked_at=now()))
        await record(connection, principal, "member.remove", user_id, {"team_id": team_id})
    forget(db)


async def _spare_administrators(connection: AsyncConnection, principal: Principal, user_id: str) -> None:
    """A team's owner could else revoke the keys of the box's administrator, and choose the team in which they act."""
    query = select(users.c.is_admin).where(users.c.id == user_id)
    if not principal.is_admin and (await connection.execute(query)).scalar_one_or_none():
        raise Forbidden("Only an administrator changes the memberships of an administrator.")


def _members(team_id: str) -> Select[Any]:
    query = select(members, users.c.name, users.c.email, users.c.closed_at).join(users, users.c.id == members.c.user_id)
    return of_team(query, team_id, members)


def _of(statement: Any, team_id: str, user_id: str) -> Any:
    return of_team(statement.where(members.c.user_id == user_id), team_id, members)


async def _see(connection: AsyncConnection, principal: Principal, team_id: str) -> None:
    there = (await connection.execute(select(teams.c.id).where(teams.c.id == team_id))).one_or_none()
    if there is None or not (principal.is_admin or team_id == principal.team_id):
        raise NotFound(f"There is no team {team_id}.")


async def _manage(connection: AsyncConnection, principal: Principal, team_id: str) -> None:
    await _see(connection, principal, team_id)
    principal.require_owner()


async def _keep_an_owner(connection: AsyncConnection, principal: Principal, team_id: str, member: Member) -> None:
    """Owners do not leave their team without one; an administrator may, and can make another."""
    if principal.is_admin or member.role != "owner":
        return
    count = of_team(select(func.count()).select_from(members).where(members.c.role == "owner"), team_id, members)
    if (await connection.execute(count)).scalar_one() < 2:
        raise WrongState("This is the team's last owner; make somebody else an owner first.")


async def _user(connection: AsyncConnection, user_id: str | None, email: str | None) -> Row[Any]:
    if (user_id is None) == (email is None):
        raise InvalidInput("Say who it is by user_id or by email, one of the two.", field="user_id")
    field = "email" if user_id is None else "user_id"
    named = users.c.id == user_id if email is None else users.c.email == email.strip().lower()
    user = (await connection.execute(select(users).where(named))).one_or_none()
    if user is None:
        raise InvalidInput("There is no such user; an administrator makes users.", field=field)
    if user.closed_at is not None:
        raise InvalidInput(f"{user.name} is closed; an administrator can open them again.", field=field)
    return user


async def _one(connection: AsyncConnection, team_id: str, user_id: str) -> Member:
    row = (await connection.execute(_members(team_id).where(members.c.user_id == user_id))).one_or_none()
    if row is None:
        raise NotFound(f"The team has no member {user_id}.")
    return _from_row(row)


def _from_row(row: Row[Any]) -> Member:
    return Member(
        id=row.user_id, name=row.name, email=row.email, role=row.role, created_at=row.created_at, closed_at=row.closed_at
    )
