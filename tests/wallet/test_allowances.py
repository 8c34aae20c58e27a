"""Monthly allowances: once a month, for whom it was settled, whoever asks and however often."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy import update

from gateway.accounts.tables import teams, users
from gateway.catalog.settings import Credits
from gateway.db import Database, now
from gateway.wallet import allowances, ledger
from gateway.wallet.allowances import Allowance, grant_due, keep_granting, settle, settled
from tests.wallet.till import CREDIT, new_team

ALL = Credits(enabled=True, monthly_per_team=Decimal(100), monthly_per_member=Decimal("2.5"))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, int], None]:
    def stand(month: int, day: int) -> None:
        moment = int(datetime(2026, month, day, tzinfo=UTC).timestamp() * 1e6)
        monkeypatch.setattr(allowances, "now", lambda: moment)

    stand(11, 21)
    return stand


async def balance(database: Database, team_id: str) -> float:
    async with database.read() as connection:
        return await ledger.balance(connection, team_id) / CREDIT


async def test_each_month_once(database: Database, clock: Callable[[int, int], None]) -> None:
    who = await new_team(database)
    assert await grant_due(database, ALL) == 2
    assert await grant_due(database, ALL) == 0
    clock(11, 30)
    assert await grant_due(database, ALL) == 0
    assert await balance(database, who.team_id) == 102.5
    clock(12, 1)
    assert await grant_due(database, ALL) == 2
    assert await balance(database, who.team_id) == 205
    async with database.read() as connection:
        entries = await ledger.newest(connection, who.team_id, limit=9)
    assert {(entry.month, entry.user_id, entry.amount / CREDIT) for entry in entries} == {
        ("2026-11", None, 100),
        ("2026-11", who.user_id, 2.5),
        ("2026-12", None, 100),
        ("2026-12", who.user_id, 2.5),
    }


async def test_two_who_grant_at_once_grant_once(database: Database, clock: object) -> None:
    teams_ = [await new_team(database) for _ in range(3)]
    assert sorted(await asyncio.gather(*(grant_due(database, ALL) for _ in range(5)))) == [0, 0, 0, 0, 6]
    for who in teams_:
        assert await balance(database, who.team_id) == 102.5


async def test_more_than_one_transactions_worth(database: Database, clock: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allowances, "AT_ONCE", 2)
    for _ in range(5):
        await new_team(database)
    assert await grant_due(database, ALL) == 10


async def test_what_was_settled_goes_before_the_settings(database: Database, clock: object) -> None:
    rich, none, usual = [await new_team(database) for _ in range(3)]
    async with database.write() as connection:
        await settle(connection, rich.team_id, None, 900 * CREDIT)
        await settle(connection, rich.team_id, rich.user_id, 7 * CREDIT)
        await settle(connection, none.team_id, None, 0)
        await settle(connection, none.team_id, none.user_id, 0)
        await settle(connection, usual.team_id, None, 1)
        await settle(connection, usual.team_id, None, None)
        assert await settled(connection, rich.team_id) == [
            Allowance(user_id=None, amount=900 * CREDIT),
            Allowance(user_id=rich.user_id, amount=7 * CREDIT),
        ]
        assert await settled(connection, usual.team_id) == []
    await grant_due(database, ALL)
    assert [await balance(database, who.team_id) for who in (rich, none, usual)] == [907, 0, 102.5]


async def test_an_allowance_without_any_in_the_settings(database: Database, clock: object) -> None:
    who, other = await new_team(database), await new_team(database)
    async with database.write() as connection:
        await settle(connection, who.team_id, who.user_id, 5 * CREDIT)
    assert await grant_due(database, Credits(enabled=True)) == 1
    assert [await balance(database, each.team_id) for each in (who, other)] == [5, 0]


async def test_closed_teams_and_users_get_none(database: Database, clock: object) -> None:
    closed, left = await new_team(database), await new_team(database)
    async with database.write() as connection:
        await connection.execute(update(teams).where(teams.c.id == closed.team_id).values(closed_at=now()))
        await connection.execute(update(users).where(users.c.id == left.user_id).values(closed_at=now()))
    await grant_due(database, ALL)
    assert [await balance(database, each.team_id) for each in (closed, left)] == [0, 100]


async def test_where_nobody_pays_nothing_is_granted(database: Database, clock: object) -> None:
    await new_team(database)
    assert await grant_due(database, Credits(enabled=False, monthly_per_team=Decimal(5))) == 0


async def test_it_goes_on_by_itself(database: Database, clock: Callable[[int, int], None]) -> None:
    who = await new_team(database)
    task = asyncio.create_task(keep_granting(database, lambda: ALL, every=0.01))
    async with asyncio.timeout(10):
        while await balance(database, who.team_id) != 102.5:
            await asyncio.sleep(0.01)
        clock(12, 1)
        while await balance(database, who.team_id) != 205:
            await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
