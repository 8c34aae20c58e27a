"""Pictures from before there was a search: found by it after some start, and looked for by no start after that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import delete, event, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db import Database, across_teams, now
from gateway.errors import StorageUnavailable
from gateway.images import backfill, library, records, search
from gateway.images.library import Wanted
from gateway.images.tables import image_texts, images
from gateway.images.tokens import terms
from tests.images.shelf import DAY, MINE, YOURS, furnish, picture

OLD = 5


@pytest.fixture
async def gallery(database: Database) -> Database:
    """Pictures of two teams that no search finds yet, one of them in the trash and one an upload that nobody saved."""
    await furnish(database)
    shown = [picture(f"old {number}", at=now() + number * DAY, team_id=(MINE, YOURS)[number % 2]) for number in range(OLD)]
    others = [picture("old trash", deleted_at=now()), picture("old upload", source="upload", unsaved_at=now())]
    async with database.write() as connection:
        await records.add_all(connection, [*shown, *others])
        await connection.execute(delete(image_texts))
    return database


async def found(database: Database, words: str) -> list[str]:
    """The prompts of mine, newest first."""
    async with database.read() as connection:
        page = await library.page(connection, MINE, Wanted(terms=tuple(terms(words))), limit=50)
    return [image.prompt for image in page.images]


@contextmanager
def seen(database: Database) -> Iterator[list[str]]:
    """Statements that are sent meanwhile."""
    statements: list[str] = []

    def see(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    engines = {database._reader.sync_engine, database._writer.sync_engine}
    for engine in engines:
        event.listen(engine, "before_cursor_execute", see)
    try:
        yield statements
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", see)


async def test_old_pictures_are_found_and_never_looked_for_again(gallery: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backfill, "_BATCH", 2)
    await backfill.catch_up(gallery)
    assert await found(gallery, "old") == ["old 4", "old 2", "old 0"]
    with seen(gallery) as statements:
        await backfill.catch_up(gallery)
    assert not [each for each in statements if "images" in each or "image_texts" in each], statements


async def test_what_is_found_already_stays_as_it_is(gallery: Database) -> None:
    async with gallery.write() as connection:
        (kept,) = (await connection.execute(across_teams(select(images.c.id)).where(images.c.prompt == "old 2"))).scalars()
        await search.index(connection, kept, MINE, "found again")
    await backfill.catch_up(gallery)
    assert await found(gallery, "old") == ["old 4", "old 0"]
    assert await found(gallery, "again") == ["old 2"]


async def test_what_came_out_of_the_trash_meanwhile_is_found_once(gallery: Database) -> None:
    async with gallery.write() as connection:
        (row,) = await connection.execute(across_teams(select(images)).where(images.c.deleted_at.is_not(None)))
        await records.alter(connection, [records.from_row(row)], deleted_at=None)
    await backfill.catch_up(gallery)
    assert await found(gallery, "trash") == ["old trash"]


async def test_a_start_goes_on_where_the_one_before_was_stopped(
    gallery: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(backfill, "_BATCH", 2)
    indexed, right = [], search.index_new

    async def fails_the_second_time(connection: AsyncConnection, several: Mapping[str, str]) -> None:
        await right(connection, several)
        indexed.append(len(several))
        if len(indexed) == 2:
            raise StorageUnavailable("the disk is full")

    monkeypatch.setattr(search, "index_new", fails_the_second_time)
    await backfill.catch_up(gallery)
    assert "not all found by the search yet: the disk is full" in caplog.text
    assert await found(gallery, "old") == ["old 4"]
    await backfill.catch_up(gallery)
    assert await found(gallery, "old") == ["old 4", "old 2", "old 0"]
    assert indexed == [2, 2, 2, 1]


async def test_many_that_change_alike_are_indexed_together(gallery: Database) -> None:
    """Also such as the search has not caught up with."""
    several = [picture(f"new {number}") for number in range(40)]
    async with gallery.write() as connection:
        await records.add_all(connection, several)
        query = across_teams(select(images)).where(images.c.team_id == MINE, images.c.deleted_at.is_(None))
        mine = [records.from_row(row) for row in await connection.execute(query)]
        with seen(gallery) as many:
            changed = await records.alter(connection, mine, tags=["all"])
        with seen(gallery) as few:
            await records.alter(connection, changed[:2], tags=["some"])
    assert len(many) - len(few) <= 3, many
    assert len(await found(gallery, "all")) == len(mine) - 1 - 2  # without the upload
    assert len(await found(gallery, "some")) == 2
    assert len(await found(gallery, "old")) == 3


async def test_words_with_accents_are_found_without_them(gallery: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backfill, "_ROWS", 2)
    several = [picture(prompt) for prompt in ("a café", "plain", "กาแฟ ガ", "Đà Nẵng")]
    written_anew = picture("crème")
    async with gallery.write() as connection:
        await records.add_all(connection, [*several, written_anew])
        for image, kept in ((several[0], "a café cafe"), (several[3], "đà nẵng"), (written_anew, "crème")):
            team = search.kept_of(MINE)
            await connection.execute(
                update(image_texts).where(image_texts.c.image_id == image.id).values(tokens=f"{team} {kept}")
            )
    assert await found(gallery, "da nang") == []
    await backfill.leave_accents_out(gallery)
    for words, prompts in {
        "cafe": ["a café"], "CAFÉ": ["a café"], "da nang": ["Đà Nẵng"], "Đà": ["Đà Nẵng"],
        "กาแฟ": ["กาแฟ ガ"], "ガ": ["กาแฟ ガ"], "plain": ["plain"], "creme": ["crème"],
    }.items():  # fmt: skip
        assert await found(gallery, words) == prompts, words
    with seen(gallery) as statements:
        await backfill.leave_accents_out(gallery)
    assert not [each for each in statements if "image_texts" in each], statements
