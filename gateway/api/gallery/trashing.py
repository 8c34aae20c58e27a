"""The trash: one picture or many, there and back, and out for good."""

from __future__ import annotations

from typing import Annotated

from litestar import Router, delete, post
from litestar.params import FromPath, JSONBody
from msgspec import Meta, Struct

from gateway.api.access import SECURITY, allows
from gateway.api.gallery import wire
from gateway.api.gallery.wire import GalleryImageDetail
from gateway.api.given import Asker, Db, TheLinks, TheSharing, TheTrash
from gateway.api.problems import responses
from gateway.errors import InvalidInput
from gateway.images import records
from gateway.images.trash import Outcome

WRITES = allows("gallery.write")
MOST = 200
"""Ids of one call, each counted once."""
_LONGEST_ID = 64
Ids = Annotated[tuple[Annotated[str, Meta(max_length=_LONGEST_ID)], ...], Meta(min_length=1, max_length=10_000)]
"""With those that are named again. How many count is for a `Meta` around it to say, and for `each_once` to see to."""


class Several(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which pictures: 200 at most."""

    ids: Annotated[Ids, Meta(extra={"words": f"a list of 1 to {MOST} ids of pictures"})]
    """Of pictures; one that is named twice counts once."""


class BulkOutcome(Struct, frozen=True, kw_only=True):
    """What became of the ids that were named, each once, in the order given."""

    changed: list[str]
    unchanged: list[str]
    """They were so already."""
    not_found: list[str]


@delete(
    "/images/{image_id:str}",
    operation_id="delete_image",
    summary="Move a picture to the trash",
    guards=[WRITES],
    responses=responses(401, 403, 404),
)
async def delete_image(image_id: FromPath[str], principal: Asker, trash: TheTrash) -> None:
    """It can be restored for 30 days (`[settings.gallery] trash_days`); its addresses open no longer. Its variants stay."""
    await trash.discard_one(principal.team_id, image_id)


@post(
    "/images/{image_id:str}/restore",
    operation_id="restore_image",
    summary="Bring a picture back from the trash",
    status_code=200,
    guards=[WRITES],
    responses=responses(401, 403, 404, 409),
)
async def restore_image(
    image_id: FromPath[str], principal: Asker, trash: TheTrash, db: Db, links: TheLinks, sharing: TheSharing
) -> GalleryImageDetail:
    """As it was; only one that was in the public gallery is not published again."""
    await trash.restore_one(principal.team_id, image_id)
    async with db.read() as connection:
        return await wire.detail(connection, await records.get(connection, principal.team_id, image_id), links, sharing)


@delete(
    "/images/{image_id:str}/forever",
    operation_id="purge_image",
    summary="Delete a picture in the trash for good",
    guards=[WRITES],
    responses=responses(401, 403, 404, 409),
)
async def purge_image(image_id: FromPath[str], principal: Asker, trash: TheTrash) -> None:
    """At once and without a way back; its files go within two hours, unless another picture has the same bytes."""
    await trash.purge_one(principal.team_id, image_id)


@post(
    "/images/bulk/delete",
    operation_id="delete_images",
    summary="Move many pictures to the trash",
    status_code=200,
    guards=[WRITES],
    responses=responses(400, 401, 403, 413, 422),
)
async def delete_images(data: JSONBody[Several], principal: Asker, trash: TheTrash) -> BulkOutcome:
    """All that are found, at once; the others are named."""
    return _told(await trash.discard(principal.team_id, each_once(data.ids, MOST)))


@post(
    "/images/bulk/restore",
    operation_id="restore_images",
    summary="Bring many pictures back from the trash",
    status_code=200,
    guards=[WRITES],
    responses=responses(400, 401, 403, 413, 422),
)
async def restore_images(data: JSONBody[Several], principal: Asker, trash: TheTrash) -> BulkOutcome:
    """All that are found, at once; the others are named."""
    return _told(await trash.restore(principal.team_id, each_once(data.ids, MOST)))


def each_once(ids: tuple[str, ...], most: int) -> list[str]:
    """In the order given. Raises InvalidInput where there are too many."""
    kept = list(dict.fromkeys(ids))
    if len(kept) > most:
        raise InvalidInput(f"At most {most} pictures at once; these are {len(kept)}.", field="ids")
    return kept


def _told(outcome: Outcome) -> BulkOutcome:
    return BulkOutcome(changed=outcome.changed, unchanged=outcome.unchanged, not_found=outcome.not_found)


def trash_router() -> Router:
    routes = [delete_image, restore_image, purge_image, delete_images, restore_images]
    return Router("/v1", route_handlers=routes, security=SECURITY, tags=["Gallery"])
