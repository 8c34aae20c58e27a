"""How long sessions and what hangs on them last; on both databases."""

from __future__ import annotations

import re
from typing import Any, cast

import msgspec
import pytest
from sqlalchemy import event, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.accounts import Principal
from gateway.catalog.settings import Chat
from gateway.chat import keeping, links, records
from gateway.chat.lasting import DAY, Lasting
from gateway.chat.records import Session
from gateway.chat.tables import chat_links, chat_messages, chat_sessions
from gateway.db import Database, across_teams, new_id, now
from gateway.errors import NotFound
from gateway.images import records as images
from gateway.images.closed import Closed
from gateway.images.trash import Trash
from gateway.jobs.leftovers import sweep_uploads
from tests.images.shelf import MINE, USER, YOURS, furnish, picture

ASKING = Principal(MINE, USER, None, frozenset({"gallery.read", "features.image_generation"}))
OLD = 8


@pytest.fixture
async def talk(database: Database) -> Session:
    """About an upload that nobody saved nor used for eight days, in which something was said as long ago."""
    await furnish(database)
    image = picture(source="upload", unsaved_at=now() - OLD * DAY)
    async with database.write() as connection:
        await images.add(connection, image)
        session = await records.open_session(connection, ASKING, image)
        await keeping.say(connection, session, "in blue", None)
    await lain(database, OLD)
    return session


async def lain(database: Database, days: float) -> None:
    async with database.write() as connection:
        await connection.execute(across_teams(update(chat_sessions)).values(updated_at=now() - int(days * DAY)))


async def swept(database: Database, days: int) -> tuple[int, int]:
    """How many sessions are left, and messages."""
    await Lasting(database, lambda: Chat(days=days)).sweep()
    async with database.read() as connection:
        tables = (chat_sessions, chat_messages)
        counts = [across_teams(select(func.count()).select_from(each)) for each in tables]
        sessions, messages = [(await connection.execute(each)).scalar_one() for each in counts]
    return sessions, messages


async def test_sessions_stay_as_long_as_the_operator_says(database: Database, talk: Session) -> None:
    assert await swept(database, 0) == (1, 2), "until somebody deletes them, unless it is said otherwise"
    assert await swept(database, OLD + 1) == (1, 2)
    assert await swept(database, OLD) == (0, 0)


async def test_many_go_at_once(database: Database, talk: Session) -> None:
    other = msgspec.structs.asdict(talk)
    async with database.write() as connection:
        rows = [{**other, "id": new_id(), "team_id": team} for team in (MINE, YOURS) for _ in range(25)]
        await connection.execute(insert(chat_sessions), rows)
    await lain(database, OLD)
    assert await swept(database, OLD) == (0, 0)


async def test_what_is_said_keeps_a_session(database: Database, talk: Session) -> None:
    await keeping.settle(database, MINE, ())
    async with database.write() as connection:
        await keeping.say(connection, talk, "in red", None)
    assert await swept(database, 1) == (1, 4)


async def test_nothing_is_said_in_what_is_gone(database: Database, talk: Session) -> None:
    """Deleted since it was read."""
    await swept(database, 1)
    with pytest.raises(NotFound, match="no chat session"):
        async with database.write() as connection:
            await keeping.say(connection, talk, "in red", None)


async def test_an_upload_stays_as_long_as_a_session_is_about_it(database: Database, talk: Session) -> None:
    lasting = Lasting(database, lambda: Chat(days=OLD))
    assert await sweep_uploads(database, 7, lasting.held) == 0
    async with database.write() as connection:
        # What it was opened with, too, when another picture is the current one.
        await connection.execute(across_teams(update(chat_sessions)).values(image_id=new_id()))
    assert await sweep_uploads(database, 7, lasting.held) == 0
    await lasting.sweep()
    assert await sweep_uploads(database, 7, lasting.held) == 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_sweeps_read_only_what_is_old(database: Database, talk: Session) -> None:
    lasting, asked = Lasting(database, lambda: Chat(days=1)), list[tuple[str, Any]]()
    for engine in (database._reader, database._writer):
        event.listen(engine.sync_engine, "before_cursor_execute", lambda *given: asked.append((given[2], given[3])))
    await lasting.sweep()
    async with database.read() as connection:
        await lasting.held(connection, ["a", "b"])
        await links.pictures(connection, MINE, "chat", None, limit=9, offset=0)
        await links.pictures(connection, MINE, "chat", "message", limit=9, offset=0)
        plans = [await plan(connection, *each) for each in asked[:] if each[0].startswith(("SELECT", "DELETE"))]
    assert len(plans) == 9
    for each in plans:
        assert not [step for step in each if re.search(r"SCAN (chat|images)|TEMP B-TREE FOR ORDER|\(team_id=\?\)", step)], each


async def plan(connection: AsyncConnection, told: str, given: Any) -> list[str]:
    return [row.detail for row in await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {told}", given)]


async def linked(database: Database, *jobs: str) -> None:
    """Two messages' pictures, by their jobs."""
    for job_id in jobs:
        job = cast("Any", type("Job", (), {"team_id": MINE, "id": job_id}))
        await links.note(database, job, "chat", f"message of {job_id}")


async def test_a_link_goes_with_the_last_of_its_pictures(database: Database) -> None:
    await furnish(database)
    one, two, other = new_id(), new_id(), new_id()
    made = [picture(job_id=job, ordinal=place) for job, place in ((one, 0), (one, 1), (two, 0))]
    async with database.write() as connection:
        await images.add_all(connection, made)
    await linked(database, one, two, other)
    trash = Trash(database, Closed(database, lambda: 7), links.forget)
    await trash.discard(MINE, [each.id for each in made])
    assert await jobs_of(database) == {one, two, other}
    await trash.purge_one(MINE, made[0].id)
    assert await jobs_of(database) == {one, two, other}
    await trash.sweep(-1)
    assert await jobs_of(database) == {other}, "which may make some yet"


async def jobs_of(database: Database) -> set[str]:
    async with database.read() as connection:
        return set((await connection.execute(across_teams(select(chat_links.c.job_id)))).scalars())
