"""`/openai/v1/responses`: pictures by the image generation tool, waited for, streamed, or asked for later."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.params import FromPath, JSONBody
from msgspec.structs import replace

from gateway.api.answers import large
from gateway.api.bodies import let_go
from gateway.api.given import Asker, Db, TheBus, TheConversations, TheOpenAIOrders, TheStreams
from gateway.api.openai import responses_wire as wire
from gateway.api.openai.documented import StreamedOperation
from gateway.api.openai.errors import responses, told_within
from gateway.api.openai.images import TASK_HEADER
from gateway.api.openai.orders import OpenAIOrders
from gateway.api.openai.responses_asked import ResponseAsked
from gateway.api.openai.responses_meaning import asking, in_words_of_tool
from gateway.api.openai.responses_stream import ResponseStream, what_was_made
from gateway.api.openai.responses_wire import OpenAIResponse
from gateway.api.priorities import PriorityHeader
from gateway.api.repeats import IdempotencyKey
from gateway.api.streams import EventStream
from gateway.api.tasks.routes import MAKES
from gateway.jobs.cancel import cancel
from gateway.jobs.records import Job


@post(
    "/responses",
    operation_id="openai_respond",
    summary="Make a picture by a conversation",
    status_code=200,
    guards=[MAKES],
    operation_class=StreamedOperation,
    responses=responses(400, 401, 402, 403, 404, 409, 413, 415, 422, 429, 502, 503, 504),
)
async def respond(
    data: JSONBody[ResponseAsked],
    principal: Asker,
    conversations: TheConversations,
    openai_orders: TheOpenAIOrders,
    db: Db,
    bus: TheBus,
    streams: TheStreams,
    priority: PriorityHeader = None,
    idempotency_key: IdempotencyKey = None,
) -> Response[OpenAIResponse]:
    """The user's last message is the prompt; its pictures, and as many of those before as the model takes, are what is
    looked at or changed. Answers when the picture is there, with `stream` or `background` at once.

    A client that goes away leaves the job going on; one that closes a stream cancels it, unless the response runs in the
    background or it sent an Idempotency-Key.
    """
    wanted = await asking(data, principal, conversations)
    with in_words_of_tool(data):
        job = await conversations.take(principal, replace(wanted, header=priority, key=idempotency_key))
    del wanted  # it has the pictures too
    let_go(data, input="")
    if data.stream:
        stream = ResponseStream(db, bus, streams, openai_orders, data.instructions)
        frames = stream.frames(principal, job, goes_on=bool(idempotency_key or data.background))
        return EventStream(told_within(frames, stream.broken), streams, {TASK_HEADER: job.id})  # type: ignore[return-value]
    if not data.background:
        job = await openai_orders.finished(job)
    return await _shown(openai_orders, job, data.instructions)


@get(
    "/responses/{response_id:str}",
    operation_id="openai_get_response",
    summary="Get a response",
    responses=responses(401, 404, 422),
)
async def get_response(
    response_id: FromPath[str],
    principal: Asker,
    conversations: TheConversations,
    openai_orders: TheOpenAIOrders,
) -> Response[OpenAIResponse]:
    """As it stands: `queued`, `in_progress`, `completed` with its picture, `failed`, or canceled."""
    return await _shown(openai_orders, await conversations.response(principal, response_id))


@post(
    "/responses/{response_id:str}/cancel",
    operation_id="openai_cancel_response",
    summary="Cancel a response",
    status_code=200,
    guards=[MAKES],
    responses=responses(401, 403, 404),
)
async def cancel_response(
    response_id: FromPath[str],
    principal: Asker,
    conversations: TheConversations,
    openai_orders: TheOpenAIOrders,
    db: Db,
    bus: TheBus,
) -> Response[OpenAIResponse]:
    """At once for one that waits, at its next step for one that runs. A finished one stays as it is."""
    job = await conversations.response(principal, response_id)
    return await _shown(openai_orders, await cancel(db, bus, principal, job.id))


async def _shown(orders: OpenAIOrders, job: Job, instructions: str | None = None) -> Response[Any]:
    made = await what_was_made(orders, job)
    return await large(wire.response(job, made, instructions=instructions), {TASK_HEADER: job.id})
