"""A picture's parent and variants, and that they cost the same in however large a gallery."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event

from gateway.db import Database, new_id, now
from gateway.images import records, variants
from gateway.images.variants import not_deleted, parent_of, variants_of
from tests.images.shelf import YOURS, furnish, picture


@pytest.fixture
async def gallery(database: Database) -> Database:
    await furnish(database)
    return database


async def test_the_newest_variants_that_lists_would_show(gallery: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(variants, "MOST_VARIANTS", 3)
    first = picture("first")
    made = [picture("made", parent_id=first.id) for _ in range(5)]
    hidden = [
        picture("in the trash", parent_id=first.id, deleted_at=now()),
        picture("not saved", parent_id=first.id, unsaved_at=now(), source="upload"),
        picture("theirs", parent_id=first.id, team_id=YOURS),
        picture("further down", parent_id=made[0].id),
    ]
    async with gallery.write() as connection:
        await records.add_all(connection, [first, *made, *hidden])
    async with gallery.read() as connection:
        assert [each.id for each in await variants_of(connection, first)] == [each.id for each in made[:1:-1]]


async def test_a_parent_is_told_as_long_as_it_is_there(gallery: Database) -> None:
    there, trashed, theirs = picture("there"), picture("trashed", deleted_at=now()), picture("theirs", team_id=YOURS)
    async with gallery.write() as connection:
        await records.add_all(connection, [there, trashed, theirs])
    async with gallery.read() as connection:
        for parent_id, told in ((None, None), (there.id, there.id), (trashed.id, None), (theirs.id, None), (new_id(), None)):
            found = await parent_of(connection, picture("child", parent_id=parent_id))
            assert (found.id if found else None) == told
        assert set(await not_deleted(connection, [there.id, trashed.id, new_id(), there.id])) == {there.id}
        assert await not_deleted(connection, []) == {}


async def test_an_index_has_them_in_their_order(gallery: Database) -> None:
    if gallery.path is None:
        pytest.skip("platform: PostgreSQL's plans go by statistics, of which a small table has none")
    asked: list[tuple[str, Any]] = []
    async with gallery.read() as connection:
        event.listen(connection.sync_connection, "before_cursor_execute", lambda *given: asked.append((given[2], given[3])))
        await variants_of(connection, picture("first"))
        ((told, given),) = asked
        plan = [row.detail for row in await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {told}", given)]
    assert "USING INDEX ix_images_variants (team_id=? AND parent_id=?)" in plan[0]
    assert len(plan) == 1
