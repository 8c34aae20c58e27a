"""Pages of jobs, and counts that end somewhere, on both databases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import event, insert, select

from gateway.catalog import Settings
from gateway.db import across_teams, new_id
from gateway.errors import InvalidInput
from gateway.jobs import inputs, listing, records
from gateway.jobs.admission import admission
from gateway.jobs.exports import Exports
from gateway.jobs.listing import Count, Wanted
from gateway.jobs.tables import jobs
from tests.scheduling.conftest import Box, OpenBox


@pytest.fixture
async def box(open_box: OpenBox) -> Box:
    return await open_box(start=False, m="", other="")


async def more(box: Box, number: int, **values: Any) -> None:
    """So many like the last one, with these values."""
    async with box.db.write() as connection:
        query = across_teams(select(jobs)).order_by(jobs.c.id.desc()).limit(1)
        row = dict((await connection.execute(query)).one()._mapping)
        await connection.execute(insert(jobs), [{**row, **values, "id": new_id()} for _ in range(number)])


async def count(box: Box, **wanted: Any) -> Count:
    async with box.db.read() as connection:
        return await listing.count(connection, box.principal.team_id, Wanted(**wanted))


async def ids(box: Box, wanted: Wanted, **place: Any) -> list[str]:
    async with box.db.read() as connection:
        return [each.id for each in await listing.page(connection, box.principal.team_id, wanted, **place)]


async def test_each_filter_counts_what_it_lists(box: Box) -> None:
    assert await count(box) == Count(0, False)
    mine = [await box.ask(), await box.ask("other"), await box.ask()]
    await box.cancel(mine[0])
    who = box.principal.user_id
    for filters, found in (
        ({}, mine),
        ({"state": "queued"}, mine[1:]),
        ({"state": "failed"}, []),
        ({"model": "m"}, [mine[0], mine[2]]),
        ({"user_id": who}, mine),
        ({"user_id": new_id()}, []),
        ({"capability": "text_to_image", "model": "other"}, mine[1:2]),
        ({"state": "canceled", "user_id": who, "model": "m", "capability": "text_to_image"}, mine[:1]),
    ):
        wanted = Wanted(**filters)  # type: ignore[arg-type]
        assert await ids(box, wanted, limit=9) == [job.id for job in found[::-1]], filters
        async with box.db.read() as connection:
            assert await listing.count(connection, box.principal.team_id, wanted) == Count(len(found), False), filters
            assert await listing.count(connection, new_id(), wanted) == Count(0, False)


async def test_pages_by_number_and_by_cursor(box: Box) -> None:
    made = [(await box.ask()).id for _ in range(5)][::-1]
    assert await ids(box, Wanted(), limit=2) == made[:3]
    assert await ids(box, Wanted(), limit=2, page=2) == made[2:5]
    assert await ids(box, Wanted(), limit=2, page=3) == made[4:]
    assert await ids(box, Wanted(), limit=2, page=9) == []
    assert await ids(box, Wanted(), limit=2, page=9, before=made[2]) == made[3:]
    assert await ids(box, Wanted(), limit=100, page=100) == []
    with pytest.raises(InvalidInput, match="first 10000 tasks; go on with `next`") as caught:
        await ids(box, Wanted(), limit=100, page=101)
    assert caught.value.field == "page"


async def test_a_count_ends_somewhere(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "MOST_COUNTED", 4)
    monkeypatch.setattr(listing, "DEEPEST", 8)
    await box.ask()
    await more(box, 3)
    assert await count(box) == Count(4, False)
    await more(box, 1)
    assert await count(box) == Count(4, True)
    await more(box, 7, model="other")
    assert await count(box, model="other") == Count(4, True)
    # Of the newest eight queued ones, one is of this model; those behind are not looked at.
    assert await count(box, state="queued", model="m") == Count(1, True)
    assert await count(box, state="failed", model="m") == Count(0, False)


PLANNED: Sequence[tuple[Wanted, str]] = (
    (Wanted(), "ix_jobs_team"),
    (Wanted(state="failed"), "ix_jobs_state"),
    (Wanted(user_id="a"), "ix_jobs_user_id"),
    (Wanted(model="a"), "ix_jobs_model"),
    (Wanted(capability="upscale"), "ix_jobs_capability"),
)


@pytest.mark.parametrize(("wanted", "index"), PLANNED, ids=[index for _, index in PLANNED])
async def test_an_index_answers_list_and_count(box: Box, wanted: Wanted, index: str) -> None:
    if box.db.path is None:
        pytest.skip("platform: PostgreSQL's plans go by statistics, of which a small table has none")
    asked: list[tuple[str, Any]] = []
    async with box.db.read() as connection:
        event.listen(connection.sync_connection, "before_cursor_execute", lambda *given: asked.append((given[2], given[3])))
        await listing.page(connection, "t", wanted, limit=20)
        await listing.count(connection, "t", wanted)
        queries = asked[:]
        plans = [await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {told}", given) for told, given in queries]
        told = [[row.detail for row in plan] for plan in plans]
    assert len(told) == 2
    for plan in told:
        assert any(f"INDEX {index} " in line for line in plan), plan
        assert not any("TEMP B-TREE" in line for line in plan), plan


async def test_what_is_not_finished_is_found_without_the_rest(box: Box) -> None:
    """Each minute, and at each start, however many jobs have ended."""
    if box.db.path is None:
        pytest.skip("platform: PostgreSQL's plans go by statistics, of which a small table has none")
    asked: list[tuple[str, Any]] = []
    exports = Exports(box.db, box.bus, box.blobs, Settings)

    def note(*given: Any) -> None:
        asked.append((given[2], given[3]))

    for engine in (box.db._reader, box.db._writer):
        event.listen(engine.sync_engine, "before_cursor_execute", note)
    async with box.db.read() as connection:
        await records.live(connection, "running")
        await records.queued_ids(connection)
    await admission(box.bus).rebuild(box.db)
    await inputs.catch_up(box.db)
    await exports.start()
    looks = [(told, given) for told, given in asked if " FROM jobs " in told.replace("\n", " ")]
    assert len(looks) == 5
    async with box.db.read() as connection:
        for told, given in looks:
            plan = [row.detail for row in await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {told}", given)]
            assert any("INDEX ix_jobs_live " in line for line in plan), (told, plan)
