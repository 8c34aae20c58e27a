"""Keys that are there already: change, rotate, revoke."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.accounts import options
from gateway.accounts.audit import record
from gateway.accounts.authentication import forget
from gateway.accounts.keys import Key, allow, encode, insert_key, known, one_key, refuse_longer, refuse_past, shown
from gateway.accounts.naming import checked_name
from gateway.accounts.own_limits import OwnChange, changed, note, read
from gateway.accounts.permissions import Principal
from gateway.accounts.tables import keys
from gateway.accounts.tokens import new_token
from gateway.db import Database, now, of_team
from gateway.errors import Forbidden, WrongState

SECOND = 1_000_000


async def change_key(
    db: Database,
    principal: Principal,
    key_id: str,
    *,
    team_id: str | None = None,
    name: str | UnsetType = UNSET,
    permissions: Collection[str] | UnsetType = UNSET,
    bulk: bool | UnsetType = UNSET,
    expires_at: int | UnsetType | None = UNSET,
    limits: OwnChange | UnsetType | None = UNSET,
) -> Key:
    """What is UNSET stays; its text stays too. Administrators change any key, owners those of their team.

    `limits` are for administrators; None takes all of the key's own away.

    `team_id` narrows to one team's keys. Raises NotFound, Forbidden for a key that carries more than one's own,
    InvalidInput naming the field, WrongState for a key that is revoked or that the gateway keeps for itself.
    """
    principal.require_owner()
    values: dict[str, Any] = {} if bulk is UNSET else {"bulk": bulk}
    if name is not UNSET:
        values["name"] = checked_name(name, "A key's name")
    if expires_at is not UNSET:
        refuse_past(expires_at)
        refuse_longer(principal, expires_at)
        values["expires_at"] = expires_at
    if limits is not UNSET:
        principal.require("admin")
    async with db.write() as connection:
        key = await one_key(connection, principal, key_id, team_id)
        _refuse_stronger(principal, key)
        _refuse_unfit(key)
        if limits is not UNSET:
            values["limits"] = changed(key.limits, limits)
        if permissions is not UNSET:
            wanted = known(permissions)
            await allow(connection, principal, key.team_id, key.user_id, wanted)
            values["permissions"] = encode(wanted)
        if values:
            key = await _write(connection, key, values)
            await record(connection, principal, "key.update", key_id, shown(key))
    note(db, "key", key_id, key.limits)
    forget(db)
    return key


async def rotate_key(
    db: Database, principal: Principal, key_id: str, *, team_id: str | None = None, overlap_seconds: int = 0
) -> tuple[Key, str]:
    """A new key and its text, in all else as the old one, which opens nothing from now on, or for `overlap_seconds` more.

    Administrators rotate any key, owners those of their team, everyone else their own. Raises as `change_key` does.
    """
    text, moment = new_token(), now()
    async with db.write() as connection:
        old = await one_key(connection, principal, key_id, team_id)
        _refuse_stronger(principal, old)
        refuse_longer(principal, old.expires_at)
        _refuse_unfit(old)
        made = await insert_key(
            connection,
            old.team_id,
            old.user_id,
            old.name,
            old.permissions,
            text,
            bulk=old.bulk,
            expires_at=old.expires_at,
            limits=old.limits,
        )
        end = moment + overlap_seconds * SECOND
        if overlap_seconds:
            await _write(connection, old, {"expires_at": min(end, old.expires_at or end)})
        else:
            await _write(connection, old, {"revoked_at": moment})
        await options.hand_on(connection, old.team_id, old.id, made.id)
        await record(connection, principal, "key.rotate", old.id, {"new": made.id, "overlap_seconds": overlap_seconds})
    note(db, "key", made.id, made.limits)
    forget(db)
    return made, text


async def revoke_key(db: Database, principal: Principal, key_id: str, *, team_id: str | None = None) -> Key:
    """The key opens nothing from now on; revoking it again changes nothing.

    Administrators revoke any key, owners those of their team that carry no more than their own, everyone else theirs.
    `team_id` narrows to one team's keys. Raises NotFound, Forbidden.
    """
    async with db.write() as connection:
        key = await one_key(connection, principal, key_id, team_id)
        if key.user_id != principal.user_id:
            _refuse_stronger(principal, key)
        if key.revoked_at is None:
            key = await _write(connection, key, {"revoked_at": now()})
            await record(connection, principal, "key.revoke", key_id, shown(key))
    forget(db)
    return key


def _refuse_stronger(principal: Principal, key: Key) -> None:
    """Who could change or rotate a key that opens more than theirs would come by more than was given to them."""
    if principal.is_admin or key.id == principal.key_id or principal.permissions.issuperset(key.permissions):
        return
    raise Forbidden("This key carries more than the one that you come with; ask an administrator.")


def _refuse_unfit(key: Key) -> None:
    if key.revoked_at is not None:
        raise WrongState("This key is revoked; make a new one.")
    if key.expires_at is not None and key.expires_at <= now():
        raise WrongState("This key has expired; make a new one.")
    if key.origin == "preset":
        raise WrongState("This key comes from DARKROOM_ADMIN_KEY in the environment; change it there and start again.")
    if key.origin == "command":
        raise WrongState("This key is the `darkroom` command's own; each start of the gateway makes another.")


async def _write(connection: AsyncConnection, key: Key, values: dict[str, Any]) -> Key:
    await connection.execute(of_team(update(keys).where(keys.c.id == key.id), key.team_id, keys).values(**values))
    if "permissions" in values:
        values = {**values, "permissions": tuple(msgspec.json.decode(values["permissions"]))}
    if "limits" in values:
        values = {**values, "limits": read(values["limits"])}
    return msgspec.structs.replace(key, **values)
