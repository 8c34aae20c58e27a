"""Messages that are looked at while they are being answered: by a page that asks again and again, say."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

from gateway.accounts import Principal
from gateway.chat import keeping, records
from gateway.chat.answering import Chat, Work
from gateway.chat.language import Language, Reply
from gateway.chat.records import Exchange, Session
from gateway.chat.tools import Call
from gateway.db import Database
from gateway.images import records as images
from tests.images.shelf import MINE, USER, furnish, picture

ASKING = Principal(MINE, USER, None, frozenset({"gallery.read", "features.image_generation"}))


class Orders:
    """Makes nothing, and remembers what it was asked."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    async def edit(self, principal: Principal, image_id: str, wanted: Any, session: str | None, key: str) -> Any:
        self.keys.append(key)
        return SimpleNamespace(id=f"job {len(self.keys)}", request=SimpleNamespace(edit_session_id="edits"))


class Scripted:
    """A language model that always wants an edit."""

    configured, history = True, 4

    async def ask(self, *_: Any) -> Reply:
        return Reply("", Call("edit", '{"prompt": "blue"}'))

    async def close(self) -> None: ...


async def opened(database: Database) -> Session:
    await furnish(database)
    image = picture("a red circle")
    async with database.write() as connection:
        await images.add(connection, image)
        return await records.open_session(connection, ASKING, image)


def talking(database: Database, language: object = None) -> tuple[Chat, Orders]:
    orders = Orders()
    return Chat(database, cast("Work", orders), cast("Language", language or Scripted())), orders


async def test_a_look_before_a_stream_is_read_does_not_give_the_answer_up(database: Database) -> None:
    session = await opened(database)
    chat, orders = talking(database)
    pieces = await chat.stream(ASKING, session.id, "in blue", None)
    await chat.settle(MINE)
    told = [piece async for piece in pieces]
    assert isinstance(told[-1], Exchange)
    assert (told[-1].answer.state, told[-1].answer.job_id, len(orders.keys)) == ("working", "job 1", 1)
    await chat.close()


async def test_a_stream_that_nobody_reads_is_answered_all_the_same(database: Database) -> None:
    session = await opened(database)
    chat, orders = talking(database)
    await chat.stream(ASKING, session.id, "in blue", None)
    while not orders.keys:
        await asyncio.sleep(0.01)
    await chat.close()


class Late:
    """Of what is being made by now: it is said so only at the second look."""

    def __init__(self) -> None:
        self.looks = 0

    def __contains__(self, _: object) -> bool:
        self.looks += 1
        return self.looks > 1

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 1


async def test_a_look_between_the_commit_and_the_making_does_not_give_the_answer_up(database: Database) -> None:
    session = await opened(database)
    async with database.write() as connection:
        exchange, _ = await keeping.say(connection, session, "in blue", None)
    await keeping.settle(database, MINE, Late())
    async with database.read() as connection:
        assert (await records.message(connection, MINE, exchange.answer.id)).state == "working"
    await keeping.settle(database, MINE, ())
    async with database.read() as connection:
        assert (await records.message(connection, MINE, exchange.answer.id)).error_code == "interrupted"
