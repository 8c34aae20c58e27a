from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Select, delete, func, insert, select

from gateway.accounts.tables import teams, users
from gateway.db import Database, across_teams, drawn, id_at, insert_ignore, new_id, now, of_team
from gateway.images import library, records, search
from gateway.images.records import Image
from gateway.images.tables import image_texts, images
from gateway.images.tokens import terms, tokens
from gateway.images.wanted import Wanted
from gateway.images.words import narrowed
from gateway.storage.tables import LIVE, blobs

MINE, YOURS = new_id(), new_id()
USER = new_id()
BLOB = "0" * 64


def picture(prompt: str, *, team: str = MINE, title: str = "") -> Image:
    return Image(
        id=new_id(), team_id=team, user_id=USER, job_id=None, ordinal=0, parent_id=None, source="generate", blob=BLOB,
        thumbnail_256=BLOB, thumbnail_768=None, thumbhash="", media_type="image/png", bytes=1, width=1, height=1, title=title,
        model="m", engine="e", prompt=prompt, negative_prompt="", seed=None, parameters={}, created_at=now(), deleted_at=None,
    )  # fmt: skip


@pytest.fixture
async def gallery(database: Database) -> Database:
    """Two teams without pictures."""
    async with database.write() as connection:
        rows = [{"id": team, "name": name, "created_at": now()} for team, name in ((MINE, "mine"), (YOURS, "yours"))]
        await connection.execute(insert(teams), rows)
        await connection.execute(
            insert(users), [{"id": USER, "name": "u", "email": None, "is_admin": False, "created_at": now()}]
        )
        await connection.execute(insert(blobs), [{"hash": BLOB, "bytes": 1, "state": LIVE, "touched_at": now()}])
    return database


async def add(database: Database, *pictures: Image) -> None:
    async with database.write() as connection:
        for one in pictures:
            await records.add(connection, one)


def matching(team: str, query: str, *, after: str | None = None, limit: int = 50) -> Select[tuple[str]]:
    return search.chosen(team, Wanted(terms=tuple(terms(query))), after=after, limit=limit)


async def found(database: Database, query: str, team: str = MINE) -> list[str]:
    """The prompts of what is found, newest first, as a list would ask for them."""
    wanted = of_team(across_teams(select(images.c.prompt)), team, images).where(images.c.id.in_(matching(team, query)))
    async with database.read() as connection:
        return list((await connection.execute(wanted.order_by(images.c.id.desc()).limit(50))).scalars())


PROMPTS = (
    "A red circle on blue",
    "reddish squares, many circles",
    "ภาพถ่ายรองเท้าวิ่ง",
    "東京の夜景 at night",
    "שלום עולם",
    "party 🎉 in 🇹🇭",
    "quotes \" and ' and \\ and * and :",
)


@pytest.mark.parametrize(
    ("query", "places"),
    [
        ("red", [1, 0]),
        ("RED circle", [1, 0]),
        ("circle red", [1, 0]),
        ("circles", [1]),
        ("ed", []),
        ("red night", []),
        ("รองเท้า", [2]),
        ("วิ่ง", [2]),
        ("รองเท้าแตะ", []),
        ("夜", [3]),
        ("東京", [3]),
        ("京東", []),
        ("夜景 NIGHT", [3]),
        ("עולם", [4]),
        ("🎉", [5]),
        ("🇹🇭", [5]),
        ("🇩🇪", []),
        ("quotes", [6]),
        ('"quotes" OR NOT -and* (', []),
        ("quotes AND and", [6]),
        ('"', []),
        ("'; drop table images", []),
        ("", []),
        ("red " * 500, [1, 0]),
    ],
)
async def test_what_is_found(gallery: Database, query: str, places: list[int]) -> None:
    await add(gallery, *(picture(prompt) for prompt in PROMPTS))
    assert await found(gallery, query) == [PROMPTS[place] for place in places]


@pytest.mark.parametrize(
    ("query", "left"),
    [
        ("-東京の", ["東京タワー", "a circle, red", "a red square", "a red circle"]),
        ('-"red circle"', ["東京タワー", "東京の夜景", "a circle, red", "a red square"]),
        ('circle -"red circle"', ["a circle, red"]),
        ("a -red", []),
        ('-circle -"red square"', ["東京タワー", "東京の夜景"]),
    ],
)
async def test_what_is_excluded_must_be_there_whole(gallery: Database, query: str, left: list[str]) -> None:
    """A word of a script without spaces is several terms, and a picture that has one of them has not the word."""
    shown = [picture(prompt) for prompt in ("a red circle", "a red square", "a circle, red", "東京の夜景", "東京タワー")]
    await add(gallery, *shown)
    async with gallery.read() as connection:
        found = await library.page(connection, MINE, narrowed(Wanted(), query, frozenset()), limit=9, counted=True)
        assert await library.count(connection, MINE, narrowed(Wanted(), query, frozenset())) == found.count
    assert [each.prompt for each in found.images] == left
    assert found.count
    assert found.count.total == len(left)


async def test_title_and_other_texts_count_too(gallery: Database) -> None:
    image = picture("one", title="Sunday")
    async with gallery.write() as connection:
        await records.add(connection, image, "Product shots")
    assert [await found(gallery, query) for query in ("sun", "product one", "two")] == [["one"], ["one"], []]


async def test_other_teams_are_not_searched(gallery: Database) -> None:
    await add(gallery, picture("mine red"), picture(f"yours red \ue000{MINE.replace('-', '')}", team=YOURS))
    assert await found(gallery, "red") == ["mine red"]
    async with gallery.read() as connection:
        assert len((await connection.execute(matching(MINE, "red"))).fetchall()) == 1
        assert len((await connection.execute(matching("", "red"))).fetchall()) == 0


async def test_indexing_again_replaces_and_deleting_forgets(gallery: Database) -> None:
    image = picture("old words")
    await add(gallery, image)
    async with gallery.write() as connection:
        await search.index(connection, image.id, MINE, "new words")
    assert await found(gallery, "old") == []
    assert await found(gallery, "new words") == ["old words"]
    async with gallery.write() as connection:
        await connection.execute(across_teams(delete(images)))
    async with gallery.read() as connection:
        assert (await connection.execute(matching(MINE, "new"))).fetchall() == []
        assert (await connection.execute(select(func.count()).select_from(image_texts))).scalar_one() == 0


async def test_a_write_that_raises_leaves_no_trace_in_the_index(gallery: Database) -> None:
    async def fail() -> None:
        async with gallery.write() as connection:
            await records.add(connection, picture("never kept"))
            raise KeyError

    with pytest.raises(KeyError):
        await fail()
    await add(gallery, picture("kept"))
    assert await found(gallery, "never") == []
    assert await found(gallery, "kept") == ["kept"]


async def page(database: Database, query: str, before: str | None = None) -> list[str]:
    async with database.read() as connection:
        return list((await connection.execute(matching(MINE, query, after=before, limit=2))).scalars())


async def test_pages_go_on_where_the_last_one_ended(gallery: Database) -> None:
    shown = [picture(f"red {number}", team=YOURS if number == 3 else MINE) for number in range(6)]
    await add(gallery, *shown, picture("blue"))
    newest = [one.id for one in shown[::-1] if one.team_id == MINE]
    first = await page(gallery, "red")
    await add(gallery, picture("red and new"))
    second = await page(gallery, "red", first[-1])
    assert first + second + await page(gallery, "red", second[-1]) == newest
    assert await page(gallery, "red", newest[-1]) == []
    assert await page(gallery, "!") == []


async def test_pictures_of_one_moment_are_all_found(gallery: Database) -> None:
    moment = "01900000-0000-7000-8000-00000000000"
    shown = [msgspec.structs.replace(picture("twin"), id=f"{moment}{number}") for number in range(4)]
    await add(gallery, *shown)
    async with gallery.write() as connection:
        await search.index(connection, shown[2].id, MINE, "twin", "of another")
    assert len(await found(gallery, "twin")) == 4
    assert len(await found(gallery, "twin another")) == 1


@pytest.mark.parametrize("all_alike", [False, True], ids=["drawn", "one number"])
async def test_thousands_of_one_moment_take_no_longer_each(
    gallery: Database, monkeypatch: pytest.MonkeyPatch, all_alike: bool
) -> None:
    tries = []

    async def counted(*given: object) -> int:
        tries.append(1)
        return await insert_ignore(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(search, "insert_ignore", counted)
    if all_alike:
        monkeypatch.setattr(search, "number_of", lambda _id: 7)
    moment = now()
    for _ in range(20):
        shown = [msgspec.structs.replace(picture("twin"), id=id_at(moment, each)) for each in drawn(100)]
        tries.clear()
        async with gallery.write() as connection:
            await records.add_all(connection, shown)
        assert len(tries) < 40
    assert all_alike or len(tries) < 8
    async with gallery.read() as connection:
        assert (await connection.execute(select(func.count()).select_from(image_texts))).scalar_one() == 2000


WORDS = st.sampled_from(
    ["a", "art", "artist", "ART's", "ＡＲＴ", "กา", "กาแฟ", "東", "東京", "京東", "👍", "👍🏽", "🇹🇭", "é", "عالم", "1", "12"]
)
TEXTS = st.one_of(st.lists(WORDS, max_size=5).map(" ".join), st.lists(WORDS, max_size=4).map("".join), st.text(max_size=8))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(TEXTS, st.booleans()), max_size=6), st.lists(TEXTS, min_size=1, max_size=6))
def test_both_databases_find_what_the_tokens_say(
    in_turn: Callable[[Callable[[Database], Awaitable[None]]], None], kept: list[tuple[str, bool]], queries: list[str]
) -> None:
    async def run(database: Database) -> None:
        async with database.write() as connection:
            await connection.execute(across_teams(delete(images)))
            shown = [picture(text.replace("\0", ""), team=MINE if mine else YOURS) for text, mine in kept]
            for one in shown:
                await records.add(connection, one)
        if database.is_sqlite:  # the index against the texts that it was made from
            async with database.write() as connection:
                await connection.exec_driver_sql("insert into image_words(image_words, rank) values ('integrity-check', 1)")
        for query in queries:
            expected = [one.prompt for one in shown if one.team_id == MINE and meets(query, tokens(one.prompt))]
            assert await found(database, query) == expected[::-1], query

    in_turn(run)


def meets(query: str, kept: list[str]) -> bool:
    wanted = terms(query)
    return bool(wanted) and all(
        any(one.startswith(term.text) if term.is_beginning else one == term.text for one in kept) for term in wanted
    )


@pytest.fixture
def in_turn(gallery: Database) -> Callable[[Callable[[Database], Awaitable[None]]], None]:
    """Runs on the gallery from a test without a loop of its own, as Hypothesis needs it."""
    url = gallery.url.render_as_string(hide_password=False)

    def run(work: Callable[[Database], Awaitable[None]]) -> None:
        async def whole() -> None:
            database = Database(url)
            try:
                await work(database)
            finally:
                await database.close()

        asyncio.run(whole())

    return run
