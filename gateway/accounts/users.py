"""Users: make, list, change, close. A user is never deleted: jobs, keys and the audit log name them."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, Struct, UnsetType
from sqlalchemy import Row, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.accounts.administrators import changing
from gateway.accounts.audit import record
from gateway.accounts.authentication import forget
from gateway.accounts.naming import checked_email, checked_name
from gateway.accounts.own_limits import NONE, Own, OwnChange, changed, note, read
from gateway.accounts.passwords import hash_password
from gateway.accounts.permissions import Principal
from gateway.accounts.sessions import end_all
from gateway.accounts.tables import users
from gateway.db import Database, new_id, now
from gateway.errors import AlreadyExists, NotFound


class User(Struct, frozen=True, kw_only=True):
    """Times are microseconds since the epoch."""

    id: str
    name: str
    email: str | None
    is_admin: bool
    has_password: bool
    """Whether they can sign in; keys need none."""
    created_at: int
    closed_at: int | None = None
    """Since then their keys and sessions open nothing."""
    limits: Own = NONE
    """Their own, in place of those of [settings.limits]."""


async def create_user(
    db: Database,
    principal: Principal,
    *,
    name: str,
    email: str | None = None,
    password: str | None = None,
    is_admin: bool = False,
) -> User:
    """One without an e-mail address and a password only has keys.

    Raises Forbidden for all but administrators, InvalidInput naming the field, AlreadyExists for an e-mail that is taken.
    """
    principal.require("admin")
    name, email = checked_name(name, "A user's name"), None if email is None else checked_email(email)
    kept = None if password is None else await hash_password(password, names=(name, email))
    user_id, plain = new_id(), {"name": name, "email": email, "is_admin": is_admin}
    try:
        async with db.write() as connection:
            await connection.execute(insert(users), [{**plain, "id": user_id, "password": kept, "created_at": now()}])
            shown = {**plain, "password": "set" if kept else None}
            await record(connection, principal, "user.create", user_id, shown)
            return await _one(connection, user_id)
    except IntegrityError:
        raise _taken(email) from None


async def list_users(
    db: Database, principal: Principal, *, email: str | None = None, limit: int = 100, before: str | None = None
) -> list[User]:
    """Newest first, those before the id `before`; closed ones too. Raises Forbidden for all but administrators."""
    principal.require("admin")
    query = select(users).order_by(users.c.id.desc()).limit(limit)
    if email is not None:
        query = query.where(users.c.email == email.strip().lower())
    if before is not None:
        query = query.where(users.c.id < before)
    async with db.read() as connection:
        return [_from_row(row) for row in await connection.execute(query)]


async def get_user(db: Database, principal: Principal, user_id: str) -> User:
    """Raises Forbidden for all but administrators, NotFound."""
    principal.require("admin")
    async with db.read() as connection:
        return await _one(connection, user_id)


async def change_user(
    db: Database,
    principal: Principal,
    user_id: str,
    *,
    name: str | UnsetType = UNSET,
    email: str | UnsetType | None = UNSET,
    password: str | UnsetType | None = UNSET,
    is_admin: bool | UnsetType = UNSET,
    closed: bool | UnsetType = UNSET,
    limits: OwnChange | UnsetType | None = UNSET,
) -> User:
    """What is UNSET stays; an e-mail or a password of None is taken away, and so are limits.

    A new password, and closing, end the user's sessions. Raises Forbidden for all but administrators, NotFound,
    InvalidInput naming the field, AlreadyExists, WrongState (see `administrators.changing`).
    """
    user = await get_user(db, principal, user_id)
    values: dict[str, Any] = {}
    if name is not UNSET:
        values["name"] = checked_name(name, "A user's name")
    if email is not UNSET:
        values["email"] = None if email is None else checked_email(email)
    if is_admin is not UNSET:
        values["is_admin"] = is_admin
    if closed is not UNSET and closed != (user.closed_at is not None):
        values["closed_at"] = now() if closed else None
    if limits is not UNSET:
        values["limits"] = changed(user.limits, limits)
    shown = dict(values)
    if password is not UNSET:
        shown["password"] = None if password is None else "set"
        names = (values.get("name", user.name), values.get("email", user.email))
        values["password"] = None if password is None else await hash_password(password, names=names)
    if not values:
        return user
    try:
        after = await _write(db, principal, user_id, values, shown)
    except IntegrityError:
        raise _taken(values.get("email")) from None
    note(db, "user", user_id, after.limits)
    forget(db)
    return after


async def _write(db: Database, principal: Principal, user_id: str, values: dict[str, Any], shown: dict[str, Any]) -> User:
    async with changing(db) as connection:
        await connection.execute(update(users).where(users.c.id == user_id).values(**values))
        if "password" in values or values.get("closed_at"):
            await end_all(connection, user_id)
        await record(connection, principal, "user.update", user_id, shown)
        return await _one(connection, user_id)


async def _one(connection: AsyncConnection, user_id: str) -> User:
    row = (await connection.execute(select(users).where(users.c.id == user_id))).one_or_none()
    if row is None:
        raise NotFound(f"There is no user {user_id}.")
    return _from_row(row)


def _from_row(row: Row[Any]) -> User:
    plain = {field: getattr(row, field) for field in User.__struct_fields__ if field not in ("has_password", "limits")}
    return User(**plain, has_password=row.password is not None, limits=read(row.limits))


def _taken(email: str | None) -> AlreadyExists:
    return AlreadyExists(f"The e-mail address {email} is another user's already, open or closed.", field="email")
