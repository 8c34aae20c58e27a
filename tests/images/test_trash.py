"""The trash under chance: rows, counts, search and closed addresses agree after whatever was done; on both databases."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.accounts import Principal
from gateway.db import Database, across_teams, new_id, now
from gateway.errors import NotFound, WrongState
from gateway.images import counters, records
from gateway.images.closed import Closed
from gateway.images.image import Facet, Image
from gateway.images.tables import image_texts, images
from gateway.images.trash import Trash
from gateway.storage import BlobStore
from gateway.storage.ledger import keep


class Room:
    """A team's pictures, and the trash."""

    def __init__(self, database: Database, principal: Principal, blob: str) -> None:
        self.db = database
        self.team = principal.team_id
        self.closed = Closed(database, lambda: 7)
        self.trash = Trash(database, self.closed)
        self._user = principal.user_id
        self._blob = blob

    async def add(self, count: int) -> list[str]:
        made = [
            Image(
                id=new_id(), team_id=self.team, user_id=self._user, job_id=None, ordinal=0, parent_id=None, source="generate",
                blob=self._blob, thumbnail_256=self._blob, thumbnail_768=None, thumbhash="", media_type="image/png", bytes=7,
                width=8, height=8, title="a fox", model="m", engine="e", prompt="a fox", negative_prompt="", seed=1,
                parameters={}, created_at=now(), deleted_at=None, tags=["fox"], is_favorite=True,
            )
            for _ in range(count)
        ]  # fmt: skip
        async with self.db.write() as connection:
            await records.add_all(connection, made)
        return [each.id for each in made]

    async def counted(self) -> dict[str, int]:
        wanted = [Facet("shown"), Facet("trash"), Facet("favorite"), Facet("model", "m"), Facet("tag", "fox")]
        async with self.db.read() as connection:
            found = await counters.total(connection, self.team, *wanted)
        return {facet.kind: count for facet, count in found.items()}

    async def left(self) -> tuple[set[str], set[str]]:
        """Those that lists show, and those in the trash."""
        query = across_teams(select(images.c.id, images.c.deleted_at))
        async with self.db.read() as connection:
            rows = list(await connection.execute(query))
        return {row.id for row in rows if row.deleted_at is None}, {row.id for row in rows if row.deleted_at is not None}

    async def found(self) -> int:
        async with self.db.read() as connection:
            return int((await connection.execute(select(func.count()).select_from(image_texts))).scalar_one())


@pytest.fixture
async def room(database: Database, principal: Principal) -> Room:
    (ref,) = await keep(database, BlobStore("memory://"), b"picture")
    return Room(database, principal, ref.hash)


async def test_whatever_is_done_everything_agrees(room: Room) -> None:
    chance = random.Random(4)
    ids = await room.add(12)
    shown, trashed, purged = set(ids), set[str](), set[str]()
    for _ in range(30):
        some = chance.choices([*ids, new_id()], k=chance.randint(1, 6))
        match chance.choice(["discard", "restore", "purge", "rebuild"]):
            case "discard":
                outcome = await room.trash.discard(room.team, some)
                assert set(outcome.changed) == set(some) & shown
                shown, trashed = shown - set(some), trashed | (set(some) & shown)
            case "restore":
                outcome = await room.trash.restore(room.team, some)
                assert set(outcome.changed) == set(some) & trashed
                shown, trashed = shown | (set(some) & trashed), trashed - set(some)
            case "purge":
                with pytest.raises((NotFound, WrongState)) if some[0] not in trashed else nothing():
                    await room.trash.purge_one(room.team, some[0])
                    purged.add(some[0])
                trashed = trashed - purged
            case "rebuild":
                await room.closed.rebuild()
        assert await room.left() == (shown, trashed)
        assert await room.counted() == {
            **dict.fromkeys(("shown", "favorite", "model", "tag"), len(shown)),
            "trash": len(trashed),
        }
        assert await room.found() == len(shown)
        assert {each for each in ids if room.closed.may_be(each)} == trashed | purged
    assert purged
    assert trashed


async def test_many_take_no_more_statements_than_two(room: Room) -> None:
    counts: list[tuple[int, ...]] = []
    for size in (2, 200):
        ids = await room.add(size)
        await room.trash.discard(room.team, ids)
        with statements(room.db) as restored:
            assert len((await room.trash.restore(room.team, ids)).changed) == size
        with statements(room.db) as discarded:
            await room.trash.discard(room.team, ids)
        with statements(room.db) as swept:
            assert await room.trash.sweep(-1) == size
        counts.append((len(restored), len(discarded), len(swept)))
    assert counts[0] == counts[1]
    assert max(counts[0]) < 25


class Followed:
    """A database in which something happens right behind each write, before whoever wrote goes on."""

    def __init__(self, db: Database, then: Callable[[], Awaitable[None]]) -> None:
        self._db = db
        self._then = then

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        async with self._db.write() as connection:
            yield connection
        await self._then()


async def test_what_is_closed_or_opened_while_all_of_it_is_read_stays_so(room: Room) -> None:
    shown, trashed = await room.add(2)
    await room.trash.discard(room.team, [trashed])

    async def meanwhile() -> None:
        await room.trash.discard(room.team, [shown])
        await room.trash.restore(room.team, [trashed])

    room.closed._db = Followed(room.db, meanwhile)  # type: ignore[assignment]
    await room.closed.rebuild()
    assert [room.closed.may_be(each) for each in (shown, trashed)] == [True, False]


@contextmanager
def nothing() -> Iterator[None]:
    yield


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    seen: list[str] = []

    def hear(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    engine = database._writer.sync_engine
    event.listen(engine, "before_cursor_execute", hear)
    yield seen
    event.remove(engine, "before_cursor_execute", hear)
