"""`/sdapi/v1`: make, change and enlarge pictures. Each call waits until they are there; one that is left goes on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from litestar import Response, post
from litestar.di import NamedDependency, Provide
from litestar.params import SkipValidation
from msgspec import Struct

from gateway.api.a1111.asked import ExtraBatch, ExtraSingle, Img2Img, Txt2Img
from gateway.api.a1111.bodies import Body, reader
from gateway.api.a1111.documented import body_of
from gateway.api.a1111.errors import responses
from gateway.api.a1111.wire import Enlarged, EnlargedAll, Generated
from gateway.api.answers import large
from gateway.api.given import Asker, TheA1111Extras, TheA1111Orders, TheStreams
from gateway.api.priorities import PriorityHeader
from gateway.api.repeats import IdempotencyKey
from gateway.api.tasks.routes import MAKES
from gateway.jobs.records import Job

TheBody = NamedDependency[SkipValidation[Body]]
TASK = "X-Darkroom-Task"
"""The ids of what made the answer: `/v1/tasks/{id}`."""
IGNORED = "X-Darkroom-Ignored"
"""Names of what a call brought that changes nothing: fields that are not this family's, and what its model has none of."""
_REFUSED = responses(400, 401, 402, 403, 404, 409, 413, 422, 429, 502, 503, 504)


@post(
    "/txt2img",
    operation_id="a1111_txt2img",
    summary="Make pictures from a prompt",
    status_code=200,
    guards=[MAKES],
    dependencies={"sent": Provide(reader(Txt2Img))},
    operation_class=body_of(Txt2Img),
    responses=_REFUSED,
)
async def txt2img(
    sent: TheBody,
    principal: Asker,
    a1111_orders: TheA1111Orders,
    streams: TheStreams,
    priority: PriorityHeader = None,
    idempotency_key: IdempotencyKey = None,
) -> Response[Generated]:
    """Answers when the pictures are there; after [settings.jobs] sync_timeout_seconds with 504, and the job goes on."""
    taken = await a1111_orders.take(principal, sent.asked, header=priority, key=idempotency_key)
    return await _told(await a1111_orders.answer(taken, streams), [taken.job], *sent.ignored, *taken.ignored)


@post(
    "/img2img",
    operation_id="a1111_img2img",
    summary="Make pictures from a picture",
    status_code=200,
    guards=[MAKES],
    dependencies={"sent": Provide(reader(Img2Img))},
    operation_class=body_of(Img2Img),
    responses=_REFUSED,
)
async def img2img(
    sent: TheBody,
    principal: Asker,
    a1111_orders: TheA1111Orders,
    streams: TheStreams,
    priority: PriorityHeader = None,
    idempotency_key: IdempotencyKey = None,
) -> Response[Generated]:
    """With a mask only what that marks is painted anew. Waits as txt2img does."""
    taken = await a1111_orders.take(principal, sent.asked, header=priority, key=idempotency_key)
    return await _told(await a1111_orders.answer(taken, streams), [taken.job], *sent.ignored, *taken.ignored)


@post(
    "/extra-single-image",
    operation_id="a1111_extra_single_image",
    summary="Enlarge a picture",
    status_code=200,
    guards=[MAKES],
    dependencies={"sent": Provide(reader(ExtraSingle))},
    operation_class=body_of(ExtraSingle),
    responses=_REFUSED,
)
async def extra_single_image(
    sent: TheBody,
    principal: Asker,
    a1111_extras: TheA1111Extras,
    streams: TheStreams,
    priority: PriorityHeader = None,
    idempotency_key: IdempotencyKey = None,
) -> Response[Enlarged]:
    """By the upscaler that is named; with none the picture comes back as it is. Waits as txt2img does."""
    made, jobs = await a1111_extras.single(principal, sent.asked, streams, header=priority, key=idempotency_key)
    return await _told(made, jobs, *sent.ignored)


@post(
    "/extra-batch-images",
    operation_id="a1111_extra_batch_images",
    summary="Enlarge several pictures",
    status_code=200,
    guards=[MAKES],
    dependencies={"sent": Provide(reader(ExtraBatch))},
    operation_class=body_of(ExtraBatch),
    responses=_REFUSED,
)
async def extra_batch_images(
    sent: TheBody,
    principal: Asker,
    a1111_extras: TheA1111Extras,
    streams: TheStreams,
    priority: PriorityHeader = None,
    idempotency_key: IdempotencyKey = None,
) -> Response[EnlargedAll]:
    """Each is a job of its own; all are accepted or none."""
    made, jobs = await a1111_extras.batch(principal, sent.asked, streams, header=priority, key=idempotency_key)
    return await _told(made, jobs, *sent.ignored)


async def _told(made: Struct, jobs: Iterable[Job], *ignored: str) -> Response[Any]:
    told = {TASK: [job.id for job in jobs], IGNORED: list(dict.fromkeys(ignored))}
    headers = {name: ", ".join(each) for name, each in told.items() if each}
    return await large(made, headers)
