"""A conversation's next message as server-sent events: OpenAI's chunks, each picture whole in one of them, then [DONE]."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import msgspec

from gateway.accounts import Principal
from gateway.api import blocking
from gateway.api.openai import chat_wire as wire
from gateway.api.openai.chat_asked import ChatAsked
from gateway.api.openai.chat_wire import ChatChunkChoice, ChatDelta
from gateway.api.openai.following import Ended, canceled_when_left, follow
from gateway.api.openai.orders import OpenAIOrders
from gateway.api.streams import KEEP_ALIVE, Streams
from gateway.db import Database
from gateway.events import Bus
from gateway.images.records import Image
from gateway.jobs.records import Job

DONE = b"data: [DONE]\n\n"


class ChatStream:
    """The events of one job, for one client."""

    def __init__(self, db: Database, bus: Bus, streams: Streams, orders: OpenAIOrders) -> None:
        self._db = db
        self._bus = bus
        self._streams = streams
        self._orders = orders

    async def frames(self, principal: Principal, job: Job, asked: ChatAsked, *, goes_on: bool) -> AsyncGenerator[bytes, None]:
        """`goes_on` as for `canceled_when_left`. Raises `blocking.NotDone`, PicturesDeleted, AnswerLost."""
        async with canceled_when_left(self._db, self._bus, self._streams, principal, job, goes_on=goes_on):
            begins = ChatDelta(role="assistant", content="")
            yield packed(wire.chunk(job, asked, *(ChatChunkChoice(index=index, delta=begins) for index in range(job.pictures))))
            async for seen in follow(self._db, self._bus, job, 0):
                if isinstance(seen, Ended):
                    job = seen.job
                else:
                    yield KEEP_ALIVE
        if job.state != "succeeded":
            raise blocking.failure(job)
        found, counted = await self._orders.kept(job)
        for index, image in enumerate(found):
            made = ChatChunkChoice(index=index, delta=await self._delta(job, asked, image))
            yield await asyncio.to_thread(packed, wire.chunk(job, asked, made))
        ends = [ChatChunkChoice(index=index, delta=ChatDelta(), finish_reason="stop") for index in range(job.pictures)]
        yield packed(wire.chunk(job, asked, *ends))
        if asked.stream_options and asked.stream_options.include_usage:
            yield packed(wire.chunk(job, asked, used=wire.usage(counted)))
        yield DONE

    async def _delta(self, job: Job, asked: ChatAsked, image: Image) -> ChatDelta:
        if not wire.beside_words(asked):
            return ChatDelta(content=wire.markdown(job, self._orders.url(image)))
        return ChatDelta(images=wire.pictures(wire.data_url(image, await self._orders.base64(image))))


def packed(told: Any) -> bytes:
    """A chunk, or an error, which clients raise."""
    return b"data: " + msgspec.json.encode(told) + b"\n\n"
