"""Where pictures come from, and what came of them."""

from __future__ import annotations

import pytest
from sqlalchemy import event

from gateway.db import Database, new_id
from gateway.errors import NotFound
from gateway.images import families, records
from gateway.images.families import Family, family
from gateway.images.image import Image
from tests.images.shelf import MINE, YOURS, furnish, picture


@pytest.fixture
async def gallery(database: Database) -> Database:
    await furnish(database)
    return database


async def add(database: Database, *pictures: Image) -> None:
    async with database.write() as connection:
        for each in pictures:
            await records.add(connection, each)


async def of(database: Database, image_id: str, team: str = MINE) -> Family:
    async with database.read() as connection:
        return await family(connection, team, image_id)


def chain(length: int) -> list[Image]:
    """Each made from the one before."""
    found = [picture("0")]
    for number in range(1, length):
        found.append(picture(str(number), parent_id=found[-1].id))
    return found


async def test_a_chain_has_a_member_for_each_depth(gallery: Database) -> None:
    links = chain(40)
    await add(gallery, *links, picture("alone"))
    for start in (links[0], links[20], links[-1]):
        found = await of(gallery, start.id)
        assert [(each.id, each.depth) for each in found.members] == [(each.id, depth) for depth, each in enumerate(links)]
        assert found.is_whole


async def test_of_more_than_a_thousand_the_nearest_to_the_original_are_told(
    gallery: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(families, "MOST", 5)
    root = picture("root")
    children = [picture("child", parent_id=root.id) for _ in range(7)]
    await add(gallery, root, *children, picture("grandchild", parent_id=children[0].id))
    found = await of(gallery, root.id)
    assert [each.depth for each in found.members] == [0, 1, 1, 1, 1]
    assert not found.is_whole
    monkeypatch.setattr(families, "MOST", 9)
    found = await of(gallery, root.id)
    assert (len(found.members), found.is_whole) == (9, True)


async def test_a_circle_ends(gallery: Database) -> None:
    """Nothing makes one; a row that was written by hand must not stop the gateway."""
    first, second = new_id(), new_id()
    await add(gallery, picture("a", id=first, parent_id=second), picture("b", id=second, parent_id=first))
    found = await of(gallery, first)
    assert {each.id for each in found.members} == {first, second}


async def test_other_teams_are_not_looked_at(gallery: Database) -> None:
    mine = picture("mine")
    theirs = picture("theirs", team_id=YOURS, parent_id=mine.id)
    below = picture("below", parent_id=theirs.id)
    await add(gallery, mine, theirs, below)
    assert [each.id for each in (await of(gallery, mine.id)).members] == [mine.id]
    assert [(each.id, each.image is None) for each in (await of(gallery, below.id)).members] == [
        (theirs.id, True),
        (below.id, False),
    ]
    with pytest.raises(NotFound):
        await of(gallery, mine.id, YOURS)


async def test_it_takes_two_statements_however_large_it_is(gallery: Database) -> None:
    links = chain(12)
    await add(gallery, *links)
    said: list[str] = []
    async with gallery.read() as connection:
        engine = connection.engine.sync_engine
        event.listen(engine, "before_cursor_execute", lambda *arguments: said.append(arguments[2]))
        await family(connection, MINE, links[5].id)
    assert len(said) == 2


async def test_each_step_is_a_search_of_an_index(gallery: Database) -> None:
    if not gallery.is_sqlite:
        pytest.skip("platform: PostgreSQL scans a table of a few rows whatever indexes there are")
    async with gallery.read() as connection:
        query = families._descendants(MINE, new_id())
        written = query.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
        plan = [row[3] for row in await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {written}")]
    assert not [line for line in plan if line.startswith("SCAN images")], plan
    assert any("parent_id=?" in line for line in plan), plan
