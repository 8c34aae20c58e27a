"""What is found out before the words' index is asked changes nothing of what it finds."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import pytest
from sqlalchemy import insert, text

from gateway.db import Database
from gateway.images import records, search
from gateway.images.tables import image_texts, images
from gateway.images.tokens import Term, terms
from gateway.images.wanted import Wanted
from gateway.images.widening import MOST_WORDS, widened
from tests.images.shelf import MINE, YOURS, furnish, picture

PROMPTS = ("a forest", "forests at dusk", "forestry", "deforested", "fore", "a FOREST of 東京", "foresight, forest", "for")


@pytest.fixture
async def gallery(database: Database) -> Database:
    await furnish(database)
    async with database.write() as connection:
        for prompt in PROMPTS:
            await records.add(connection, picture(prompt))
        await records.add(connection, picture("foreststone", team_id=YOURS))
    return database


@dataclass
class Asked:
    wanted: Wanted
    """As it was widened."""
    found: list[str]


async def asked(database: Database, query: str, **changed: bool | None) -> Asked:
    async with database.read() as connection:
        wanted = await widened(connection, MINE, Wanted(terms=tuple(terms(query))))
        wanted = msgspec.structs.replace(wanted, **changed)
        found = (await connection.execute(search.chosen(MINE, wanted, limit=10))).scalars().all()
        rows = (await connection.execute(text("select id, prompt from images"))).fetchall()
    prompts = {row.id: row.prompt for row in rows}
    return Asked(wanted, [prompts[each] for each in found])


@pytest.mark.parametrize(
    ("query", "places"),
    [
        ("forest", [6, 5, 2, 1, 0]),
        ("fore", [6, 5, 4, 2, 1, 0]),
        ("for", [7, 6, 5, 4, 2, 1, 0]),
        ("forest foresight", [6]),
        ("forest 東京", [5]),
        ("forestr", [2]),
        ("forestx", []),
        ("東京", [5]),
    ],
)
@pytest.mark.parametrize("is_common", [None, True, False])
async def test_the_same_is_found_in_each_way(gallery: Database, query: str, places: list[int], is_common: bool | None) -> None:
    assert (await asked(gallery, query, is_common=is_common)).found == [PROMPTS[place] for place in places]


async def test_a_beginning_becomes_the_words_that_begin_so(gallery: Database) -> None:
    if not gallery.is_sqlite:
        pytest.skip("platform: PostgreSQL reads all that is found in either case")
    (term,) = (await asked(gallery, "forest")).wanted.terms or ()
    assert term == Term("forest", True, ("forest", "forestry", "forests", "foreststone"))
    assert (await asked(gallery, "for")).wanted.terms == (Term("for", True),)
    async with gallery.write() as connection:
        await records.add(connection, picture(" ".join(f"forest{number}" for number in range(MOST_WORDS))))
    assert (await asked(gallery, "forest")).wanted.terms == (Term("forest", True),)
    assert len((await asked(gallery, "forest1")).found) == 1


async def test_words_that_are_changed_are_known(gallery: Database) -> None:
    changed = picture("first")
    async with gallery.write() as connection:
        await records.add(connection, changed)
        await search.index(connection, changed.id, MINE, "secondly")
    assert (await asked(gallery, "second")).found == ["first"]
    assert (await asked(gallery, "firs")).found == []


async def test_statistics_tell_what_is_common(gallery: Database) -> None:
    if gallery.is_sqlite:
        pytest.skip("platform: FTS5 reads newest first whatever is common")
    shown = [picture(f"common {'rare' if number == 7 else number}") for number in range(600)]
    async with gallery.write() as connection:
        await connection.execute(insert(images), [msgspec.structs.asdict(each) for each in shown])
        rows = [
            {"number": n, "image_id": each.id, "tokens": f"{search._team(MINE)} {each.prompt}"} for n, each in enumerate(shown)
        ]
        await connection.execute(insert(image_texts), rows)
        await connection.execute(text("ANALYZE image_texts"))
    assert (await asked(gallery, "common")).wanted.is_common is True
    assert (await asked(gallery, "rare")).wanted.is_common is False
    assert (await asked(gallery, "common rare")).wanted.is_common is False


async def test_without_words_nothing_is_asked(gallery: Database) -> None:
    async with gallery.read() as connection:
        for wanted in (Wanted(), Wanted(model="m"), Wanted(terms=())):
            assert await widened(connection, MINE, wanted) is wanted
