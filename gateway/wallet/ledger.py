"""Movements of money: each changes the balance and writes its entry, in the caller's transaction, or does neither."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db import new_id, now, of_team, upsert
from gateway.errors import InsufficientCredits
from gateway.wallet import money
from gateway.wallet.tables import ledger, wallets

Kind = Literal["grant", "charge", "refund", "adjust"]


class Entry(Struct, frozen=True, kw_only=True):
    """One line of a team's ledger. Amounts are ten-thousandths of a credit, times microseconds since the epoch."""

    id: str
    team_id: str
    kind: Kind
    amount: int
    """What it added to the balance."""
    balance: int
    """After it."""
    job_id: str | None
    user_id: str | None
    reason: str
    month: str | None
    created_at: int


async def balance(connection: AsyncConnection, team_id: str) -> int:
    """0 for a team that never had any."""
    query = of_team(select(wallets.c.balance), team_id, wallets)
    return (await connection.execute(query)).scalar_one_or_none() or 0


async def charge(connection: AsyncConnection, team_id: str, user_id: str, job_id: str, amount: int, reason: str) -> int:
    """Take the price of a job; the balance that is left. Raises InsufficientCredits, and then nothing is changed.

    One UPDATE both looks and takes, so that of two who come at once for the last credits only one gets them.
    """
    query = of_team(update(wallets), team_id, wallets).where(wallets.c.balance >= amount)
    left: int | None = (
        await connection.execute(query.values(balance=wallets.c.balance - amount).returning(wallets.c.balance))
    ).scalar_one_or_none()
    if left is None:
        has = await balance(connection, team_id)
        raise InsufficientCredits(
            f"This costs {money.text(amount)} credits and the team has {money.text(has)}. Ask for fewer or smaller pictures, "
            "or ask an administrator for credits.",
            balance_credits=money.text(has),
            needed_credits=money.text(amount),
        )
    await _write(connection, team_id, "charge", -amount, left, reason, job_id=job_id, user_id=user_id)
    return left


async def refund(connection: AsyncConnection, team_id: str, user_id: str, job_id: str, amount: int, reason: str) -> bool:
    """Give back what a job did not deliver. False, and nothing is changed, for a job that the wallet did not pay for."""
    paid = of_team(select(ledger.c.id), team_id, ledger).where(ledger.c.job_id == job_id, ledger.c.kind == "charge")
    if (await connection.execute(paid)).one_or_none() is None:
        return False
    after = await _add(connection, team_id, amount)
    await _write(connection, team_id, "refund", amount, after, reason, job_id=job_id, user_id=user_id)
    return True


async def grant(
    connection: AsyncConnection,
    team_id: str,
    amount: int,
    reason: str,
    *,
    user_id: str | None = None,
    kind: Literal["grant", "adjust"] = "grant",
    month: str | None = None,
) -> Entry:
    """Give a team credits, or take some where `amount` is negative; that may leave less than nothing.

    `user_id` is the administrator's, or the member's whose allowance of `month` it is.
    """
    after = await _add(connection, team_id, amount)
    return await _write(connection, team_id, kind, amount, after, reason, user_id=user_id, month=month)


async def newest(
    connection: AsyncConnection, team_id: str, *, limit: int, before: str | None = None, kind: Kind | None = None
) -> list[Entry]:
    """The team's entries, newest first, those before the id `before`."""
    query = of_team(select(ledger), team_id, ledger).order_by(ledger.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(ledger.c.id < before)
    if kind is not None:
        query = query.where(ledger.c.kind == kind)
    return [Entry(**row._mapping) for row in await connection.execute(query)]


async def _add(connection: AsyncConnection, team_id: str, amount: int) -> int:
    row = {"team_id": team_id, "balance": amount}
    await upsert(connection, wallets, row, setting=lambda new: {"balance": wallets.c.balance + new.balance})
    return await balance(connection, team_id)


async def _write(
    connection: AsyncConnection,
    team_id: str,
    kind: Kind,
    amount: int,
    after: int,
    reason: str,
    *,
    job_id: str | None = None,
    user_id: str | None = None,
    month: str | None = None,
) -> Entry:
    entry = Entry(
        id=new_id(),
        team_id=team_id,
        kind=kind,
        amount=amount,
        balance=after,
        job_id=job_id,
        user_id=user_id,
        reason=reason,
        month=month,
        created_at=now(),
    )
    await connection.execute(insert(ledger), [{field: getattr(entry, field) for field in Entry.__struct_fields__}])
    return entry
