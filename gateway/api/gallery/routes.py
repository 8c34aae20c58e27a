"""The gallery's JSON; `content` has its bytes."""

from __future__ import annotations

from typing import Annotated

from litestar import Router, get, patch
from litestar.params import FromPath, JSONBody, QueryParameter

from gateway.api.access import SECURITY, allows
from gateway.api.gallery import wire
from gateway.api.gallery.wire import GalleryImageDetail, ImageChanges, ImagePage
from gateway.api.given import Asker, Db, TheCursors, TheLinks
from gateway.api.problems import responses
from gateway.images import records

READS = allows("gallery.read")


@get(
    "/images",
    operation_id="list_images",
    summary="List pictures, newest first",
    guards=[READS],
    responses=responses(401, 403, 422),
)
async def list_images(
    principal: Asker,
    db: Db,
    cursors: TheCursors,
    links: TheLinks,
    limit: Annotated[int, QueryParameter(ge=1, le=100, description="How many at most.")] = 20,
    cursor: Annotated[str | None, QueryParameter(name="next", description="`next` of the page before.")] = None,
) -> ImagePage:
    """The team's pictures. The cursor is stable while new ones arrive."""
    scope = (principal.team_id, "images")
    before = cursors.open(cursor, *scope)
    async with db.read() as connection:
        found = await records.newest(connection, principal.team_id, limit=limit + 1, before=before)
    shown, following = cursors.cut(found, limit, *scope)
    return ImagePage(data=[wire.image(each, links) for each in shown], limit=limit, next=following)


@get(
    "/images/{image_id:str}",
    operation_id="get_image",
    summary="Get a picture's details",
    guards=[READS],
    responses=responses(401, 403, 404),
)
async def get_image(image_id: FromPath[str], principal: Asker, db: Db, links: TheLinks) -> GalleryImageDetail:
    """How it was made, and where its bytes are."""
    async with db.read() as connection:
        return wire.detail(await records.get(connection, principal.team_id, image_id), links)


@patch(
    "/images/{image_id:str}",
    operation_id="change_image",
    summary="Keep an upload",
    guards=[allows("gallery.write")],
    responses=responses(400, 401, 403, 404, 409, 413, 422),
)
async def change_image(
    image_id: FromPath[str], data: JSONBody[ImageChanges], principal: Asker, db: Db, links: TheLinks
) -> GalleryImageDetail:
    """An upload, or a picture that a task fetched, shows in no list and goes some days after its last use, until saved."""
    async with db.write() as connection:
        return wire.detail(await records.set_saved(connection, principal.team_id, image_id, saved=data.saved), links)


def gallery_router() -> Router:
    return Router("/v1", route_handlers=[list_images, get_image, change_image], security=SECURITY, tags=["Gallery"])
