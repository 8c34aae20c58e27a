"""The gallery's JSON; `content` has its bytes."""

from __future__ import annotations

import msgspec
from litestar import Router, get, patch, post
from litestar.params import FromPath, JSONBody
from msgspec import UNSET

from gateway.api.access import SECURITY, allows
from gateway.api.gallery import wire
from gateway.api.gallery.wire import FavoriteChange, GalleryImageDetail, ImageChanges
from gateway.api.given import Asker, Db, TheLinks, ThePictures, TheSharing
from gateway.api.problems import responses
from gateway.images import records
from gateway.images.labels import label, star

READS = allows("gallery.read")
WRITES = allows("gallery.write")


@get(
    "/images/{image_id:str}",
    operation_id="get_image",
    summary="Get a picture's details",
    guards=[READS],
    responses=responses(401, 403, 404),
)
async def get_image(
    image_id: FromPath[str], principal: Asker, db: Db, links: TheLinks, sharing: TheSharing
) -> GalleryImageDetail:
    """How it was made, and where its bytes are."""
    async with db.read() as connection:
        return await wire.detail(connection, await records.get(connection, principal.team_id, image_id), links, sharing)


@patch(
    "/images/{image_id:str}",
    operation_id="change_image",
    summary="Change a picture's title and tags",
    guards=[WRITES],
    responses=responses(400, 401, 403, 404, 409, 413, 422),
)
async def change_image(
    image_id: FromPath[str],
    data: JSONBody[ImageChanges],
    principal: Asker,
    db: Db,
    links: TheLinks,
    sharing: TheSharing,
    pictures: ThePictures,
) -> GalleryImageDetail:
    """Also keeps an upload: it, and a picture that a task fetched, shows in no list and goes some days after its last use."""
    async with db.write() as connection:
        image = await label(connection, principal.team_id, image_id, **msgspec.to_builtins(data))
        told = await wire.detail(connection, image, links, sharing)
    # What it shows to others has a new title, or is closed.
    sharing.live.forget()
    pictures.published.forget(image_id)
    return told


@post(
    "/images/{image_id:str}/favorite",
    operation_id="favorite_image",
    summary="Star a picture, or no longer",
    status_code=200,
    guards=[WRITES],
    responses=responses(400, 401, 403, 404, 409, 413, 422),
)
async def favorite_image(
    image_id: FromPath[str],
    principal: Asker,
    db: Db,
    links: TheLinks,
    sharing: TheSharing,
    data: JSONBody[FavoriteChange | None] = None,
) -> GalleryImageDetail:
    """Turns the star over; `is_favorite` in the body, which may be left out, says what it shall be."""
    wanted = data.is_favorite if data and data.is_favorite is not UNSET else None
    async with db.write() as connection:
        image = await star(connection, principal.team_id, image_id, wanted)
        return await wire.detail(connection, image, links, sharing)


def gallery_router() -> Router:
    return Router("/v1", route_handlers=[get_image, change_image, favorite_image], security=SECURITY, tags=["Gallery"])
