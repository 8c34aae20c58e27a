"""What is found out before the words' index is asked changes nothing of what it finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from sqlalchemy import insert, text

from gateway.db import Database
from gateway.db.migrations.versions import v0005_search_words, v0012_rare_words
from gateway.images import library, ranges, records, search
from gateway.images.tables import image_texts, images
from gateway.images.tokens import Term, terms
from gateway.images.wanted import Wanted, Way
from gateway.images.widening import FEW, MOST_WORDS, widened
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


async def asked(database: Database, query: str, team: str = MINE, **changed: Any) -> Asked:
    async with database.read() as connection:
        wanted = await widened(connection, team, Wanted(terms=tuple(terms(query))))
        wanted = msgspec.structs.replace(wanted, **changed)
        found = (await connection.execute(ranges.chosen(team, wanted, limit=10))).scalars().all()
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
@pytest.mark.parametrize("way", ["in order", "few", "one by one"])
async def test_the_same_is_found_in_each_way(gallery: Database, query: str, places: list[int], way: Way) -> None:
    assert (await asked(gallery, query, way=way)).found == [PROMPTS[place] for place in places]


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


async def counted(database: Database) -> dict[str, int]:
    """In how many pictures SQLite knows words to be."""
    async with database.read() as connection:
        return dict((await connection.execute(text("select word, seen from image_words_known"))).tuples().all())


async def test_few_hits_are_sorted_and_many_read_newest_first(gallery: Database) -> None:
    if not gallery.is_sqlite:
        pytest.skip("platform: PostgreSQL has statistics")
    for query in ("forest", "forestry", "forest of", "unheard", "forest common"):
        assert (await asked(gallery, query)).wanted.way == "few", query
    async with gallery.write() as connection:
        await records.add_all(connection, [picture(f"common common{place % 2}") for place in range(FEW + 1)])
    for query in ("common", "for", "東京", "common for"):
        assert (await asked(gallery, query)).wanted.way == "in order", query
    assert (await asked(gallery, "forest common")).wanted.way == "few"
    assert (await asked(gallery, "common1")).wanted.way == "few"


async def test_a_word_is_counted_once_for_a_picture_and_no_further_than_a_few(gallery: Database) -> None:
    if not gallery.is_sqlite:
        pytest.skip("platform: PostgreSQL has statistics")
    changed = picture("lantern")
    async with gallery.write() as connection:
        await records.add(connection, changed)
        for texts in (["lantern", "lighthouse"], ["lantern lantern"], ["lantern", "lighthouse lanterns"]):
            await search.index(connection, changed.id, MINE, *texts)
    known = await counted(gallery)
    # What was taken away and put back counts again: rather too many than too few.
    assert {word: known[word] for word in ("lantern", "lanterns", "lighthouse")} == {
        "lantern": 1, "lanterns": 1, "lighthouse": 2,
    }  # fmt: skip
    async with gallery.write() as connection:
        await records.add_all(connection, [picture("common") for _ in range(v0012_rare_words.MOST + 9)])
    assert (await counted(gallery))["common"] == v0012_rare_words.MOST == FEW + 1


async def test_words_from_before_they_were_counted_are_counted_by_the_index(gallery: Database) -> None:
    if not gallery.is_sqlite:
        pytest.skip("platform: PostgreSQL has statistics")
    async with gallery.write() as connection:
        await records.add_all(connection, [picture("common") for _ in range(FEW + 9)])
    before = await counted(gallery)
    async with gallery.write() as connection:
        for trigger in ("added", "changed"):
            await connection.execute(text(f"drop trigger image_texts_words_{trigger}"))
        await connection.execute(text("drop table image_words_known"))
        for statement in (*v0005_search_words.SQLITE, *v0012_rare_words.SQLITE):
            await connection.exec_driver_sql(statement)
    assert await counted(gallery) == before
    async with gallery.write() as connection:
        await records.add(connection, picture("forestry again"))
    assert (await counted(gallery))["forestry"] == before["forestry"] + 1


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
    assert (await asked(gallery, "common")).wanted.way == "one by one"
    assert (await asked(gallery, "rare")).wanted.way == "few"
    assert (await asked(gallery, "common rare")).wanted.way == "few"
    assert search.of_all(MINE) in (await asked(gallery, "rare")).wanted.looked_at
    assert (await asked(gallery, "common rare")).wanted.looked_at == (search.of_all(MINE), Term("common", True))
    assert (await asked(gallery, "rare")).found == ["common rare"]
    others = await asked(gallery, "-x rare", team=YOURS)
    assert others.wanted.looked_at == ()
    assert others.found == []


async def test_a_plan_for_several_workers_is_none_of_ours(gallery: Database) -> None:
    """PostgreSQL would put what it expects of each part below that of all workers together."""
    if gallery.is_sqlite:
        pytest.skip("platform: SQLite has no workers")
    several = (Wanted(terms=tuple(terms("forest"))), Wanted(tags=("a", "b")), Wanted(terms=tuple(terms("for")), model="m"))
    async with gallery.read() as connection:
        alone = [await widened(connection, MINE, wanted) for wanted in several]
        for setting in ("parallel_setup_cost", "parallel_tuple_cost", "min_parallel_table_scan_size"):
            await connection.execute(text(f"SET LOCAL {setting} = 0"))
        for scan in ("indexscan", "bitmapscan"):
            await connection.execute(text(f"SET LOCAL enable_{scan} = off"))
        assert [await widened(connection, MINE, wanted) for wanted in several] == alone


async def test_the_rarest_tag_is_walked(gallery: Database) -> None:
    if gallery.is_sqlite:
        pytest.skip("platform: FTS5 reads newest first whatever is common")
    shown = [picture(tags=["Often", "Seldom"] if place % 20 == 0 else ["often"]) for place in range(600)]
    async with gallery.write() as connection:
        await records.add_all(connection, shown)
        await connection.execute(text("ANALYZE"))
    both = Wanted(tags=("OFTEN", "seldom"))
    async with gallery.read() as connection:
        wanted = await widened(connection, MINE, both)
        found = (await library.page(connection, MINE, both, limit=7)).images
    assert (wanted.tags, wanted.way) == (("seldom", "often"), "one by one")
    assert [each.id for each in found] == [each.id for each in shown[::-1] if len(each.tags) == 2][:7]


async def test_without_words_nothing_is_asked(gallery: Database) -> None:
    async with gallery.read() as connection:
        for wanted in (Wanted(), Wanted(model="m"), Wanted(terms=())):
            assert await widened(connection, MINE, wanted) is wanted
