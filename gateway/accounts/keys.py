"""Keys as values: make and list. The text of a key is shown once, when it is made."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Literal

import msgspec
from msgspec import Struct
from sqlalchemy import Row, Select, false, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.accounts.audit import record
from gateway.accounts.naming import checked_name
from gateway.accounts.own_limits import NONE, Own, encoded, read
from gateway.accounts.permissions import OF_ROLE, PERMISSIONS, Permission, Principal, Role
from gateway.accounts.tables import keys, members, teams, users
from gateway.accounts.tokens import digest, new_token, prefix
from gateway.db import Database, across_teams, new_id, now, of_team
from gateway.errors import InvalidInput, NotFound
from gateway.nearest import did_you_mean, listed

Origin = Literal["made", "preset", "command"]


class Key(Struct, frozen=True, kw_only=True):
    """A key as everyone may see it; times are microseconds since the epoch."""

    id: str
    team_id: str
    user_id: str
    name: str
    origin: Origin
    prefix: str
    permissions: tuple[Permission, ...]
    bulk: bool
    created_at: int
    expires_at: int | None
    last_used_at: int | None
    revoked_at: int | None
    limits: Own = NONE
    """Its own, in place of those of [settings.limits]."""


async def create_key(
    db: Database,
    principal: Principal,
    name: str,
    permissions: Collection[str],
    *,
    team_id: str | None = None,
    user_id: str | None = None,
    bulk: bool = False,
    expires_at: int | None = None,
) -> tuple[Key, str]:
    """A new key and its text: an administrator makes it for any member of any team, an owner for those of their own.

    Raises Forbidden for everyone else, InvalidInput naming the field: nobody gives what their own key does not carry, and
    no key carries more than its user may. `expires_at` is in microseconds since the epoch.
    """
    principal.require_owner()
    name = checked_name(name, "A key's name")
    wanted = known(permissions)
    refuse_past(expires_at)
    refuse_longer(principal, expires_at)
    team, user = team_id or principal.team_id, user_id or principal.user_id
    text = new_token()
    async with db.write() as connection:
        await allow(connection, principal, team, user, wanted)
        key = await insert_key(connection, team, user, name, wanted, text, bulk=bulk, expires_at=expires_at)
        await record(connection, principal, "key.create", key.id, shown(key))
    return key, text


async def list_keys(
    db: Database,
    principal: Principal,
    *,
    team_id: str | None = None,
    user_id: str | None = None,
    limit: int = 100,
    before: str | None = None,
) -> list[Key]:
    """Newest first, those before the id `before`; of all teams for an administrator, else of the principal's own team:
    all for its owner, and for everyone else their own.

    `team_id` and `user_id` narrow. Revoked and expired keys stay in the list, so that a trail remains.
    """
    query = within_reach(select(keys), principal, team_id).order_by(keys.c.id.desc()).limit(limit)
    if user_id is not None:
        query = query.where(keys.c.user_id == user_id)
    if before is not None:
        query = query.where(keys.c.id < before)
    async with db.read() as connection:
        return [from_row(row) for row in await connection.execute(query)]


async def get_key(db: Database, principal: Principal, key_id: str, *, team_id: str | None = None) -> Key:
    """Raises NotFound for one that `list_keys` would not show."""
    async with db.read() as connection:
        return await one_key(connection, principal, key_id, team_id)


async def insert_key(
    connection: AsyncConnection,
    team_id: str,
    user_id: str,
    name: str,
    permissions: Collection[Permission],
    text: str,
    *,
    origin: Origin = "made",
    bulk: bool = False,
    expires_at: int | None = None,
    limits: Own = NONE,
) -> Key:
    """One row for the key `text`, in the caller's transaction; checks nothing."""
    key = Key(
        id=new_id(),
        team_id=team_id,
        user_id=user_id,
        name=name,
        origin=origin,
        prefix=prefix(text),
        permissions=_ordered(permissions),
        bulk=bulk,
        created_at=now(),
        expires_at=expires_at,
        last_used_at=None,
        revoked_at=None,
        limits=limits,
    )
    row = {**msgspec.structs.asdict(key), "digest": digest(text), "permissions": encode(key.permissions)}
    await connection.execute(insert(keys), [{**row, "limits": encoded(limits)}])
    return key


def encode(permissions: Collection[Permission]) -> str:
    """How permissions stand in the database."""
    return msgspec.json.encode(_ordered(permissions)).decode()


def from_row(row: Row[Any]) -> Key:
    values = dict(row._mapping)
    del values["digest"]
    values["permissions"] = msgspec.json.decode(row.permissions, type=tuple[Permission, ...])
    return Key(**{**values, "limits": read(row.limits)})


def _ordered(permissions: Collection[Permission]) -> tuple[Permission, ...]:
    return tuple(permission for permission in PERMISSIONS if permission in permissions)


def known(permissions: Collection[str]) -> frozenset[Permission]:
    """Raises InvalidInput for none at all, and for a name that is none."""
    if not permissions:
        raise InvalidInput(f"Name at least one of {listed(PERMISSIONS)}.", field="permissions")
    for name in permissions:
        if name not in PERMISSIONS:
            hint = did_you_mean(name, PERMISSIONS) or f"; there are {listed(PERMISSIONS)}."
            raise InvalidInput(f"There is no permission {name!r}{hint}", field="permissions")
    return frozenset(permission for permission in PERMISSIONS if permission in permissions)


def refuse_longer(principal: Principal, expires_at: int | None) -> None:
    """A key that was lent for a day must not make itself, or another, last for ever."""
    if principal.expires_at is not None and (expires_at is None or expires_at > principal.expires_at):
        raise InvalidInput(
            "This would outlast the key that asks; give an end that is not later than its own.", field="expires_at"
        )


def refuse_past(expires_at: int | None) -> None:
    if expires_at is not None and expires_at <= now():
        raise InvalidInput("This moment has passed; give one to come, or none.", field="expires_at")


def within_reach(statement: Select[Any], principal: Principal, team_id: str | None) -> Select[Any]:
    """Of `keys`, those that the principal sees; `team_id` narrows."""
    if principal.is_admin:
        return across_teams(statement) if team_id is None else of_team(statement, team_id, keys)
    if team_id not in (None, principal.team_id):
        statement = statement.where(false())
    statement = of_team(statement, principal.team_id, keys)
    return statement if principal.is_owner else statement.where(keys.c.user_id == principal.user_id)


async def one_key(connection: AsyncConnection, principal: Principal, key_id: str, team_id: str | None) -> Key:
    """Raises NotFound."""
    query = within_reach(select(keys), principal, team_id).where(keys.c.id == key_id)
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise NotFound(f"There is no key {key_id}; `darkroom keys` lists those that are.")
    return from_row(row)


def shown(key: Key) -> dict[str, Any]:
    """For the audit log."""
    names = ("name", "team_id", "user_id", "permissions", "bulk", "expires_at")
    own = encoded(key.limits)
    return {name: getattr(key, name) for name in names} | ({"limits": own} if own else {})


async def allow(
    connection: AsyncConnection, principal: Principal, team_id: str, user_id: str, wanted: frozenset[Permission]
) -> None:
    """Raises InvalidInput unless the principal can give these permissions, and this user can carry them in this team."""
    team = (await connection.execute(select(teams).where(teams.c.id == team_id))).one_or_none()
    if team is None or not (principal.is_admin or team_id == principal.team_id):
        raise InvalidInput(f"There is no team {team_id}.", field="team_id")
    user, role = await _user_and_role(connection, team_id, user_id)
    if user is None or not (principal.is_admin or role or user_id == principal.user_id):
        raise InvalidInput(f"There is no user {user_id}.", field="user_id")
    for field, row in (("team_id", team), ("user_id", user)):
        if row.closed_at is not None:
            raise InvalidInput(f"{row.name} is closed; open it first.", field=field)
    if excess := wanted - principal.permissions:
        raise InvalidInput(f"Your own key does not carry {', '.join(_ordered(excess))}.", field="permissions")
    if user.is_admin:
        return
    if "admin" in wanted:
        raise InvalidInput(f"Only an administrator's key can carry admin, and {user.name} is none.", field="permissions")
    if role is None:
        raise InvalidInput(f"{user.name} is not a member of this team; make them one first.", field="user_id")
    if excess := wanted - OF_ROLE[role]:
        raise InvalidInput(f"A {role} cannot carry {', '.join(_ordered(excess))}; change the role first.", field="permissions")


async def _user_and_role(connection: AsyncConnection, team_id: str, user_id: str) -> tuple[Row[Any] | None, Role | None]:
    query = of_team(select(members.c.role).where(members.c.user_id == user_id), team_id, members)
    role = (await connection.execute(query)).scalar_one_or_none()
    return (await connection.execute(select(users).where(users.c.id == user_id))).one_or_none(), role
