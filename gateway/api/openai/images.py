"""`/openai/v1/images/…`: pictures from words, and from pictures."""

from __future__ import annotations

from litestar import Response, post
from litestar.di import NamedDependency, Provide
from litestar.params import JSONBody, SkipValidation

from gateway.accounts import Principal
from gateway.api.answers import large
from gateway.api.bodies import let_go
from gateway.api.given import Asker, Db, TheBus, TheOpenAIOrders, TheStreams
from gateway.api.openai import wire
from gateway.api.openai.asked import EditOrder, ImageOptions, OpenAIGeneration
from gateway.api.openai.bodies import read_edit
from gateway.api.openai.documented import EditOperation, StreamedOperation
from gateway.api.openai.errors import responses, told_within
from gateway.api.openai.meaning import Wanted
from gateway.api.openai.stream import ImageStream
from gateway.api.openai.wire import OpenAIImages, Operation
from gateway.api.priorities import PriorityHeader
from gateway.api.repeats import IdempotencyKey
from gateway.api.streams import EventStream
from gateway.api.tasks.handed import AlphaMask, FilePicture
from gateway.api.tasks.routes import MAKES
from gateway.jobs.records import Job

TASK_HEADER = "X-Darkroom-Task"
"""The job's id, for /v1/tasks/{task_id}."""


@post(
    "/images/generations",
    operation_id="openai_generate_images",
    summary="Make pictures from a prompt",
    status_code=200,
    guards=[MAKES],
    operation_class=StreamedOperation,
    responses=responses(400, 401, 402, 403, 404, 413, 415, 422, 429, 502, 503, 504),
)
async def generate_images(
    data: JSONBody[OpenAIGeneration],
    principal: Asker,
    openai_orders: TheOpenAIOrders,
    db: Db,
    bus: TheBus,
    streams: TheStreams,
    priority: PriorityHeader = None,
    idempotency_key: IdempotencyKey = None,
) -> Response[OpenAIImages]:
    """Answers when the pictures are there, or with `stream` at once: server-sent events, `image_generation.partial_image`
    for each of `partial_images` and `image_generation.completed` for each picture.

    A client that goes away leaves the job going on; one that closes a stream cancels it, unless it sent an Idempotency-Key.
    """
    job = await openai_orders.take(principal, Wanted(options=data), header=priority, key=idempotency_key, named=(data,))
    if data.stream:
        stream = ImageStream(db, bus, streams, openai_orders)
        return _streamed(stream, streams, principal, job, data, "image_generation", goes_on=idempotency_key is not None)
    return await _whole(openai_orders, job, data)


@post(
    "/images/edits",
    operation_id="openai_edit_images",
    summary="Make pictures from a prompt and other pictures",
    status_code=200,
    guards=[MAKES],
    dependencies={"order": Provide(read_edit)},
    operation_class=EditOperation,
    responses=responses(400, 401, 402, 403, 404, 413, 415, 422, 429, 502, 503, 504),
)
async def edit_images(
    principal: Asker,
    order: NamedDependency[SkipValidation[EditOrder]],
    openai_orders: TheOpenAIOrders,
    db: Db,
    bus: TheBus,
    streams: TheStreams,
    priority: PriorityHeader = None,
    idempotency_key: IdempotencyKey = None,
) -> Response[OpenAIImages]:
    """As generations, with events of `image_edit`. The first picture is changed, the others are looked at, and a mask says
    by what is transparent in it which part is painted anew.
    """
    body = order.body
    named = (body, *(file.data for file in order.images), *((order.mask.data,) if order.mask else ()))
    job = await openai_orders.take(
        principal, _wanted(order), header=priority, key=idempotency_key, named=(len(order.images), *named)
    )
    del named
    let_go(order, images=(), mask=None)
    if body.stream:
        stream = ImageStream(db, bus, streams, openai_orders)
        return _streamed(stream, streams, principal, job, body, "image_edit", goes_on=idempotency_key is not None)
    return await _whole(openai_orders, job, body)


def _wanted(order: EditOrder) -> Wanted:
    return Wanted(
        options=order.body,
        pictures=[FilePicture(file.data) for file in order.images],
        mask=AlphaMask(order.mask.data) if order.mask else None,
        fields=[file.field for file in order.images],
    )


async def _whole(orders: TheOpenAIOrders, job: Job, asked: ImageOptions) -> Response[OpenAIImages]:
    return await large(await orders.answer(await orders.finished(job), asked), {TASK_HEADER: job.id})


def _streamed(
    stream: ImageStream,
    streams: TheStreams,
    principal: Principal,
    job: Job,
    asked: ImageOptions,
    operation: Operation,
    *,
    goes_on: bool,
) -> Response[OpenAIImages]:
    frames = stream.frames(principal, job, asked, operation, goes_on=goes_on)
    return EventStream(told_within(frames, wire.error_event), streams, {TASK_HEADER: job.id})  # type: ignore[return-value]
