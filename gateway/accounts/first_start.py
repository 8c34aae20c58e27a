"""The administrator's first e-mail and password, set with the one-time token that the console shows."""

from __future__ import annotations

import secrets
from typing import Any

from msgspec import Struct
from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.accounts.administrators import find_administrator
from gateway.accounts.audit import record
from gateway.accounts.authentication import forget
from gateway.accounts.brake import Brake, at_first_start
from gateway.accounts.naming import checked_email, checked_name
from gateway.accounts.passwords import hash_password
from gateway.accounts.permissions import Principal
from gateway.accounts.sessions import Session, Sessions
from gateway.accounts.tables import first_starts, users
from gateway.accounts.tokens import LONGEST, digest
from gateway.db import Database, now, upsert
from gateway.errors import AlreadyExists, NotAuthenticated

BEGINNING = "first_"
HOURS = 24
"""How long the token opens; each start without an administrator's password shows another."""
_HOUR = 3_600_000_000
_VOID = "This token is void: it was used, has run out, or is of an earlier start; the console shows the newest one."


class FirstStart(Struct, frozen=True, kw_only=True):
    """What the administrator chooses."""

    token: str
    email: str
    password: str
    name: str | None = None
    """None: as it is."""


async def first_token(db: Database) -> str | None:
    """A token in place of any earlier one; None where the administrator has a password already."""
    token = BEGINNING + secrets.token_urlsafe(32)
    async with db.write() as connection:
        found = await find_administrator(connection)
        await connection.execute(delete(first_starts))
        if found is None or not await _has_none(connection, found.user_id):
            return None
        row = {"user_id": found.user_id, "digest": digest(token), "expires_at": now() + HOURS * _HOUR}
        await upsert(connection, first_starts, row)
    return token


async def settle(db: Database, sessions: Sessions, brake: Brake, asked: FirstStart, address: str) -> tuple[Session, str]:
    """Set that administrator's e-mail and password, sign them in, and make the token void.

    Raises NotAuthenticated for the token, InvalidInput naming the field, AlreadyExists for an e-mail that is taken,
    TooManyRequests for an address that guesses; the right token is never refused for that.
    """
    async with db.read() as connection:
        user_id = await _whose(connection, asked.token)
    if user_id is None:
        # Behind the look, which costs as little as that for a key: whoever has the token comes in, however many others
        # at the same address (a proxy's, say) do not.
        counts = at_first_start(address)
        brake.check(counts)
        brake.failed(counts)
        raise NotAuthenticated(_VOID)
    values: dict[str, Any] = {"email": checked_email(asked.email)}
    if asked.name is not None:
        values["name"] = checked_name(asked.name, "Your name")
    values["password"] = await hash_password(asked.password, names=(asked.name, values["email"]))
    try:
        async with db.write() as connection:
            used = await connection.execute(delete(first_starts).where(first_starts.c.digest == digest(asked.token)))
            if not used.rowcount:  # of two who come with it at once, one
                raise NotAuthenticated(_VOID)
            await connection.execute(update(users).where(users.c.id == user_id).values(**values))
            themselves = Principal("", user_id, None, frozenset(), address=address)
            await record(connection, themselves, "user.first_start", user_id, {**values, "password": "set"})
            session = await sessions.begin(connection, user_id)
    except IntegrityError:
        raise AlreadyExists("Another user has this e-mail address; give another.", field="email") from None
    forget(db)
    return session


async def _whose(connection: AsyncConnection, token: str) -> str | None:
    if len(token) > LONGEST:
        return None
    query = select(first_starts).where(first_starts.c.digest == digest(token), first_starts.c.expires_at > now())
    row = (await connection.execute(query)).one_or_none()
    return row.user_id if row is not None and await _has_none(connection, row.user_id) else None


async def _has_none(connection: AsyncConnection, user_id: str) -> bool:
    query = select(users.c.id).where(users.c.id == user_id, users.c.password.is_(None))
    return (await connection.execute(query)).one_or_none() is not None
