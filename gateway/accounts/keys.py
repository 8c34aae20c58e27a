"""Keys as values: make, list, revoke. The text of a key is shown once, when it is made."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Literal

import msgspec
from msgspec import Struct
from sqlalchemy import Row, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.accounts.authentication import forget
from gateway.accounts.permissions import OF_ROLE, PERMISSIONS, Permission, Principal
from gateway.accounts.tables import keys, members, teams, users
from gateway.accounts.tokens import digest, new_token, prefix
from gateway.db import Database, new_id, now
from gateway.errors import InvalidInput, NotFound
from gateway.nearest import did_you_mean, listed

Origin = Literal["made", "preset", "command"]
LONGEST_NAME = 200


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
    """A new key and its text, for the principal itself or for any member of any team.

    Raises Forbidden for all but administrators, InvalidInput naming the field. `expires_at` is in microseconds since
    the epoch.
    """
    principal.require("admin")
    name = name.strip()
    if not 1 <= len(name) <= LONGEST_NAME:
        raise InvalidInput(f"A key's name has 1 to {LONGEST_NAME} characters.", field="name")
    wanted = _known(permissions)
    if expires_at is not None and expires_at <= now():
        raise InvalidInput("This moment has passed; give one to come, or none.", field="expires_at")
    text = new_token()
    async with db.write() as connection:
        team, user = team_id or principal.team_id, user_id or principal.user_id
        await _allow(connection, team, user, wanted)
        key = await insert_key(connection, team, user, name, wanted, text, bulk=bulk, expires_at=expires_at)
    return key, text


async def list_keys(
    db: Database, principal: Principal, *, team_id: str | None = None, limit: int = 100, before: str | None = None
) -> list[Key]:
    """Newest first, those before the id `before`; all of them for an administrator, else the principal's own.

    `team_id` narrows. Revoked and expired keys stay in the list, so that a trail remains.
    """
    query = select(keys).order_by(keys.c.id.desc()).limit(limit)
    if not principal.is_admin:
        query = query.where(keys.c.user_id == principal.user_id, keys.c.team_id == principal.team_id)
    if team_id is not None:
        query = query.where(keys.c.team_id == team_id)
    if before is not None:
        query = query.where(keys.c.id < before)
    async with db.read() as connection:
        return [from_row(row) for row in await connection.execute(query)]


async def revoke_key(db: Database, principal: Principal, key_id: str) -> Key:
    """The key opens nothing from now on; revoking it again changes nothing.

    An administrator revokes any key, everyone else their own. Raises NotFound.
    """
    async with db.write() as connection:
        row = (await connection.execute(select(keys).where(keys.c.id == key_id))).one_or_none()
        if row is None or not (principal.is_admin or row.user_id == principal.user_id):
            raise NotFound(f"There is no key {key_id}; `darkroom keys` lists those that are.")
        if row.revoked_at is None:
            await connection.execute(update(keys).where(keys.c.id == key_id).values(revoked_at=now()))
            row = (await connection.execute(select(keys).where(keys.c.id == key_id))).one()
    forget(db)
    return from_row(row)


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
    )
    row = {**msgspec.structs.asdict(key), "digest": digest(text), "permissions": encode(key.permissions)}
    await connection.execute(insert(keys), [row])
    return key


def encode(permissions: Collection[Permission]) -> str:
    """How permissions stand in the database."""
    return msgspec.json.encode(_ordered(permissions)).decode()


def from_row(row: Row[Any]) -> Key:
    values = dict(row._mapping)
    del values["digest"]
    return Key(**{**values, "permissions": msgspec.json.decode(row.permissions, type=tuple[Permission, ...])})


def _ordered(permissions: Collection[Permission]) -> tuple[Permission, ...]:
    return tuple(permission for permission in PERMISSIONS if permission in permissions)


def _known(permissions: Collection[str]) -> frozenset[Permission]:
    if not permissions:
        raise InvalidInput(f"Name at least one of {listed(PERMISSIONS)}.", field="permissions")
    for name in permissions:
        if name not in PERMISSIONS:
            hint = did_you_mean(name, PERMISSIONS) or f"; there are {listed(PERMISSIONS)}."
            raise InvalidInput(f"There is no permission {name!r}{hint}", field="permissions")
    return frozenset(permission for permission in PERMISSIONS if permission in permissions)


async def _allow(connection: AsyncConnection, team_id: str, user_id: str, wanted: frozenset[Permission]) -> None:
    """Raises InvalidInput unless this user can carry these permissions in this team."""
    if (await connection.execute(select(teams.c.id).where(teams.c.id == team_id))).one_or_none() is None:
        raise InvalidInput(f"There is no team {team_id}.", field="team_id")
    user = (await connection.execute(select(users).where(users.c.id == user_id))).one_or_none()
    if user is None:
        raise InvalidInput(f"There is no user {user_id}.", field="user_id")
    if user.is_admin:
        return
    if "admin" in wanted:
        raise InvalidInput(f"Only an administrator's key can carry admin, and {user.name} is none.", field="permissions")
    role = (
        await connection.execute(select(members.c.role).where(members.c.team_id == team_id, members.c.user_id == user_id))
    ).scalar_one_or_none()
    if role is None:
        raise InvalidInput(f"{user.name} is not a member of this team; make them one first.", field="user_id")
    if excess := wanted - OF_ROLE[role]:
        raise InvalidInput(f"A {role} cannot carry {', '.join(_ordered(excess))}; change the role first.", field="permissions")
