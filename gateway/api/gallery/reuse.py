"""To use a picture again: what a file says, the request that makes one again, and the pictures that came of each other."""

from __future__ import annotations

import asyncio

from litestar import Router, get, post
from litestar.handlers import BaseRouteHandler
from litestar.params import FromPath, MultipartBody

from gateway.accounts import Principal
from gateway.api.access import SECURITY, Connection, allows
from gateway.api.choice import offer_for, team_names
from gateway.api.forms import one_file
from gateway.api.gallery.families import Family, shown
from gateway.api.gallery.inspecting import Inspection, inspection
from gateway.api.gallery.repeating import Again, again
from gateway.api.given import Asker, Db, TheBlobs, TheLinks, TheModels, TheScheduler
from gateway.api.problems import responses
from gateway.api.tasks.uploads import UploadForm
from gateway.catalog import ModelEntry
from gateway.db import Database
from gateway.errors import DarkroomError
from gateway.images import families, reading
from gateway.models import Models, Offer
from gateway.routing import visible
from gateway.scheduling.loop import Scheduler
from gateway.storage.reading import UnreadablePicture, sniff

READS = allows("gallery.read")


async def _reads_or_makes(connection: Connection, _: BaseRouteHandler) -> None:
    """Nothing is looked at but what the caller sends, so either permission will do."""
    principal: Principal = connection.scope["user"]
    if not principal.has("features.image_generation"):
        principal.require("gallery.read")


@post(
    "/images/inspect",
    operation_id="inspect_image",
    summary="Read a file's parameters",
    status_code=200,
    guards=[_reads_or_makes],
    before_request=one_file("file"),
    responses=responses(400, 401, 403, 413, 422, 429),
)
async def inspect_image(
    data: MultipartBody[UploadForm], principal: Asker, db: Db, models: TheModels, scheduler: TheScheduler
) -> Inspection:
    """How a picture was made, as its file says: ours, A1111's and Forge's, ComfyUI's, InvokeAI's, SwarmUI's or NovelAI's.

    Nothing is stored. `recipe` can be sent to `/v1/images/generations`; `left_out` says what it lacks, and why.
    """
    content = await data.file.read()
    if sniff(content) is None:
        raise UnreadablePicture("This is not a PNG, JPEG, WebP, GIF or AVIF picture.", field="file")
    found = await asyncio.to_thread(reading.read, content)
    return inspection(
        found, models.offers, await _seen(db, models, principal), await _otherwise(db, models, scheduler, principal)
    )


@get(
    "/images/{image_id:str}/recipe",
    operation_id="get_recipe",
    summary="Get the request that makes a picture again",
    guards=[READS],
    responses=responses(401, 403, 404, 410, 503),
)
async def get_recipe(image_id: FromPath[str], principal: Asker, db: Db, blobs: TheBlobs, models: TheModels) -> Again:
    """Where `exact` is true the same bytes come of it; else `why` says what stands against it."""
    return await again(db, blobs, models, await _seen(db, models, principal), principal.team_id, image_id)


@get(
    "/images/{image_id:str}/family",
    operation_id="get_family",
    summary="Get the original, its edits, and their edits",
    guards=[READS],
    responses=responses(401, 403, 404),
)
async def get_family(image_id: FromPath[str], principal: Asker, db: Db, links: TheLinks) -> Family:
    """All pictures that a picture is related to, itself included; at most a thousand, the nearest to the original."""
    async with db.read() as connection:
        return shown(await families.family(connection, principal.team_id, image_id), links)


async def _seen(db: Database, models: Models, principal: Principal) -> list[ModelEntry]:
    return list(visible(models.catalog, await team_names(db, models, principal)))


async def _otherwise(db: Database, models: Models, scheduler: Scheduler, principal: Principal) -> Offer | None:
    """What a request without a model would be made with just now; None: nothing could."""
    try:
        return await offer_for(db, models, scheduler, principal, None, "text_to_image")
    except DarkroomError:
        return None


def reuse_router() -> Router:
    return Router("/v1", route_handlers=[inspect_image, get_recipe, get_family], security=SECURITY, tags=["Gallery"])
