"""From the text of a key to the one who asks, mostly from memory; and when each key was last used."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, Literal, NoReturn, TypeAlias
from weakref import WeakKeyDictionary

import msgspec
from msgspec import Struct
from sqlalchemy import Row, and_, bindparam, select, update
from sqlalchemy.exc import SQLAlchemyError

from gateway.accounts import own_limits
from gateway.accounts.permissions import Permission, Principal, effective
from gateway.accounts.tables import keys, members, teams, users
from gateway.accounts.tokens import LONGEST, digest
from gateway.db import Database, across_teams, now
from gateway.errors import NotAuthenticated, StorageUnavailable

log = logging.getLogger(__name__)

CACHE_SECONDS = 10.0
"""How long a changed role or a removed user may go unseen; a revoked key is forgotten at once."""
CACHE_SIZE = 1024
USE_SECONDS = 60.0

_HINT = "Send one as `Authorization: Bearer <key>`."
_QUERY = (
    across_teams(
        select(
            keys,
            users.c.is_admin,
            members.c.role,
            users.c.closed_at.label("user_closed_at"),
            teams.c.closed_at.label("team_closed_at"),
            users.c.limits.label("user_limits"),
            teams.c.limits.label("team_limits"),
        )
    )
    .join(users, users.c.id == keys.c.user_id)
    .join(teams, teams.c.id == keys.c.team_id)
    .outerjoin(members, and_(members.c.team_id == keys.c.team_id, members.c.user_id == keys.c.user_id))
    .where(keys.c.digest == bindparam("digest"))
)
_USED = across_teams(update(keys)).where(keys.c.id == bindparam("key")).values(last_used_at=bindparam("used"))


Kind: TypeAlias = Literal["key", "session"]


class Known(Struct, frozen=True):
    """What is remembered of a key or a session."""

    principal: Principal
    expires_at: int | None
    """In microseconds since the epoch."""


class _Memory:
    """What one database's keys and sessions have shown: principals by digest, and uses that are not written yet."""

    def __init__(self) -> None:
        self.known: OrderedDict[tuple[Kind, str], tuple[float, Known]] = OrderedDict()
        """Each with the moment of the monotonic clock until which it counts. What one kind knows opens nothing of the other."""
        self.used: dict[str, int] = {}
        self.generation = 0

    def find(self, kept: tuple[Kind, str]) -> Known | None:
        until, known = self.known.get(kept, (0.0, None))
        return known if time.monotonic() < until else None

    def keep(self, kept: tuple[Kind, str], known: Known) -> None:
        self.known[kept] = time.monotonic() + CACHE_SECONDS, known
        self.known.move_to_end(kept)
        while len(self.known) > CACHE_SIZE:
            self.known.popitem(last=False)


_memories: WeakKeyDictionary[Database, _Memory] = WeakKeyDictionary()


async def authenticate(db: Database, token: str | None) -> Principal:
    """Whose key `token` is. Raises NotAuthenticated: none was sent, or it is unknown, revoked or expired."""
    if not token:
        raise NotAuthenticated(f"This needs a key. {_HINT}")
    if len(token) > LONGEST or not token.isascii():
        _refuse_unknown()
    known = await recall(db, "key", digest(token), _look_up)
    moment = now()
    if known.expires_at is not None and known.expires_at <= moment:
        raise NotAuthenticated(f"This key expired on {_day(known.expires_at)}; ask for a new one.")
    if known.principal.key_id:
        _memory(db).used[known.principal.key_id] = moment
    return known.principal


async def recall(db: Database, kind: Kind, kept: str, look_up: Callable[[Database, str], Awaitable[Known]]) -> Known:
    """Who is known by this digest of a key or a session: from memory, else as `look_up` finds in the database."""
    memory = _memory(db)
    known = memory.find((kind, kept))
    if known is None:
        generation = memory.generation
        known = await look_up(db, kept)
        # What was revoked while it was being read must not be remembered as good.
        if generation == memory.generation:
            memory.keep((kind, kept), known)
    return known


def forget(db: Database) -> None:
    """Read every key and session anew: call it after any change of those, of users, teams or members."""
    memory = _memory(db)
    memory.generation += 1
    memory.known.clear()


async def write_uses(db: Database) -> int:
    """Write when each key was last used, for the keys used since the last call; how many those were."""
    memory = _memory(db)
    used, memory.used = memory.used, {}
    if not used:
        return 0
    try:
        async with db.write() as connection:
            await connection.execute(_USED, [{"key": key, "used": moment} for key, moment in used.items()])
    except BaseException:
        memory.used = {**used, **memory.used}
        raise
    return len(used)


async def keep_uses(db: Database, every: float = USE_SECONDS) -> None:
    """Write uses each `every` seconds, until canceled and then once more. No request waits for it."""
    try:
        while True:
            await asyncio.sleep(every)
            await _try_to_write(db)
    finally:
        await _try_to_write(db)


async def _try_to_write(db: Database) -> None:
    try:
        await write_uses(db)
    except (SQLAlchemyError, StorageUnavailable) as error:
        log.warning("when keys were last used could not be written, and is tried again: %s", error)


async def _look_up(db: Database, key_digest: str) -> Known:
    async with db.read() as connection:
        row = (await connection.execute(_QUERY, {"digest": key_digest})).one_or_none()
    if row is None:
        _refuse_unknown()
    if row.revoked_at is not None:
        raise NotAuthenticated(f"This key was revoked on {_day(row.revoked_at)}; ask for a new one.")
    if row.user_closed_at is not None or row.team_closed_at is not None:
        whose = "user" if row.user_closed_at is not None else "team"
        raise NotAuthenticated(f"This key's {whose} is closed; an administrator can open it again.")
    if row.role is None and not row.is_admin:
        raise NotAuthenticated("This key's user is no longer in its team; ask for a key in a team of yours.")
    return Known(_principal(row), row.expires_at)


def _principal(row: Row[Any]) -> Principal:
    carried = frozenset(msgspec.json.decode(row.permissions, type=tuple[Permission, ...]))
    permissions = effective(carried, row.role, admin_user=row.is_admin)
    return Principal(
        row.team_id,
        row.user_id,
        row.id,
        permissions,
        is_admin="admin" in permissions,
        bulk=row.bulk,
        role=row.role,
        expires_at=row.expires_at,
        limits=own_limits.of(row.limits, row.user_limits, row.team_limits),
    )


def _refuse_unknown() -> NoReturn:
    raise NotAuthenticated("This key is not known here; check that it is whole and meant for this server.")


def _memory(db: Database) -> _Memory:
    memory = _memories.get(db)
    if memory is None:
        memory = _memories[db] = _Memory()
    return memory


def _day(moment: int) -> str:
    return datetime.fromtimestamp(moment / 1e6, UTC).date().isoformat()
