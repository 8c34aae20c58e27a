"""Monthly allowances: credits that teams are granted by themselves, each month once, for themselves and for their members."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from weakref import WeakKeyDictionary

from msgspec import Struct
from sqlalchemy import Select, and_, delete, exists, func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.accounts.tables import members, teams, users
from gateway.catalog.settings import Credits
from gateway.db import Database, across_teams, now, of_team, upsert
from gateway.errors import StorageUnavailable
from gateway.wallet import money
from gateway.wallet.ledger import grant
from gateway.wallet.tables import allowances, ledger

log = logging.getLogger(__name__)

LOOK_SECONDS = 600.0
"""How late a month's allowance may come, or a new team's first."""
AT_ONCE = 200
"""Grants in one transaction; others write in between."""
OF_TEAM = ""
"""Where `user_id` stands for the team itself."""

_turns: WeakKeyDictionary[Database, asyncio.Lock] = WeakKeyDictionary()


class Allowance(Struct, frozen=True, kw_only=True):
    """What was settled for one team, or for one member of it, in place of what the settings say for all."""

    user_id: str | None
    """None: for the team itself."""
    amount: int
    """Each month, in ten-thousandths of a credit."""


async def grant_due(db: Database, credits: Credits) -> int:
    """Grant what this month's allowances lack; how many grants that were. Doing it again changes nothing.

    A change of an allowance counts from the next month on, a first one from this. Closed teams and users get none.
    """
    done = 0
    # One gateway runs on a database; two who looked at the same time would both find the same grants due.
    async with _turns.setdefault(db, asyncio.Lock()):
        while credits.enabled and (granted := await _grant_some(db, credits)):
            done += granted
    return done


async def keep_granting(db: Database, credits: Callable[[], Credits], every: float = LOOK_SECONDS) -> None:
    """Grant what is due now and again each `every` seconds, until canceled."""
    while True:
        try:
            granted = await grant_due(db, credits())
            if granted:
                log.info("%d monthly allowances were granted", granted)
        except (SQLAlchemyError, StorageUnavailable) as error:
            log.warning("monthly allowances could not be granted, and are tried again: %s", error)
        await asyncio.sleep(every)


async def settled(connection: AsyncConnection, team_id: str) -> list[Allowance]:
    """What was settled for this team and its members, the team's own first."""
    query = of_team(select(allowances), team_id, allowances).order_by(allowances.c.user_id)
    return [Allowance(user_id=row.user_id or None, amount=row.amount) for row in await connection.execute(query)]


async def settle(connection: AsyncConnection, team_id: str, user_id: str | None, amount: int | None) -> None:
    """Settle an allowance for the team, or for its member; None: what the settings say for all holds again."""
    whose = user_id or OF_TEAM
    if amount is None:
        await connection.execute(of_team(delete(allowances), team_id, allowances).where(allowances.c.user_id == whose))
    else:
        await upsert(connection, allowances, {"team_id": team_id, "user_id": whose, "amount": amount})


def month_of(moment: int) -> str:
    """The UTC month of a moment in microseconds since the epoch, as 2026-11."""
    return f"{datetime.fromtimestamp(moment / 1e6, UTC):%Y-%m}"


async def _grant_some(db: Database, credits: Credits) -> int:
    async with db.write() as connection:
        month = month_of(now())
        due = [*await _due_teams(connection, month, credits), *await _due_members(connection, month, credits)]
        for team_id, user_id, amount in due:
            reason = f"monthly allowance {month}" if user_id is None else f"monthly allowance {month} for a member"
            await grant(connection, team_id, amount, reason, user_id=user_id, month=month)
    return len(due)


async def _due_teams(connection: AsyncConnection, month: str, credits: Credits) -> list[tuple[str, None, int]]:
    amount = func.coalesce(allowances.c.amount, money.units(credits.monthly_per_team))
    own = and_(allowances.c.team_id == teams.c.id, allowances.c.user_id == OF_TEAM)
    granted = exists().where(ledger.c.team_id == teams.c.id, ledger.c.month == month, ledger.c.user_id.is_(None))
    query = select(teams.c.id, amount.label("amount")).outerjoin(allowances, own).where(teams.c.closed_at.is_(None))
    return [(row.id, None, row.amount) for row in await _first(connection, query, amount, granted)]


async def _due_members(connection: AsyncConnection, month: str, credits: Credits) -> list[tuple[str, str, int]]:
    amount = func.coalesce(allowances.c.amount, money.units(credits.monthly_per_member))
    own = and_(allowances.c.team_id == members.c.team_id, allowances.c.user_id == members.c.user_id)
    whose = and_(ledger.c.team_id == members.c.team_id, ledger.c.user_id == members.c.user_id)
    query = (
        select(members.c.team_id, members.c.user_id, amount.label("amount"))
        .join(teams, teams.c.id == members.c.team_id)
        .join(users, users.c.id == members.c.user_id)
        .outerjoin(allowances, own)
        .where(teams.c.closed_at.is_(None), users.c.closed_at.is_(None))
    )
    found = await _first(connection, query, amount, exists().where(whose, ledger.c.month == month))
    return [(row.team_id, row.user_id, row.amount) for row in found]


async def _first(connection: AsyncConnection, query: Select[Any], amount: Any, granted: Any) -> list[Any]:
    due = across_teams(query).where(amount > 0, ~granted).limit(AT_ONCE)
    return list(await connection.execute(due))
