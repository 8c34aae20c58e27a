"""Signing in with e-mail and password, and changing one's own."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from msgspec import Struct
from sqlalchemy import select, update

from gateway.accounts import brake, passwords
from gateway.accounts.authentication import forget
from gateway.accounts.brake import Brake, Counts
from gateway.accounts.device_cookies import DeviceCookies
from gateway.accounts.first_start import FirstStart, settle
from gateway.accounts.naming import checked_name
from gateway.accounts.permissions import Principal
from gateway.accounts.sessions import Session, Sessions, end_all
from gateway.accounts.tables import users
from gateway.db import Database
from gateway.errors import Forbidden, InvalidInput, NotAuthenticated, TooManyRequests

CROWD = 50
"""Attempts that wait for their turn; a turn takes some tens of milliseconds, so the last one waits a few seconds. Those who
are known wait in a crowd of their own, so that strangers leave no one of them standing outside."""


class Change(Struct, frozen=True, kw_only=True):
    """What a user wants otherwise; None: as it is."""

    name: str | None = None
    password: str | None = None
    current_password: str | None = None


class SignedIn(NamedTuple):
    session: Session
    cookie: str
    """The session's."""
    device: str
    """The cookie by which this browser is known when it signs in again; see `device_cookies`."""


class SignIn:
    """Where passwords are asked for; every wrong one is counted."""

    def __init__(self, db: Database, sessions: Sessions, devices: DeviceCookies) -> None:
        self._db = db
        self._sessions = sessions
        self._devices = devices
        self._brake = Brake()
        # The brake is looked at within a turn, so that a thousand attempts at once are counted one by one all the same.
        self._turns = asyncio.Semaphore(passwords.AT_ONCE)
        self._waiting: Counter[bool] = Counter()

    async def by_password(self, email: str, password: str, address: str, device: str | None = None) -> SignedIn:
        """A session; `address` is where the attempt comes from, `device` the cookie of an earlier sign-in.

        Raises NotAuthenticated, which does not tell whether the e-mail is known; TooManyRequests.
        """
        email = email.strip().lower()
        name = self._devices.known(device, email)
        counts = brake.known(name) if name else brake.stranger(email, address)
        user_id = await self._proved(email, password, counts, known=name is not None)
        async with self._db.write() as connection:
            return SignedIn(*await self._sessions.begin(connection, user_id), self._devices.issue(email))

    async def by_first_token(self, asked: FirstStart, address: str) -> SignedIn:
        """A session of the administrator, whose e-mail and password are what `asked` says from now on: see `settle`."""
        session, cookie = await settle(self._db, self._sessions, self._brake, asked, address)
        return SignedIn(session, cookie, self._devices.issue(asked.email))

    async def change(self, principal: Principal, change: Change) -> None:
        """Change one's own name or password; all other sessions of the user end with the old password.

        Raises Forbidden for one who asks by a key, InvalidInput naming the field, TooManyRequests.
        """
        if principal.session_id is None:
            # A key may carry less than its user; it must not become a way to sign in as them.
            raise Forbidden("A key cannot change its user; sign in with e-mail and password.")
        values = {} if change.name is None else {"name": checked_name(change.name, "Your name")}
        if change.password is not None:
            values["password"] = await self._another(principal, change, change.password)
        if not values:
            return
        async with self._db.write() as connection:
            await connection.execute(update(users).where(users.c.id == principal.user_id).values(**values))
            if change.password is not None:
                await end_all(connection, principal.user_id, but=principal.session_id)
        forget(self._db)

    async def _another(self, principal: Principal, change: Change, wanted: str) -> str:
        query = select(users.c.email, users.c.name).where(users.c.id == principal.user_id)
        async with self._db.read() as connection:
            email, name = (await connection.execute(query)).one()
        try:
            # Counted by the user: whoever guesses at sign-in must not keep the one who is in from a new password.
            counts = brake.known(f"user {principal.user_id}")
            await self._proved(email or "", change.current_password or "", counts, known=True)
        except NotAuthenticated:
            raise InvalidInput("This is not your password as it is now.", field="current_password") from None
        return await passwords.hash_password(wanted, names=(email, name, change.name))

    async def _proved(self, email: str, password: str, counts: Counts, *, known: bool) -> str:
        """Whose e-mail and password these are."""
        self._brake.check(counts)
        with self._in_line(known):
            async with self._turns:
                self._brake.check(counts)
                found = await self._find(email, password)
                if found is None:
                    self._brake.failed(counts)
                    raise NotAuthenticated("E-mail and password do not belong together here.")
                self._brake.succeeded(counts)
                return found

    @contextmanager
    def _in_line(self, known: bool) -> Iterator[None]:
        if self._waiting[known] >= CROWD:
            raise TooManyRequests("Too many sign in at this moment; try again.", retry_after=5)
        self._waiting[known] += 1
        try:
            yield
        finally:
            self._waiting[known] -= 1

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
