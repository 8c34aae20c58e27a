"""Movements of money: what each writes, and what it refuses."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy.exc import IntegrityError

from gateway.db import Database, new_id
from gateway.errors import InsufficientCredits
from gateway.wallet import ledger
from tests.wallet.till import CREDIT, new_team


async def test_a_team_begins_with_nothing(database: Database) -> None:
    team = (await new_team(database)).team_id
    async with database.read() as connection:
        assert await ledger.balance(connection, team) == 0
        assert await ledger.newest(connection, team, limit=5) == []


async def test_a_charge_takes_what_is_there_and_no_more(database: Database) -> None:
    who = await new_team(database)
    async with database.write() as connection:
        await ledger.grant(connection, who.team_id, 10 * CREDIT, "welcome")
        assert await ledger.charge(connection, who.team_id, who.user_id, new_id(), 4 * CREDIT, "cats") == 6 * CREDIT
    with pytest.raises(InsufficientCredits) as raised:
        async with database.write() as connection:
            await ledger.charge(connection, who.team_id, who.user_id, new_id(), 6 * CREDIT + 1, "cats")
    assert raised.value.extra == {"balance_credits": "6.0000", "needed_credits": "6.0001"}
    assert "6.0001" in raised.value.message
    async with database.write() as connection:
        assert await ledger.charge(connection, who.team_id, who.user_id, new_id(), 6 * CREDIT, "cats") == 0
        entries = await ledger.newest(connection, who.team_id, limit=5)
    assert [(entry.kind, entry.amount, entry.balance) for entry in entries] == [
        ("charge", -6 * CREDIT, 0),
        ("charge", -4 * CREDIT, 6 * CREDIT),
        ("grant", 10 * CREDIT, 10 * CREDIT),
    ]


async def test_a_team_without_a_wallet_cannot_pay(database: Database) -> None:
    who = await new_team(database)
    with pytest.raises(InsufficientCredits, match=r"the team has 0\.0000"):
        async with database.write() as connection:
            await ledger.charge(connection, who.team_id, who.user_id, new_id(), 1, "cats")


async def test_another_teams_credits_are_not_taken(database: Database) -> None:
    rich, poor = await new_team(database), await new_team(database)
    async with database.write() as connection:
        await ledger.grant(connection, rich.team_id, CREDIT, "welcome")
    with pytest.raises(InsufficientCredits):
        async with database.write() as connection:
            await ledger.charge(connection, poor.team_id, rich.user_id, new_id(), 1, "cats")
    async with database.read() as connection:
        assert await ledger.balance(connection, rich.team_id) == CREDIT


async def test_the_database_itself_refuses_to_charge_a_job_twice(database: Database) -> None:
    who, job = await new_team(database), new_id()
    async with database.write() as connection:
        await ledger.grant(connection, who.team_id, 10 * CREDIT, "welcome")
        await ledger.charge(connection, who.team_id, who.user_id, job, CREDIT, "cats")
    with pytest.raises(IntegrityError):
        async with database.write() as connection:
            await ledger.charge(connection, who.team_id, who.user_id, job, CREDIT, "cats")
    async with database.read() as connection:
        assert await ledger.balance(connection, who.team_id) == 9 * CREDIT


async def test_a_refund_comes_once_and_only_for_what_was_paid(database: Database) -> None:
    who, job = await new_team(database), new_id()
    async with database.write() as connection:
        assert not await ledger.refund(connection, who.team_id, who.user_id, job, CREDIT, "cats")
        await ledger.grant(connection, who.team_id, CREDIT, "welcome")
        await ledger.charge(connection, who.team_id, who.user_id, job, CREDIT, "cats")
        assert await ledger.refund(connection, who.team_id, who.user_id, job, CREDIT, "cats")
    with pytest.raises(IntegrityError):
        async with database.write() as connection:
            await ledger.refund(connection, who.team_id, who.user_id, job, CREDIT, "cats")
    async with database.read() as connection:
        assert await ledger.balance(connection, who.team_id) == CREDIT


async def test_an_adjustment_may_leave_less_than_nothing(database: Database) -> None:
    team = (await new_team(database)).team_id
    async with database.write() as connection:
        entry = await ledger.grant(connection, team, -3 * CREDIT, "mistake", kind="adjust")
    assert (entry.kind, entry.amount, entry.balance) == ("adjust", -3 * CREDIT, -3 * CREDIT)


async def test_many_grants_at_once_are_all_counted(database: Database) -> None:
    team = (await new_team(database)).team_id

    async def give() -> None:
        async with database.write() as connection:
            await ledger.grant(connection, team, CREDIT, "again")

    await asyncio.gather(*(give() for _ in range(30)))
    async with database.read() as connection:
        assert await ledger.balance(connection, team) == 30 * CREDIT
        entries = await ledger.newest(connection, team, limit=50)
    assert sorted(entry.balance for entry in entries) == [count * CREDIT for count in range(1, 31)]


async def test_the_list_goes_on_behind_an_id_and_can_be_narrowed(database: Database) -> None:
    who = await new_team(database)
    async with database.write() as connection:
        for count in range(1, 5):
            await ledger.grant(connection, who.team_id, count, "drip")
        await ledger.charge(connection, who.team_id, who.user_id, new_id(), 2, "cats")
        first = await ledger.newest(connection, who.team_id, limit=2)
        rest = await ledger.newest(connection, who.team_id, limit=9, before=first[-1].id)
        assert [entry.amount for entry in (*first, *rest)] == [-2, 4, 3, 2, 1]
        assert [entry.amount for entry in await ledger.newest(connection, who.team_id, limit=9, kind="charge")] == [-2]
