"""Signing in with e-mail and password, and changing one's own."""

from __future__ import annotations

import asyncio

from msgspec import Struct
from sqlalchemy import select, update

from gateway.accounts import passwords
from gateway.accounts.authentication import forget
from gateway.accounts.brake import Brake
from gateway.accounts.first_start import FirstStart, settle
from gateway.accounts.naming import checked_name
from gateway.accounts.permissions import Principal
from gateway.accounts.sessions import Session, Sessions, end_all
from gateway.accounts.tables import users
from gateway.db import Database
from gateway.errors import Forbidden, InvalidInput, NotAuthenticated, TooManyRequests

CROWD = 50
"""Attempts that wait for their turn; a turn takes some tens of milliseconds, so the last one waits a few seconds."""


class Change(Struct, frozen=True, kw_only=True):
    """What a user wants otherwise; None: as it is."""

    name: str | None = None
    password: str | None = None
    current_password: str | None = None


class SignIn:
    """Where passwords are asked for; every wrong one is counted."""

    def __init__(self, db: Database, sessions: Sessions) -> None:
        self._db = db
        self._sessions = sessions
        self._brake = Brake()
        # The brake is looked at within a turn, so that a thousand attempts at once are counted one by one all the same.
        self._turns = asyncio.Semaphore(passwords.AT_ONCE)
        self._waiting = 0

    async def by_password(self, email: str, password: str, address: str) -> tuple[Session, str]:
        """A session and its cookie; `address` is where the attempt comes from.

        Raises NotAuthenticated, which does not tell whether the e-mail is known; TooManyRequests.
        """
        user_id = await self._proved(email.strip().lower(), password, address)
        async with self._db.write() as connection:
            return await self._sessions.begin(connection, user_id)

    async def by_first_token(self, asked: FirstStart, address: str) -> tuple[Session, str]:
        """A session of the administrator, whose e-mail and password are what `asked` says from now on: see `settle`."""
        return await settle(self._db, self._sessions, self._brake, asked, address)

    async def change(self, principal: Principal, change: Change, address: str) -> None:
        """Change one's own name or password; all other sessions of the user end with the old password.

        Raises Forbidden for one who asks by a key, InvalidInput naming the field, TooManyRequests.
        """
        if principal.session_id is None:
            # A key may carry less than its user; it must not become a way to sign in as them.
            raise Forbidden("A key cannot change its user; sign in with e-mail and password.")
        values = {} if change.name is None else {"name": checked_name(change.name, "Your name")}
        if change.password is not None:
            values["password"] = await self._another(principal, change, change.password, address)
        if not values:
            return
        async with self._db.write() as connection:
            await connection.execute(update(users).where(users.c.id == principal.user_id).values(**values))
            if change.password is not None:
                await end_all(connection, principal.user_id, but=principal.session_id)
        forget(self._db)

    async def _another(self, principal: Principal, change: Change, wanted: str, address: str) -> str:
        query = select(users.c.email, users.c.name).where(users.c.id == principal.user_id)
        async with self._db.read() as connection:
            email, name = (await connection.execute(query)).one()
        try:
            await self._proved(email or "", change.current_password or "", address)
        except NotAuthenticated:
            raise InvalidInput("This is not your password as it is now.", field="current_password") from None
        return await passwords.hash_password(wanted, names=(email, name, change.name))

    async def _proved(self, email: str, password: str, address: str) -> str:
        """Whose e-mail and password these are."""
        if self._waiting >= CROWD:
            raise TooManyRequests("Too many sign in at this moment; try again.", retry_after=5)
        self._waiting += 1
        try:
            async with self._turns:
                self._brake.check(email, address)
                found = await self._find(email, password)
                if found is None:
                    self._brake.failed(email, address)
                    raise NotAuthenticated("E-mail and password do not belong together here.")
                self._brake.succeeded(email, address)
                return found
        finally:
            self._waiting -= 1

    async def _find(self, email: str, password: str) -> str | None:
        query = select(users.c.id, users.c.password).where(users.c.email == email, users.c.closed_at.is_(None))
        async with self._db.read() as connection:
            row = (await connection.execute(query)).one_or_none()
        # One who is not there takes as long.
        if not await passwords.is_right(password, row.password if row else None) or row is None:
            return None
        if passwords.is_dated(row.password):
            anew = await passwords.hash_again(password)
            same = (users.c.id == row.id) & (users.c.password == row.password)
            async with self._db.write() as connection:
                await connection.execute(update(users).where(same).values(password=anew))
        return str(row.id)
