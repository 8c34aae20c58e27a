"""A team's presets: who may change them, their versions, and whose they are."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import select

from gateway.accounts.tables import audit
from gateway.db import Database
from gateway.errors import Forbidden, NotFound
from gateway.presets import preferred, presets
from gateway.presets.presets import Content, Defaults
from gateway.presets.requirements import Requirement
from tests.presets.conftest import Person

SHOE = Content(
    name="Shoe",
    prompt_template="a {{colour}} shoe",
    negative_prompt="text",
    requirements=(Requirement(key="colour", type="select", options=("red", "blue")),),
    defaults=Defaults(resolution="high"),
)


async def test_a_preset_is_kept_as_it_was_given(database: Database, person: Person) -> None:
    owner, viewer = await person("one", "owner"), await person("one", "viewer")
    made = await presets.create(database, owner, SHOE)
    assert (made.version, made.content, made.created_at) == (1, SHOE, made.updated_at)
    assert await presets.get(database, viewer, made.id) == made
    assert await presets.newest(database, viewer, limit=10) == ([made], 1)


async def test_each_change_is_a_version_and_none_is_lost(database: Database, person: Person) -> None:
    owner = await person("one", "owner")
    made = await presets.create(database, owner, SHOE)
    others = [Content(name=f"Shoe {number}", prompt_template="a shoe") for number in range(4)]
    await asyncio.gather(*(presets.change(database, owner, made.id, other) for other in others))
    every = await presets.versions(database, owner, made.id)
    assert [one.version for one in every] == [5, 4, 3, 2, 1]
    assert every[0] == await presets.get(database, owner, made.id)
    assert {one.content.name for one in every[:-1]} == {other.name for other in others}
    assert every[-1].content == SHOE
    assert await presets.get(database, owner, made.id, 1) == every[-1]
    with pytest.raises(NotFound, match="no version 6; the newest is 5"):
        await presets.get(database, owner, made.id, 6)


async def test_what_was_taken_away_is_not_there_any_more(database: Database, person: Person) -> None:
    owner = await person("one", "owner")
    made = await presets.create(database, owner, SHOE)
    await presets.delete(database, owner, made.id)
    for again in (
        presets.get(database, owner, made.id),
        presets.versions(database, owner, made.id),
        presets.change(database, owner, made.id, SHOE),
        presets.delete(database, owner, made.id),
    ):
        with pytest.raises(NotFound):
            await again
    assert await presets.newest(database, owner, limit=10) == ([], 0)
    async with database.read() as connection:
        assert await presets.is_known(connection, owner.team_id, made.id)


async def test_another_teams_preset_is_not_there(database: Database, person: Person) -> None:
    owner, stranger = await person("one", "owner"), await person("two", "owner")
    made = await presets.create(database, owner, SHOE)
    for attempt in (
        presets.get(database, stranger, made.id),
        presets.get(database, stranger, made.id, 1),
        presets.versions(database, stranger, made.id),
        presets.change(database, stranger, made.id, SHOE),
        presets.delete(database, stranger, made.id),
    ):
        with pytest.raises(NotFound):
            await attempt
    assert await presets.newest(database, stranger, limit=10) == ([], 0)
    assert await presets.get(database, owner, made.id) == made
    async with database.read() as connection:
        assert not await presets.is_known(connection, stranger.team_id, made.id)


@pytest.mark.parametrize("role", ["viewer", "member"])
async def test_only_owners_change_presets(database: Database, person: Person, role: str) -> None:
    made = await presets.create(database, await person("one", "owner"), SHOE)
    other = await person("one", role)  # type: ignore[arg-type]
    for attempt in (
        presets.create(database, other, SHOE),
        presets.change(database, other, made.id, SHOE),
        presets.delete(database, other, made.id),
        preferred.put(database, other, "shapes"),
    ):
        with pytest.raises(Forbidden):
            await attempt


async def test_every_change_is_in_the_audit_log(database: Database, person: Person) -> None:
    owner = await person("one", "owner")
    made = await presets.create(database, owner, SHOE)
    await presets.change(database, owner, made.id, SHOE)
    await presets.delete(database, owner, made.id)
    await preferred.put(database, owner, "shapes")
    async with database.read() as connection:
        rows = (await connection.execute(select(audit.c.action, audit.c.target).order_by(audit.c.id))).all()
    assert [tuple(row) for row in rows] == [
        ("preset.create", made.id),
        ("preset.update", made.id),
        ("preset.delete", made.id),
        ("team.default_model", owner.team_id),
    ]


async def test_pages_and_cursors(database: Database, person: Person) -> None:
    owner = await person("one", "owner")
    made = [await presets.create(database, owner, SHOE) for _ in range(5)]
    first, count = await presets.newest(database, owner, limit=2)
    second, _ = await presets.newest(database, owner, limit=2, before=first[-1].id)
    third, _ = await presets.newest(database, owner, limit=2, offset=4)
    assert [one.id for one in (*first, *second, *third)] == [one.id for one in reversed(made)]
    assert count == 5


async def test_the_model_that_a_team_prefers(database: Database, person: Person) -> None:
    owner, stranger = await person("one", "owner"), await person("two", "owner")
    assert await preferred.get(database, owner) is None
    await preferred.put(database, owner, "shapes")
    await preferred.put(database, owner, "other")
    assert await preferred.get(database, owner) == "other"
    assert await preferred.get(database, stranger) is None
    await preferred.put(database, owner, None)
    assert await preferred.get(database, owner) is None
