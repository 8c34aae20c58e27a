"""How the databases answer lists: by indexes, without looking at rows that are not shown and without sorting many."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db import Database, now
from gateway.images import counters, library, records, suggesting, timeline
from gateway.images.counting import SHOWN
from gateway.images.image import Facet
from gateway.images.library import Place, Wanted
from gateway.images.tokens import terms
from tests.images.shelf import DAY, MINE, furnish, picture

Ask = Callable[[AsyncConnection], Awaitable[Any]]
AFTER = Place("01900000-0000-7000-8000-000000000000")
START = now() - 400 * DAY


def lists(wanted: Wanted, **how: Any) -> Ask:
    return lambda connection: library.page(connection, MINE, wanted, limit=20, **how)


LISTS: dict[str, tuple[Ask, int]] = {
    "newest": (lists(Wanted()), 1),
    "by cursor": (lists(Wanted(), after=AFTER), 1),
    "oldest": (lists(Wanted(), sort="oldest"), 1),
    "dates": (lists(Wanted(since=START, until=START + DAY)), 1),
    "favorites": (lists(Wanted(favorite=True)), 1),
    "no favorites": (lists(Wanted(favorite=False), after=AFTER), 1),
    "model": (lists(Wanted(model="m")), 1),
    "models": (lists(Wanted(models=frozenset({"m", "n"})), after=AFTER), 1),
    "tag": (lists(Wanted(tags=("hero",)), after=AFTER), 1),
    "model, tag, favorite": (lists(Wanted(model="m", tags=("hero",), favorite=True), after=AFTER), 1),
    "model, tag, dates": (lists(Wanted(model="m", tags=("hero",), since=START)), 1),
    "model, favorite": (lists(Wanted(model="m", favorite=True)), 1),
    "model, not favorite, oldest": (lists(Wanted(model="m", favorite=False), sort="oldest"), 1),
    "title": (lists(Wanted(), sort="title"), 1),
    "title by cursor": (lists(Wanted(), sort="title", after=Place(AFTER.id, "k")), 1),
    "favorites first": (lists(Wanted(), sort="favorite"), 1),
    "made here": (lists(Wanted(made_here=True)), 1),
    "preset": (lists(Wanted(preset_id="p")), 1),
    "trash": (lambda connection: library.trash(connection, MINE, limit=20), 1),
    "trash by cursor": (lambda connection: library.trash(connection, MINE, limit=20, after=Place(AFTER.id, "7")), 1),
    "total": (lambda connection: library.count(connection, MINE, Wanted()), 1),
    "total of a tag": (lambda connection: library.count(connection, MINE, Wanted(tags=("hero",))), 1),
    "total of days": (lambda connection: library.count(connection, MINE, Wanted(since=0, until=DAY - 1)), 1),
    "total of several": (lambda connection: library.count(connection, MINE, Wanted(tags=("hero",), model="m")), 1),
    "total of the trash": (lambda connection: library.count_trash(connection, MINE), 1),
    "timeline": (lambda connection: timeline.days(connection, MINE, Wanted(tags=("hero",), model="m"), limit=9), 2),
    "suggest": (lambda connection: suggesting.suggest(connection, MINE, "tag", "he", limit=9), 1),
    "suggest the most": (lambda connection: suggesting.suggest(connection, MINE, "tag", "", limit=9), 1),
}
WORDS: dict[str, Ask] = {
    "a word": lists(Wanted(terms=tuple(terms("red")))),
    "a word by cursor": lists(Wanted(terms=tuple(terms("red"))), after=AFTER),
    "a word with all filters": lists(Wanted(terms=tuple(terms("red")), model="m", tags=("hero",), favorite=True, since=START)),
    "two tags": lists(Wanted(tags=("hero", "red"))),
    "a seed": lists(Wanted(seed=7)),
}


@pytest.fixture
async def shelf(database: Database) -> Database:
    """Rows enough that an index is worth while."""
    await furnish(database)
    several = [
        picture(
            "red circle", at=START + place * DAY // 4, title=f"t{place % 7}", model="mn"[place % 2], seed=place,
            is_favorite=place % 9 == 0, tags=["hero", "red"][: place % 3], deleted_at=now() if place % 11 == 0 else None,
        )
        for place in range(600)
    ]  # fmt: skip
    async with database.write() as connection:
        await records.add_all(connection, several)
    if not database.is_sqlite:
        async with database.write() as connection:
            await connection.exec_driver_sql("ANALYZE")
    return database


async def asked(connection: AsyncConnection, ask: Ask) -> list[tuple[str, Any]]:
    """The statements, as the database gets them."""
    seen: list[tuple[str, Any]] = []

    def see(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        seen.append((statement, parameters))

    event.listen(connection.sync_connection, "before_cursor_execute", see)
    try:
        await ask(connection)
    finally:
        event.remove(connection.sync_connection, "before_cursor_execute", see)
    return seen


async def plan(connection: AsyncConnection, statement: str, parameters: Any) -> list[str]:
    if connection.dialect.name == "sqlite":
        rows = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        return [row[-1] for row in rows]
    # What the planner would do with a million rows, it shall do with these: a scan of few costs less than an index.
    for node in ("seqscan", "bitmapscan", "sort", "hashjoin", "mergejoin"):
        await connection.exec_driver_sql(f"SET LOCAL enable_{node} = off")
    return [row[0] for row in await connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)]


async def test_lists_walk_indexes(shelf: Database) -> None:
    for name, (ask, statements) in LISTS.items():
        async with shelf.read() as connection:
            seen = await asked(connection, ask)
            plans = [await plan(connection, *each) for each in seen]
        assert len(seen) == statements, name
        for each in plans:
            assert not bad(each), "\n".join([name, *each])


async def test_words_walk_their_index(shelf: Database) -> None:
    if not shelf.is_sqlite:
        pytest.skip("platform: PostgreSQL chooses by how common the words are")
    for name, ask in WORDS.items():
        async with shelf.read() as connection:
            plans = [await plan(connection, *each) for each in await asked(connection, ask)]
        for each in plans:
            assert not bad(each), "\n".join([name, *each])


async def test_of_a_rare_word_the_few_hits_alone_are_sorted(shelf: Database) -> None:
    if not shelf.is_sqlite:
        pytest.skip("platform: PostgreSQL chooses by how common the words are")
    async with shelf.write() as connection:
        await records.add(connection, picture("zeppelin"))
    async with shelf.read() as connection:
        seen = await asked(connection, lists(Wanted(terms=tuple(terms("zeppelin")))))
        known, (found, ordered), read = [await plan(connection, *each) for each in seen]
    assert "image_words VIRTUAL TABLE" in found
    assert ordered == "USE TEMP B-TREE FOR ORDER BY"
    assert not bad([*known, *read])


def bad(steps: list[str]) -> list[str]:
    """Steps that look at all rows of a table or sort them; what the statement itself holds at hand may be scanned."""
    return [
        step
        for step in steps
        if re.search(r"\bSCAN (?!\(|\d|image_words VIRTUAL|chosen|anon)|TEMP B-TREE|Seq Scan|Sort  ", step)
    ]


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted(tags=("red",)),
        Wanted(tags=("red",), terms=tuple(terms("circ"))),
        Wanted(models=frozenset("mn"), favorite=False, since=START + 9 * DAY, made_here=True),
    ],
)
async def test_a_title_among_filters_is_sorted_only_where_few_match(
    shelf: Database, monkeypatch: pytest.MonkeyPatch, wanted: Wanted
) -> None:
    async with shelf.read() as connection:
        few = await library.page(connection, MINE, wanted, sort="title", limit=50)
        monkeypatch.setattr(library, "MOST_SORTED", 3)
        many = await library.page(connection, MINE, wanted, sort="title", limit=50)
        walked = await asked(connection, lists(wanted, sort="title"))
        steps = await plan(connection, *walked[-1])
    assert [each.id for each in few.images] == [each.id for each in many.images]
    assert not bad(steps), "\n".join(steps)


async def test_a_change_takes_the_same_few_statements_however_many_pictures(shelf: Database) -> None:
    async def few(number: int) -> int:
        async with shelf.write() as connection:
            found = (await library.page(connection, MINE, Wanted(tags=("red",)), limit=number)).images
            return len(await asked(connection, lambda asking: records.alter(asking, found, deleted_at=now())))

    assert await few(40) == await few(2)


async def test_counters_are_read_by_their_keys(shelf: Database) -> None:
    async with shelf.read() as connection:
        totals = await counters.total(connection, MINE, SHOWN, Facet("tag", "red"), Facet("tag", "none"))
        found = await library.page(connection, MINE, Wanted(), limit=1)
        assert found.next is not None
        assert totals[SHOWN] > totals[Facet("tag", "red")] > totals[Facet("tag", "none")] == 0
