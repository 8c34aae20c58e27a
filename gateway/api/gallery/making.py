"""Generate, edit and upscale: each answers with the job that does it."""

from __future__ import annotations

from litestar import Router, post
from litestar.params import FromPath, JSONBody
from msgspec import Struct

from gateway.api.access import SECURITY, allows
from gateway.api.gallery.asked import EditImage, GenerateImage, UpscaleImage
from gateway.api.given import Asker, TheGalleryOrders
from gateway.api.priorities import PriorityHeader
from gateway.api.problems import responses
from gateway.api.repeats import IdempotencyKey
from gateway.jobs.records import Job, State

MAKES = allows("features.image_generation")


class Accepted(Struct, frozen=True, kw_only=True):
    """A job; `/v1/tasks/{job_id}` follows it, and its pictures land in the gallery."""

    job_id: str
    status: State


class AcceptedEdit(Accepted, frozen=True, kw_only=True):
    edit_session_id: str | None
    """For the next edit that goes on from this one; null for an upscale that was asked for by itself."""


@post(
    "/generate/image",
    operation_id="generate_image",
    summary="Make a picture for the gallery",
    status_code=202,
    guards=[MAKES],
    responses=responses(400, 401, 402, 403, 409, 413, 422, 429, 503),
)
async def generate_image(
    data: JSONBody[GenerateImage],
    principal: Asker,
    gallery_orders: TheGalleryOrders,
    priority: PriorityHeader = None,
    idempotency_key: IdempotencyKey = None,
) -> Accepted:
    """Accept a job; it is durable when this answers. Its pictures carry the title and the tags."""
    job = await gallery_orders.generate(principal, data, header=priority, key=idempotency_key)
    return Accepted(job_id=job.id, status=job.state)


@post(
    "/images/{image_id:str}/edit",
    operation_id="edit_image",
    summary="Make a variant of a picture",
    status_code=202,
    guards=[MAKES],
    responses=responses(400, 401, 402, 403, 404, 409, 413, 422, 429, 503),
)
async def edit_image(
    image_id: FromPath[str],
    data: JSONBody[EditImage],
    principal: Asker,
    gallery_orders: TheGalleryOrders,
    priority: PriorityHeader = None,
    idempotency_key: IdempotencyKey = None,
) -> AcceptedEdit:
    """Accept an edit. Once it is done the variant is in `variants` of the picture, which itself stays as it is."""
    return _edit(await gallery_orders.edit(principal, image_id, data, header=priority, key=idempotency_key))


@post(
    "/images/{image_id:str}/upscale",
    operation_id="upscale_image",
    summary="Make a picture larger",
    status_code=202,
    guards=[MAKES],
    responses=responses(400, 401, 402, 403, 404, 409, 413, 422, 429, 503),
)
async def upscale_image(
    image_id: FromPath[str],
    data: JSONBody[UpscaleImage],
    principal: Asker,
    gallery_orders: TheGalleryOrders,
    priority: PriorityHeader = None,
    idempotency_key: IdempotencyKey = None,
) -> AcceptedEdit:
    """Accept an upscale. The larger picture is a variant too; its parameters say which upscaler made it."""
    return _edit(await gallery_orders.upscale(principal, image_id, data, header=priority, key=idempotency_key))


def _edit(job: Job) -> AcceptedEdit:
    return AcceptedEdit(job_id=job.id, status=job.state, edit_session_id=job.request.edit_session_id)


def making_router() -> Router:
    return Router("/v1", route_handlers=[generate_image, edit_image, upscale_image], security=SECURITY, tags=["Gallery"])
