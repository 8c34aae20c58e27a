"""Limits that an administrator settled for one team, user or key: they hold in place of those of [settings.limits]."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal
from weakref import WeakKeyDictionary

import msgspec
from msgspec import UNSET, Struct, UnsetType
from sqlalchemy import select

from gateway.accounts.tables import keys, teams, users
from gateway.catalog.settings import Count, Limits
from gateway.db import Database, across_teams

Whose = Literal["key", "user", "team"]
What = Literal["requests_per_minute", "queued_jobs", "interactive_jobs", "running_jobs"]


class Own(Struct, frozen=True, kw_only=True):
    """Of one team, user or key; null: as [settings.limits] says, 0: as much as it likes."""

    requests_per_minute: Count | None = None
    queued_jobs: Count | None = None
    interactive_jobs: Count | None = None
    running_jobs: Count | None = None


class OwnChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is left out stays as it is; null: as [settings.limits] says again, 0: as much as it likes."""

    requests_per_minute: Count | UnsetType | None = UNSET
    queued_jobs: Count | UnsetType | None = UNSET
    interactive_jobs: Count | UnsetType | None = UNSET
    running_jobs: Count | UnsetType | None = UNSET


NONE = Own()
_read = msgspec.json.Decoder(Own).decode


class OwnLimits(Struct, frozen=True):
    """Of the one who asks, with all that stands behind them."""

    key: Own = NONE
    user: Own = NONE
    team: Own = NONE

    def most(self, limits: Limits, whose: Whose, what: What) -> int:
        """How many may be; 0: any number."""
        own: int | None = getattr(getattr(self, whose), what)
        if own is not None:
            return own
        most: int = getattr(getattr(limits, whose), what)
        return most

    def place(self, whose: Whose, what: What) -> str:
        """Where that number stands, for a message."""
        if getattr(getattr(self, whose), what) is None:
            return f"[settings.limits.{whose}] {what}"
        return f"{what}, which an administrator settled for it"


NOBODYS = OwnLimits()


def read(kept: str | None) -> Own:
    """From how the database has it."""
    return _read(kept) if kept else NONE


def of(key: str | None, user: str | None, team: str | None) -> OwnLimits:
    """From how the database has them; nearly everyone has none."""
    return OwnLimits(read(key), read(user), read(team)) if key or user or team else NOBODYS


def encoded(own: Own) -> str | None:
    """As the database has it."""
    values = {name: most for name, most in msgspec.structs.asdict(own).items() if most is not None}
    return msgspec.json.encode(values).decode() if values else None


def changed(own: Own, change: OwnChange | None) -> str | None:
    """As the database is to have it; a change of None takes all of them away."""
    if change is None:
        return None
    given = {name: most for name, most in msgspec.structs.asdict(change).items() if most is not UNSET}
    return encoded(msgspec.structs.replace(own, **given))


_running: WeakKeyDictionary[Database, dict[tuple[str, str], int]] = WeakKeyDictionary()


def running_jobs(db: Database) -> Mapping[tuple[str, str], int]:
    """How many jobs may run at once, by (`key`, `user` or `team`; its id), for those with a number of their own.

    As it is now: one gateway works on a database, so `load` at its start and `note` at each change keep it right.
    """
    return _running.setdefault(db, {})


async def load(db: Database) -> None:
    """Read what earlier starts settled."""
    found: dict[tuple[str, str], int] = {}
    async with db.read() as connection:
        for whose, table in (("key", keys), ("user", users), ("team", teams)):
            query = across_teams(select(table.c.id, table.c.limits)).where(table.c.limits.is_not(None))
            for row in await connection.execute(query):
                most = read(row.limits).running_jobs
                if most is not None:
                    found[whose, row.id] = most
    _running[db] = found


def note(db: Database, whose: Whose, id_: str, own: Own) -> None:
    """Behind the commit of a change."""
    known = _running.setdefault(db, {})
    if own.running_jobs is None:
        known.pop((whose, id_), None)
    else:
        known[whose, id_] = own.running_jobs
