"""/v1/images/{id}/share: the link by which anyone sees a picture without signing in."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated

import msgspec
from litestar import Router, delete, get, patch, post
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, Meta, Struct, UnsetType

from gateway.api.access import SECURITY, allows
from gateway.api.gallery.share_wire import ShareLink, share_link
from gateway.api.given import Asker, TheSharing
from gateway.api.problems import responses
from gateway.api.times import microseconds
from gateway.sharing import Wish

Password = Annotated[str, Meta(min_length=6, max_length=1024)]
_EPOCH = date(1970, 1, 1)


class ShareRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the link shall be; what is left out stays as it is. A new link has no end, no prompt and no password."""

    expires_at: datetime | UnsetType | None = UNSET
    """When it ends, at any time ahead; null: never."""
    show_prompt: bool | UnsetType = UNSET
    """Show how the picture was made too, and give out the file with all its data."""
    password: Password | UnsetType | None = UNSET
    """To be given before anything is shown; null: none."""


class ViewsOfDay(Struct, frozen=True):
    day: date
    """UTC."""
    views: int


class ShareDetail(ShareLink, frozen=True, kw_only=True):
    days: list[ViewsOfDay]
    """Those that have views, the first one first."""


def _wish(data: ShareRequest) -> Wish:
    expires_at = microseconds(data.expires_at) if isinstance(data.expires_at, datetime) else data.expires_at
    return Wish(expires_at=expires_at, show_prompt=data.show_prompt, password=data.password)


@post(
    "/images/{image_id:str}/share",
    operation_id="share_image",
    summary="Share a picture by a link",
    status_code=200,
    guards=[allows("gallery.write")],
    responses=responses(400, 401, 403, 404, 409, 413, 422, 503),
)
async def share_image(
    image_id: FromPath[str], principal: Asker, sharing: TheSharing, data: JSONBody[ShareRequest | None] = None
) -> ShareLink:
    """The link that lives, or a new one; the body may be left out. What DELETE closed is never opened again."""
    share, _ = await sharing.create(principal, image_id, _wish(data or ShareRequest()))
    return share_link(share, sharing)


@get(
    "/images/{image_id:str}/share",
    operation_id="get_share",
    summary="See a picture's link",
    guards=[allows("gallery.read")],
    responses=responses(401, 403, 404),
)
async def get_share(image_id: FromPath[str], principal: Asker, sharing: TheSharing) -> ShareDetail:
    """With its views day by day; also one that has expired, until it is revoked or replaced."""
    share = await sharing.get(principal, image_id)
    days = [ViewsOfDay(_EPOCH + timedelta(day), views) for day, views in (await sharing.views.by_day(share.id)).items()]
    return ShareDetail(**msgspec.structs.asdict(share_link(share, sharing)), days=days)


@patch(
    "/images/{image_id:str}/share",
    operation_id="change_share",
    summary="Change a picture's link",
    guards=[allows("gallery.write")],
    responses=responses(400, 401, 403, 404, 409, 413, 422),
)
async def change_share(
    image_id: FromPath[str], data: JSONBody[ShareRequest], principal: Asker, sharing: TheSharing
) -> ShareLink:
    """What is left out stays as it is. A link that has expired lives again with a new end."""
    return share_link(await sharing.change(principal, image_id, _wish(data)), sharing)


@delete(
    "/images/{image_id:str}/share",
    operation_id="revoke_share",
    summary="Close a picture's link for good",
    status_code=204,
    guards=[allows("gallery.write")],
    responses=responses(401, 403, 404),
)
async def revoke_share(image_id: FromPath[str], principal: Asker, sharing: TheSharing) -> None:
    """The page answers 404 at once; copies of the picture that are cached are gone within a minute."""
    await sharing.revoke(principal, image_id)


def sharing_router() -> Router:
    return Router(
        "/v1", route_handlers=[share_image, get_share, change_share, revoke_share], security=SECURITY, tags=["Gallery"]
    )
