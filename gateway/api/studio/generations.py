"""`/v0/images/generations`: ask, wait or poll."""

from __future__ import annotations

from typing import Annotated

from litestar import Response, get, post
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, QueryParameter, SkipValidation

from gateway.api.answers import large
from gateway.api.bodies import let_go
from gateway.api.given import Asker, TheStreams, TheStudioOrders
from gateway.api.priorities import PriorityHeader
from gateway.api.repeats import IdempotencyKey
from gateway.api.studio.asked import Form, Order
from gateway.api.studio.bodies import read_order
from gateway.api.studio.documented import GenerationOperation
from gateway.api.studio.errors import responses
from gateway.api.studio.wire import GenerationAnswer
from gateway.api.tasks.routes import MAKES

ResponseFormat = Annotated[
    Form, QueryParameter(name="response_format", description="Whether pictures come by URL, within the answer, or both.")
]
IncludeBase64 = Annotated[bool, QueryParameter(name="include_base64", description="The same as response_format=both.")]


@post(
    "/images/generations",
    operation_id="studio_generate",
    summary="Make pictures from a prompt or a preset",
    status_code=200,
    guards=[MAKES],
    dependencies={"order": Provide(read_order)},
    operation_class=GenerationOperation,
    responses=responses(400, 401, 402, 403, 404, 409, 413, 415, 422, 429, 502, 503, 504),
)
async def generate(
    principal: Asker,
    order: NamedDependency[SkipValidation[Order]],
    studio_orders: TheStudioOrders,
    streams: TheStreams,
    response_format: ResponseFormat = "url",
    include_base64: IncludeBase64 = False,
    at_once: Annotated[bool, QueryParameter(name="async", description="Answer at once, with the job's id to poll.")] = False,
    priority: PriorityHeader = None,
    idempotency_key: IdempotencyKey = None,
) -> Response[GenerationAnswer]:
    """Answers when the pictures are there; after [settings.jobs] sync_timeout_seconds with 504, and the job goes on."""
    job = await studio_orders.take(principal, order, header=priority, key=idempotency_key)
    if at_once:
        return await large(GenerationAnswer(await studio_orders.accepted(job)))
    let_go(order, files=())
    let_go(order.body, ref_image_base64=None)
    await streams.hold(studio_orders.finished(job))
    form = "both" if include_base64 else response_format
    return await large(GenerationAnswer(await studio_orders.show(principal.team_id, job.id, form, status=False)))


@get(
    "/images/generations/{job_id:str}",
    operation_id="studio_get_generation",
    summary="Poll a job",
    responses=responses(401, 404, 422),
)
async def get_generation(
    job_id: FromPath[str],
    principal: Asker,
    studio_orders: TheStudioOrders,
    response_format: ResponseFormat = "url",
    include_base64: IncludeBase64 = False,
) -> Response[GenerationAnswer]:
    """`queued`, `active`, `completed` with its pictures, or `failed` with its error. Any surface's job can be asked for."""
    form = "both" if include_base64 else response_format
    return await large(GenerationAnswer(await studio_orders.show(principal.team_id, job_id, form)))
