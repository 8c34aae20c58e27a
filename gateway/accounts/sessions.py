"""Sessions of the web pages: a signed cookie, and a row that can be ended.

The cookie holds 256 random bits and an HMAC over them; the database has only the SHA-256 of the bits. Made-up cookies
are refused without asking it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable
from typing import Any

from msgspec import Struct
from sqlalchemy import Row, and_, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.accounts import own_limits
from gateway.accounts.authentication import Known, forget, recall
from gateway.accounts.permissions import OF_ROLE, PERMISSIONS, Principal, Role
from gateway.accounts.tables import members, sessions, teams, users
from gateway.db import Database, across_teams, new_id, now
from gateway.errors import NotAuthenticated, NotFound

_RANDOM_BYTES = 32
_LONGEST = 200
"""Characters of a cookie; a longer one is not ours, and is not hashed."""
_DAY = 86_400_000_000


class Session(Struct, frozen=True, kw_only=True):
    """Times are microseconds since the epoch."""

    id: str
    user_id: str
    team_id: str
    created_at: int
    expires_at: int


class TeamOfOne(Struct, frozen=True):
    """A team that the user may work in."""

    id: str
    name: str
    role: Role | None
    """None for an administrator who is not a member of it."""


class Sessions:
    """`key` signs cookies; `days` tells how long a session lasts."""

    def __init__(self, db: Database, key: bytes, days: Callable[[], int]) -> None:
        self._db = db
        self._key = key
        self._days = days

    async def begin(self, connection: AsyncConnection, user_id: str) -> tuple[Session, str]:
        """A new session and its cookie, in the caller's transaction; sessions that have run out are cleared away.

        Raises NotAuthenticated for one who is in no team.
        """
        moment = now()
        await connection.execute(across_teams(delete(sessions)).where(sessions.c.expires_at <= moment))
        is_admin = (await connection.execute(select(users.c.is_admin).where(users.c.id == user_id))).scalar_one()
        open_to = await _teams(connection, user_id, is_admin=is_admin)
        if not open_to:
            raise NotAuthenticated("You are in no team; ask an administrator to make you a member of one.")
        token = secrets.token_urlsafe(_RANDOM_BYTES)
        session = Session(
            id=new_id(),
            user_id=user_id,
            team_id=open_to[0].id,
            created_at=moment,
            expires_at=moment + self._days() * _DAY,
        )
        row = {name: getattr(session, name) for name in Session.__struct_fields__}
        await connection.execute(insert(sessions), [{**row, "digest": _digest(token)}])
        return session, f"{token}.{self._sign('cookie', token)}"

    async def authenticate(self, cookie: str) -> Principal:
        """Whose session it is. Raises NotAuthenticated: it was not made here, has ended or has run out."""
        token, _, signature = cookie.partition(".")
        if len(cookie) > _LONGEST or not hmac.compare_digest(signature.encode(), self._sign("cookie", token).encode()):
            raise NotAuthenticated("This session is not known here; sign in.")
        known = await recall(self._db, "session", _digest(token), _look_up)
        if known.expires_at is not None and known.expires_at <= now():
            raise NotAuthenticated("This session has run out; sign in again.")
        return known.principal

    def csrf_token(self, session_id: str) -> str:
        """What our own pages send in a header along with the cookie, and other sites cannot read."""
        return self._sign("csrf", session_id)

    async def of(self, principal: Principal) -> tuple[Session, list[TeamOfOne]]:
        """The session that asks, and the teams that it can change to. Raises NotFound for one who asks by a key."""
        query = across_teams(select(sessions)).where(sessions.c.id == principal.session_id)
        async with self._db.read() as connection:
            row = (await connection.execute(query)).one_or_none()
            if row is None:
                raise NotFound("This is no session: you came in by a key.")
            is_admin = (await connection.execute(select(users.c.is_admin).where(users.c.id == row.user_id))).scalar_one()
            return _session(row), await _teams(connection, row.user_id, is_admin=is_admin)

    async def change_team(self, principal: Principal, team_id: str) -> None:
        """Work in another team from now on. Raises NotFound for one that is not the user's."""
        async with self._db.write() as connection:
            is_admin = (await connection.execute(select(users.c.is_admin).where(users.c.id == principal.user_id))).scalar_one()
            if all(team.id != team_id for team in await _teams(connection, principal.user_id, is_admin=is_admin)):
                raise NotFound(f"You are in no team {team_id}.", field="team_id")
            moved = across_teams(update(sessions)).where(sessions.c.id == principal.session_id).values(team_id=team_id)
            await connection.execute(moved)
        forget(self._db)

    async def end(self, principal: Principal) -> None:
        """Sign out. Raises NotFound for one who asks by a key."""
        async with self._db.write() as connection:
            ended = await connection.execute(across_teams(delete(sessions)).where(sessions.c.id == principal.session_id))
        if not ended.rowcount:
            raise NotFound("This is no session: you came in by a key.")
        forget(self._db)

    def _sign(self, purpose: str, text: str) -> str:
        made = hmac.digest(self._key, f"{purpose}:{text}".encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(made).rstrip(b"=").decode()


async def end_all(connection: AsyncConnection, user_id: str, *, but: str | None = None) -> None:
    """End a user's sessions, all or all but one, in the caller's transaction; `forget` belongs behind its commit."""
    ended = across_teams(delete(sessions)).where(sessions.c.user_id == user_id)
    await connection.execute(ended if but is None else ended.where(sessions.c.id != but))


async def _look_up(db: Database, kept: str) -> Known:
    query = (
        across_teams(select(sessions, users.c.is_admin, users.c.closed_at, teams.c.closed_at.label("team_closed_at")))
        .add_columns(members.c.role, users.c.limits.label("user_limits"))
        .join(users, users.c.id == sessions.c.user_id)
        .join(teams, teams.c.id == sessions.c.team_id)
        .outerjoin(members, and_(members.c.team_id == sessions.c.team_id, members.c.user_id == sessions.c.user_id))
        .where(sessions.c.digest == kept)
    )
    async with db.read() as connection:
        row = (await connection.execute(query)).one_or_none()
    if row is None or row.closed_at is not None:
        raise NotAuthenticated("This session has ended; sign in again.")
    if row.team_closed_at is None and (row.role or row.is_admin):
        return await _known(db, row, row.team_id, row.role)
    return await _moved(db, row)


async def _moved(db: Database, row: Row[Any]) -> Known:
    """The user is no longer in the team that they worked in: on to another of theirs."""
    async with db.write() as connection:
        open_to = await _teams(connection, row.user_id, is_admin=row.is_admin)
        if not open_to:
            raise NotAuthenticated("You are in no team any more; ask an administrator to make you a member of one.")
        moved = across_teams(update(sessions)).where(sessions.c.id == row.id).values(team_id=open_to[0].id)
        await connection.execute(moved)
    return await _known(db, row, open_to[0].id, open_to[0].role)


async def _known(db: Database, row: Row[Any], team_id: str, role: Role | None) -> Known:
    async with db.read() as connection:
        team_limits = (await connection.execute(select(teams.c.limits).where(teams.c.id == team_id))).scalar_one()
    permissions = frozenset(PERMISSIONS) if row.is_admin else OF_ROLE[role] if role else frozenset()
    principal = Principal(
        team_id,
        row.user_id,
        None,
        permissions,
        is_admin=bool(row.is_admin),
        role=role,
        session_id=row.id,
        limits=own_limits.of(None, row.user_limits, team_limits),
    )
    return Known(principal, row.expires_at)


async def _teams(connection: AsyncConnection, user_id: str, *, is_admin: bool) -> list[TeamOfOne]:
    """Those that the user is in, the earliest first; for an administrator the others behind them."""
    theirs = and_(members.c.team_id == teams.c.id, members.c.user_id == user_id)
    query = (
        across_teams(select(teams.c.id, teams.c.name, members.c.role))
        .select_from(teams)
        .join(members, theirs, isouter=is_admin)
        .where(teams.c.closed_at.is_(None))
        .order_by(members.c.created_at.is_(None), members.c.created_at, teams.c.id)
    )
    return [TeamOfOne(row.id, row.name, row.role) for row in await connection.execute(query)]


def _session(row: Row[Any]) -> Session:
    return Session(**{name: getattr(row, name) for name in Session.__struct_fields__})


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
