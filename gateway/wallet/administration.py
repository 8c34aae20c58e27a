"""What administrators do with wallets; each act stands in the audit log."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.accounts import Principal, record
from gateway.accounts.tables import members, teams
from gateway.db import Database, of_team
from gateway.errors import InvalidInput, NotFound
from gateway.wallet import allowances, ledger, money

LONGEST_REASON = 500


async def give(
    db: Database,
    principal: Principal,
    team_id: str,
    amount: Decimal,
    reason: str,
    kind: Literal["grant", "adjust"] | None = None,
) -> ledger.Entry:
    """Grant a team credits, or adjust its balance, not below nothing; without a `kind` a negative one is an adjustment.

    Raises Forbidden for all but administrators, NotFound, and InvalidInput that names the field.
    """
    principal.require("admin")
    value = money.units(amount)
    kind = kind or ("grant" if value > 0 else "adjust")
    if value == 0 or (kind == "grant" and value < 0):
        raise InvalidInput("amount must be above 0 for a grant, and another than 0 for an adjustment.", field="amount")
    reason = reason.strip()
    if not 1 <= len(reason) <= LONGEST_REASON:
        raise InvalidInput(f"reason must say in 1 to {LONGEST_REASON} characters why.", field="reason")
    async with db.write() as connection:
        await must_be_there(connection, team_id)
        entry = await ledger.grant(connection, team_id, value, reason, user_id=principal.user_id, kind=kind)
        if value < 0 and entry.balance < 0:
            has = money.text(entry.balance - value)
            raise InvalidInput(f"The team has {has} credits; no more than these can be taken from it.", field="amount")
        await record(connection, principal, f"credits.{kind}", team_id, {"amount": money.text(value), "reason": reason})
    return entry


async def settle_allowance(
    db: Database, principal: Principal, team_id: str, user_id: str | None, amount: Decimal | None
) -> list[allowances.Allowance]:
    """Settle what a team is granted each month, for itself or for one member; None: as the settings say for all.

    Returns all that is settled for the team. Raises Forbidden, NotFound, and InvalidInput that names the field.
    """
    principal.require("admin")
    value = None if amount is None else money.units(amount, "monthly_credits")
    if value is not None and value < 0:
        raise InvalidInput("monthly_credits must be 0 or more; null takes what the settings say.", field="monthly_credits")
    async with db.write() as connection:
        await must_be_there(connection, team_id, user_id)
        await allowances.settle(connection, team_id, user_id, value)
        details = {"user_id": user_id, "monthly_credits": None if value is None else money.text(value)}
        await record(connection, principal, "allowance.settle", team_id, details)
        return await allowances.settled(connection, team_id)


async def must_be_there(connection: AsyncConnection, team_id: str, user_id: str | None = None) -> None:
    """Raises NotFound for a team that is not there, or that this user is not in."""
    if (await connection.execute(select(teams.c.id).where(teams.c.id == team_id))).one_or_none() is None:
        raise NotFound(f"There is no team {team_id}.")
    if user_id is not None:
        query = of_team(select(members.c.user_id), team_id, members).where(members.c.user_id == user_id)
        if (await connection.execute(query)).one_or_none() is None:
            raise NotFound(f"There is no member {user_id} in this team.")
