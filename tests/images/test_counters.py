"""Whatever is done to pictures, the counters say what every row, looked at, says; and lists show what they must."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule, run_state_machine_as_test
from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db import Database, across_teams, now
from gateway.errors import NotFound, WrongState
from gateway.images import library, records, search, uploads
from gateway.images.closed import Closed
from gateway.images.labels import label, star
from gateway.images.library import Place, Sort, Wanted
from gateway.images.tables import images
from gateway.images.tokens import terms
from gateway.images.trash import Trash
from gateway.images.wanted import Way
from gateway.images.widening import widened
from tests.images.shelf import DAY, MINE, YOURS, check_counts, every, expected, furnish, picture

T = TypeVar("T")
SOURCES = st.sampled_from(["generate", "edit", "upload", "import"])
MODELS = st.sampled_from(["m", "other/model@1", ""])
TAG = st.sampled_from(["Hero", "hero", "HERO", "red", "กาแฟ", "work in progress"])
TITLES = st.sampled_from(["", "A cat", "a cat", "Zebra", "\U0001f389"])
START = now() - 3 * DAY
WANTED = st.builds(
    Wanted,
    model=st.none() | MODELS,
    models=st.none() | st.frozensets(MODELS, min_size=1, max_size=3),
    tags=st.lists(TAG, max_size=2).map(tuple),
    without_tags=st.lists(TAG, max_size=1).map(tuple),
    favorite=st.none() | st.booleans(),
    since=st.none() | st.integers(0, 5).map(lambda days: START + days * DAY),
    until=st.none() | st.integers(0, 5).map(lambda days: START + days * DAY),
    seed=st.none() | st.integers(0, 1),
    terms=st.none() | st.sampled_from(["cat", "red", "z"]).map(lambda text: tuple(terms(text))),
    made_here=st.booleans(),
)


class Gallery(RuleBasedStateMachine):
    pictures = Bundle("pictures")
    url = ""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.database = Database(self.url)
        self.trash = Trash(self.database, Closed(self.database, lambda: 7))
        self.write(lambda connection: connection.execute(across_teams(delete(images))))
        for table in ("image_counts", "image_days"):
            self.write(lambda connection, table=table: connection.exec_driver_sql(f"DELETE FROM {table}"))  # type: ignore[misc]

    def teardown(self) -> None:
        self.runner.run(self.database.close())
        self.runner.close()

    def write(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T | None:
        async def whole() -> T:
            async with self.database.write() as connection:
                return await work(connection)

        return self.tried(whole())

    def tried(self, work: Awaitable[T]) -> T | None:
        async def whole() -> T | None:
            try:
                return await work
            except (NotFound, WrongState):
                return None

        return self.runner.run(whole())

    @rule(
        target=pictures,
        team=st.sampled_from([MINE, MINE, YOURS]),
        source=SOURCES,
        model=MODELS,
        tags=st.lists(TAG, max_size=3, unique_by=str.casefold),
        title=TITLES,
        days=st.integers(0, 4),
        number=st.integers(1, 3),
        seed=st.none() | st.integers(0, 1),
        favorite=st.booleans(),
    )
    def keep(self, team: str, source: str, days: int, number: int, favorite: bool, **values: object) -> object:
        unsaved = now() if source == "upload" else None
        new = [
            picture(
                "red", team_id=team, source=source, at=START + days * DAY, unsaved_at=unsaved, is_favorite=favorite, **values
            )
            for _ in range(number)
        ]
        self.write(lambda connection: records.add_all(connection, new))
        return multiple(*[(team, each.id) for each in new])

    @rule(which=pictures, saved=st.booleans())
    def save(self, which: tuple[str, str], saved: bool) -> None:
        self.write(lambda connection: label(connection, *which, saved=saved))

    @rule(which=pictures, title=st.none() | TITLES, tags=st.none() | st.lists(TAG, max_size=3))
    def label(self, which: tuple[str, str], title: str | None, tags: list[str] | None) -> None:
        self.write(lambda connection: label(connection, *which, title=title, tags=tags))

    @rule(which=pictures, favorite=st.none() | st.booleans())
    def star(self, which: tuple[str, str], favorite: bool | None) -> None:
        self.write(lambda connection: star(connection, *which, favorite))

    @rule(several=st.lists(pictures, min_size=1, max_size=4))
    def discard(self, several: list[tuple[str, str]]) -> None:
        self.tried(self.trash.discard(MINE, [identity for _, identity in several]))

    @rule(several=st.lists(pictures, min_size=1, max_size=4))
    def restore(self, several: list[tuple[str, str]]) -> None:
        self.tried(self.trash.restore(MINE, [identity for _, identity in several]))

    @rule(which=pictures)
    def purge(self, which: tuple[str, str]) -> None:
        self.tried(self.trash.purge_one(*which))

    @rule()
    def sweep(self) -> None:
        self.tried(self.trash.sweep(-1))

    @rule(several=st.lists(pictures, max_size=4))
    def forget_uploads(self, several: list[tuple[str, str]]) -> None:
        async def go(connection: AsyncConnection) -> None:
            await records.purge(connection, await uploads.take(connection, [identity for _, identity in several], -1))

        self.write(go)

    @rule(
        wanted=WANTED,
        sort=st.sampled_from(["newest", "oldest", "title", "favorite"]),
        limit=st.integers(1, 4),
        way=st.sampled_from([None, "in order", "few", "one by one"]),
        looks=st.booleans(),
    )
    def list(self, wanted: Wanted, sort: Sort, limit: int, way: Way | None, looks: bool) -> None:
        async def in_that_way(connection: AsyncConnection, team_id: str, wanted: Wanted) -> Wanted:
            looked_at = (search.of_all(team_id), *(wanted.terms or ())[1:]) if wanted.terms and looks else ()
            told = await widened(connection, team_id, wanted)
            return msgspec.structs.replace(told, way=way or told.way, looked_at=looked_at)

        async def read() -> None:
            async with self.database.read() as connection:
                must = expected(await every(connection), wanted, sort)
                by_cursor: list[str] = []
                place: Place | None = None
                while len(by_cursor) <= len(must):
                    found = await library.page(connection, MINE, wanted, sort=sort, limit=limit, after=place)
                    by_cursor += [each.id for each in found.images]
                    if (place := found.next) is None:
                        break
                assert by_cursor == must
                second = await library.page(connection, MINE, wanted, sort=sort, limit=limit, page=2)
                assert [each.id for each in second.images] == must[limit : 2 * limit]
                assert (await library.count(connection, MINE, wanted)).total == len(must)

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(library, "widened", in_that_way)
            self.runner.run(read())

    @invariant()
    def counts_are_right(self) -> None:
        async def look() -> None:
            async with self.database.read() as connection:
                await check_counts(connection)

        self.runner.run(look())


async def test_counters_and_lists_under_random_operations(database: Database) -> None:
    await furnish(database)
    url = database.url.render_as_string(hide_password=False)
    machine = type("Gallery", (Gallery,), {"url": url})
    how = settings(
        max_examples=6, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True
    )
    await asyncio.to_thread(run_state_machine_as_test, machine, settings=how)
