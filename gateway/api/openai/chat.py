"""`/openai/v1/chat/completions`: any chat client can pick a model of pictures."""

from __future__ import annotations

import asyncio
from typing import Any

from litestar import Response, post
from litestar.params import JSONBody

from gateway.api import together
from gateway.api.answers import large
from gateway.api.bodies import let_go
from gateway.api.given import Asker, Db, TheBus, TheConversations, TheOpenAIOrders, TheStreams
from gateway.api.openai import chat_wire as wire
from gateway.api.openai.chat_asked import ChatAsked, ImageConfig
from gateway.api.openai.chat_stream import ChatStream, packed
from gateway.api.openai.chat_wire import ChatCompletion, ChatCompletionMessage
from gateway.api.openai.conversations import Asking, options_of
from gateway.api.openai.documented import StreamedOperation
from gateway.api.openai.errors import IMAGES, handlers, responses, told_within
from gateway.api.openai.images import TASK_HEADER
from gateway.api.openai.orders import OpenAIOrders
from gateway.api.openai.turns import Talk, heard, said
from gateway.api.openai.wordless import CHAT, refuse
from gateway.api.priorities import Priority, PriorityHeader
from gateway.api.repeats import IdempotencyKey
from gateway.api.streams import EventStream
from gateway.api.tasks.routes import MAKES
from gateway.images.records import Image
from gateway.jobs.records import Job

WORDS = {**IMAGES, **dict.fromkeys(("prompt", "source", "references", "image"), "messages")}
"""The domain's word for a field -> the one that this route has for it."""


@post(
    "/chat/completions",
    operation_id="openai_chat",
    summary="Make pictures by a conversation",
    status_code=200,
    guards=[MAKES],
    exception_handlers=handlers(WORDS),
    operation_class=StreamedOperation,
    responses=responses(400, 401, 402, 403, 404, 409, 413, 415, 422, 429, 502, 503, 504),
)
async def chat(
    data: JSONBody[ChatAsked],
    principal: Asker,
    conversations: TheConversations,
    openai_orders: TheOpenAIOrders,
    db: Db,
    bus: TheBus,
    streams: TheStreams,
    priority: PriorityHeader = None,
    idempotency_key: IdempotencyKey = None,
) -> Response[ChatCompletion]:
    """The user's last message is the prompt; its pictures, and as many of those before as the model takes, are what is
    looked at or changed. Answers when the picture is there, or with `stream` at once.

    A client that goes away leaves the job going on; one that closes a stream cancels it, unless it sent an Idempotency-Key.
    """
    job = await conversations.take(principal, await asyncio.to_thread(_asking, data, priority, idempotency_key))
    let_go(data, messages=())
    if data.stream:
        stream = ChatStream(db, bus, streams, openai_orders)
        frames = told_within(stream.frames(principal, job, data, goes_on=idempotency_key is not None), packed)
        return EventStream(frames, streams, {TASK_HEADER: job.id})  # type: ignore[return-value]
    return await _whole(openai_orders, await openai_orders.finished(job), data)


def _asking(data: ChatAsked, header: Priority | None, key: str | None) -> Asking:
    """In a thread: a conversation can have megabytes."""
    refuse(data, CHAT)
    return Asking(
        talk=_talk(data),
        options=options_of(data),
        named=("chat", data),
        config=data.image_config or ImageConfig(),
        header=header,
        tier=data.service_tier,
        key=key,
    )


def _talk(data: ChatAsked) -> Talk:
    turns = enumerate(data.messages)
    return heard([said(f"messages[{at}]", turn.role, turn.content, turn.images or ()) for at, turn in turns], "messages")


async def _whole(orders: OpenAIOrders, job: Job, asked: ChatAsked) -> Response[Any]:
    found, counted = await orders.kept(job)
    messages = await together.each(found, lambda image: message(orders, job, asked, image))
    return await large(wire.completion(job, asked, messages, counted), {TASK_HEADER: job.id})


async def message(orders: OpenAIOrders, job: Job, asked: ChatAsked, image: Image) -> ChatCompletionMessage:
    if not wire.beside_words(asked):
        return ChatCompletionMessage(content=wire.markdown(job, orders.url(image)))
    url = wire.data_url(image, await orders.base64(image))
    return ChatCompletionMessage(content="", images=wire.pictures(url))
