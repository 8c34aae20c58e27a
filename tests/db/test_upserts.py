from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table, UniqueConstraint, insert, select
from sqlalchemy.exc import IntegrityError

from gateway.db import Database, insert_ignore, upsert

_tables = MetaData()
days = Table(
    "days",
    _tables,
    Column("team", String(8), primary_key=True),
    Column("day", Integer, primary_key=True),
    Column("count", Integer, nullable=False),
    Column("note", String(8), default="new"),
    Column("slot", Integer),
    UniqueConstraint("slot"),
)


@pytest.fixture
async def counted(bare_url: str) -> AsyncIterator[Database]:
    database = Database(bare_url)
    async with database.write() as connection:
        await connection.run_sync(_tables.create_all)
        await connection.execute(insert(days), [{"team": "a", "day": 1, "count": 5, "note": "old", "slot": 1}])
    yield database
    await database.close()


async def kept(database: Database) -> list[tuple[object, ...]]:
    async with database.read() as connection:
        query = select(days.c.team, days.c.day, days.c.count, days.c.note).order_by(days.c.team, days.c.day)
        return [tuple(row) for row in await connection.execute(query)]


async def test_what_is_there_takes_the_new_values_and_the_rest_is_added(counted: Database) -> None:
    async with counted.write() as connection:
        rows = [{"team": "a", "day": 1, "count": 7}, {"team": "b", "day": 1, "count": 8}]
        assert await upsert(connection, days, rows) == 2
    assert await kept(counted) == [("a", 1, 7, "old"), ("b", 1, 8, "new")]


async def test_values_can_build_on_those_that_are_there(counted: Database) -> None:
    for _ in range(2):
        async with counted.write() as connection:
            row = {"team": "a", "day": 1, "count": 2, "note": "sum"}
            assert await upsert(connection, days, row, setting=lambda new: {"count": days.c.count + new.count}) == 1
    assert await kept(counted) == [("a", 1, 9, "old")]


async def test_only_some_columns_are_set(counted: Database) -> None:
    async with counted.write() as connection:
        await upsert(connection, days, {"team": "a", "day": 1, "count": 0, "note": "seen"}, setting=["note"])
    assert await kept(counted) == [("a", 1, 5, "seen")]


async def test_a_row_that_may_not_be_changed_counts_as_none(counted: Database) -> None:
    async with counted.write() as connection:
        row = {"team": "a", "day": 1, "count": 0}
        assert await upsert(connection, days, row, where=days.c.count < 5) == 0
        assert await upsert(connection, days, row, where=days.c.count == 5) == 1
    assert await kept(counted) == [("a", 1, 0, "old")]


async def test_another_unique_column_can_be_meant(counted: Database) -> None:
    async with counted.write() as connection:
        row = {"team": "z", "day": 9, "count": 1, "slot": 1}
        assert await upsert(connection, days, row, on=["slot"], setting=["count"]) == 1
    assert await kept(counted) == [("a", 1, 1, "old")]
    with pytest.raises(IntegrityError):
        async with counted.write() as connection:
            await upsert(connection, days, row)


async def test_ignoring_counts_what_went_in(counted: Database) -> None:
    async with counted.write() as connection:
        rows = [{"team": team, "day": 1, "count": 0} for team in "abc"]
        assert await insert_ignore(connection, days, rows) == 2
        assert await insert_ignore(connection, days, rows) == 0
        assert await insert_ignore(connection, days, {"team": "d", "day": 1, "count": 0, "slot": 1}) == 0
    assert await kept(counted) == [("a", 1, 5, "old"), ("b", 1, 0, "new"), ("c", 1, 0, "new")]


async def test_ignoring_one_constraint_keeps_the_others(counted: Database) -> None:
    row = {"team": "d", "day": 1, "count": 0, "slot": 1}
    with pytest.raises(IntegrityError):
        async with counted.write() as connection:
            await insert_ignore(connection, days, row, on=["team", "day"])


async def test_any_number_of_rows_goes(counted: Database) -> None:
    rows = [{"team": "many", "day": day, "count": day} for day in range(2_500)]
    async with counted.write() as connection:
        assert await upsert(connection, days, []) == 0
        assert await insert_ignore(connection, days, []) == 0
        assert await upsert(connection, days, rows[:2_000]) == 2_000
        assert await insert_ignore(connection, days, rows) == 500
