"""A message and its answer: the job that it asks for, or what a language model makes of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any, Protocol

import msgspec
from msgspec import Struct

from gateway.accounts import Principal
from gateway.chat import conversation, keeping, records
from gateway.chat.language import Language, LanguageModelFailed
from gateway.chat.records import Exchange, Message, Session
from gateway.chat.tools import BadCall, Call, Edit, Generate, Wish, wish
from gateway.db import Database
from gateway.errors import ConfigurationError, DarkroomError, InvalidInput, NotFound
from gateway.images import records as images
from gateway.images.image import Image
from gateway.jobs.records import Job
from gateway.jobs.request import Idempotency

log = logging.getLogger(__name__)
MOST_ROUNDS = 3
"""How often a language model is asked for one answer: what it calls wrongly it is told, and may call again."""


class Work(Protocol):
    """Who makes the pictures; each raises what the gallery's own orders raise."""

    async def edit(self, principal: Principal, image_id: str, wanted: Edit, session: str | None, key: str) -> Job: ...

    async def generate(self, principal: Principal, wanted: Generate, key: str) -> Job: ...

    async def upscale(self, principal: Principal, image_id: str, scale: float, session: str | None, key: str) -> Job: ...


class Piece(Struct, frozen=True):
    """Of an answer that is being streamed: some of its text, or the tool that was chosen."""

    text: str = ""
    tool: Call | None = None


Tell = Callable[[Piece], None]


class Chat:
    """Answers messages. What is being answered goes on when the one who asked has left; close it when the gateway ends."""

    def __init__(self, db: Database, work: Work, language: Language) -> None:
        self._db = db
        self._work = work
        self._language = language
        self._answering: dict[str, asyncio.Task[None]] = {}

    async def close(self) -> None:
        """What is not answered yet is found so at the next look, and said to have been interrupted."""
        for task in list(self._answering.values()):
            task.cancel()
        await asyncio.gather(*self._answering.values(), return_exceptions=True)
        await self._language.close()

    async def settle(self, team_id: str) -> None:
        """Before sessions are read: let those know what has become of their jobs."""
        await keeping.settle(self._db, team_id, self._answering.keys())

    async def say(self, principal: Principal, session_id: str, text: str, named: Idempotency | None) -> Exchange:
        """Answer a message: in words, or with a job. Raises NotFound, WrongState, IdempotencyConflict.

        Without a language model, what the job's own surface raises; then nothing was said.
        """
        exchange, fresh = await self._begin(principal, session_id, text, named)
        # Sent twice at once, the second waits for what the first is answered.
        answering = self._answer(principal, exchange, None) if fresh else self._answering.get(exchange.answer.id)
        if answering:
            await asyncio.shield(answering)
        return await self._now(exchange)

    async def stream(
        self, principal: Principal, session_id: str, text: str, named: Idempotency | None
    ) -> AsyncIterator[Exchange | Piece]:
        """The same in pieces: first what was said, at last the whole. What it raises is raised before the first."""
        exchange, fresh = await self._begin(principal, session_id, text, named)
        if not fresh or not self._language.configured:
            if fresh:
                await asyncio.shield(self._answer(principal, exchange, None))
            return _told(exchange, await self._now(exchange))
        # Begun here and not by the one who reads: until it is, others take the answer for one that nobody makes.
        told: asyncio.Queue[Piece | None] = asyncio.Queue()
        answering = self._answer(principal, exchange, told.put_nowait)
        answering.add_done_callback(lambda _: told.put_nowait(None))
        return self._pieces(exchange, told)

    async def _pieces(self, exchange: Exchange, told: asyncio.Queue[Piece | None]) -> AsyncIterator[Exchange | Piece]:
        yield exchange
        while (piece := await told.get()) is not None:
            yield piece
        yield await self._now(exchange)

    async def _begin(
        self, principal: Principal, session_id: str, text: str, named: Idempotency | None
    ) -> tuple[Exchange, bool]:
        """What was said; False with what the same request led to earlier."""
        await self.settle(principal.team_id)
        async with self._db.write() as connection:
            session = await records.get(connection, principal.team_id, session_id)
            return await keeping.say(connection, session, text, named)

    def _answer(self, principal: Principal, exchange: Exchange, tell: Tell | None) -> asyncio.Task[None]:
        made = (
            self._by_language(principal, exchange, tell) if self._language.configured else self._by_itself(principal, exchange)
        )
        task = asyncio.create_task(made, name="chat")
        self._answering[exchange.answer.id] = task
        task.add_done_callback(lambda done: self._ended(exchange.answer.id, done))
        return task

    def _ended(self, answer_id: str, task: asyncio.Task[None]) -> None:
        self._answering.pop(answer_id, None)
        if not task.cancelled():
            task.exception()  # who waited for it was told; where nobody waits any more, nobody need be

    async def _by_itself(self, principal: Principal, exchange: Exchange) -> None:
        """The message is the edit's prompt."""
        try:
            wanted = Edit(exchange.message.text)
            job = await self._order(principal, exchange.answer, wanted)
        except Exception:
            await keeping.unsay(self._db, exchange)
            raise
        await keeping.link(self._db, exchange.answer, job)

    async def _by_language(self, principal: Principal, exchange: Exchange, tell: Tell | None) -> None:
        answer = exchange.answer
        try:
            await self._converse(principal, exchange, tell)
        except ConfigurationError as error:
            log.error("a chat message cannot be answered: %s", error.message)
            await self._fail(
                answer, LanguageModelFailed.code, "The language model is not set up right; the operator must see to it."
            )
        except DarkroomError as error:
            await self._fail(answer, error.code, error.message)
        except Exception:
            log.exception("a chat message could not be answered, for a reason that nobody foresaw")
            await self._fail(answer, "internal_error", "Something went wrong on our side; the gateway's log has the details.")

    async def _converse(self, principal: Principal, exchange: Exchange, tell: Tell | None) -> None:
        answer = exchange.answer
        turns = await self._turns(exchange)
        for _ in range(MOST_ROUNDS):
            reply = await self._language.ask(turns, None if tell is None else lambda text: tell(Piece(text)))
            if reply.call is None:
                if not reply.text:
                    raise LanguageModelFailed("The language model answered nothing; say it in other words.")
                await keeping.become(self._db, answer, state="done", text=reply.text)
                return
            try:
                wanted = wish(reply.call)
                job = await self._order(principal, answer, wanted)
            except (BadCall, InvalidInput) as error:
                told = error.message if isinstance(error, InvalidInput) else str(error)
                turns += conversation.called(_parsable(reply.call), answer.id, told, reply.text)
                continue
            if tell is not None:
                tell(Piece(tool=reply.call))
            await keeping.link(self._db, answer, job, text=reply.text, tool=msgspec.json.encode(reply.call))
            return
        raise LanguageModelFailed(
            f"The language model asked for what cannot be done, {MOST_ROUNDS} times; say it in other words."
        )

    async def _turns(self, exchange: Exchange) -> list[dict[str, Any]]:
        async with self._db.read() as connection:
            session = await records.get(connection, exchange.answer.team_id, exchange.answer.session_id)
            before = await records.messages(connection, session, limit=self._language.history, before=exchange.message.id)
            current = await _current(connection, session)
        past = conversation.turns(reversed(before))
        return [conversation.opening(current), *past, {"role": "user", "content": exchange.message.text}]

    async def _order(self, principal: Principal, answer: Message, wanted: Wish) -> Job:
        async with self._db.read() as connection:
            session = await records.get(connection, answer.team_id, answer.session_id)
        key = keeping.key_of(answer.id)
        if isinstance(wanted, Generate):
            return await self._work.generate(principal, wanted, key)
        if isinstance(wanted, Edit):
            return await self._work.edit(principal, session.image_id, wanted, session.edit_session_id, key)
        return await self._work.upscale(principal, session.image_id, wanted.scale, session.edit_session_id, key)

    async def _fail(self, answer: Message, code: str, message: str) -> None:
        await keeping.become(self._db, answer, state="failed", error_code=code, error_message=message)

    async def _now(self, exchange: Exchange) -> Exchange:
        async with self._db.read() as connection:
            return Exchange(exchange.message, await records.message(connection, exchange.answer.team_id, exchange.answer.id))


async def _told(first: Exchange, last: Exchange) -> AsyncIterator[Exchange | Piece]:
    yield first
    yield last


async def _current(connection: Any, session: Session) -> Image | None:
    try:
        image = await images.get(connection, session.team_id, session.image_id)
    except NotFound:
        return None
    return image if image.deleted_at is None else None


def _parsable(call: Call) -> Call:
    """Servers read the arguments that they are reminded of; what is no JSON would be an error of ours to them."""
    try:
        msgspec.json.decode(call.arguments)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return msgspec.structs.replace(call, arguments="{}")
    return call
