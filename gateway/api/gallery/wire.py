"""How the gallery shows a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import UNSET, Struct, UnsetType
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.api.gallery.share_wire import ShareLink, links_of
from gateway.api.links import Links
from gateway.api.times import moment
from gateway.images.counting import Count
from gateway.images.records import Image, Source
from gateway.images.variants import parent_of, variants_of
from gateway.sharing import Sharing


class GalleryImage(Struct, frozen=True, kw_only=True):
    """One picture. Both URLs are signed: they open without a key until they expire."""

    id: str
    url: str
    thumbnail_url: str
    """WebP, at most 256 pixels wide and high; `/v1/images/{id}/thumbnail?size=768` has a larger one."""
    thumbhash: str
    """A blurred likeness in some thirty bytes, base64 (https://evanw.github.io/thumbhash)."""
    width: int
    height: int
    media_type: str
    bytes: int
    title: str
    tags: list[str]
    is_favorite: bool
    model: str
    engine: str
    prompt: str
    negative_prompt: str
    seed: int | None
    """Null where the model has no seeds: the picture cannot be repeated exactly."""
    parameters: dict[str, Any]
    """Everything else that was asked or done."""
    job_id: str | None
    edit_session_id: str | None
    """What edits that went on from each other share."""
    source: Source
    saved: bool
    """False: an upload that lists do not show, and that goes some days after its last use."""
    share: ShareLink | UnsetType | None = UNSET
    """Its public link; null where none lives. Left out where a picture stands beside something else: its address has it."""
    created_at: datetime
    deleted_at: datetime | None
    lost_at: datetime | None
    """When a check of the storage found its bytes gone; null: they are there."""


class ImageChanges(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What of a picture can be changed; what is left out stays."""

    title: str | UnsetType = UNSET
    """One line, 200 characters at most; empty for none."""
    tags: list[str] | UnsetType = UNSET
    """All that it shall have, in this order: 50 at most, of 64 characters each. Large and small letters are the same tag."""
    saved: bool | UnsetType = UNSET
    """True keeps an upload for good and shows it in lists; false leaves it to be swept once nobody uses it."""


class FavoriteChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    is_favorite: bool | UnsetType = UNSET
    """Left out: turned over."""


class ParentImage(Struct, frozen=True, kw_only=True):
    """The picture that another was edited from."""

    id: str
    deleted: bool
    """It is in the trash, or gone; then nothing but its id is told."""
    title: str | None = None
    url: str | None = None
    thumbnail_url: str | None = None


class GalleryImageDetail(GalleryImage, frozen=True, kw_only=True):
    parent: ParentImage | None
    """Null for a picture that was not made from another."""
    variants: list[GalleryImage]
    """What was edited or upscaled from it directly, the newest first, 50 at most."""


class ImagePage(Struct, frozen=True, kw_only=True):
    """A part of a list; `next` opens the page behind, null at the end."""

    data: list[GalleryImage]
    page: int | UnsetType = UNSET
    limit: int
    total: int | UnsetType = UNSET
    """How many there are. Left out, as `page` is, where a cursor was given."""
    total_capped: bool = False
    """There are more than `total`."""
    next: str | None


def image(shown: Image, links: Links, share: ShareLink | UnsetType | None = UNSET) -> GalleryImage:
    return GalleryImage(**_fields(shown, links, share))


def page(
    found: Sequence[Image],
    links: Links,
    shares: Mapping[str, ShareLink],
    count: Count | None,
    *,
    limit: int,
    page: int,
    following: str | None,
) -> ImagePage:
    return ImagePage(
        data=[image(each, links, shares.get(each.id)) for each in found],
        page=page if count else UNSET,
        limit=limit,
        total=count.total if count else UNSET,
        total_capped=count.capped if count else False,
        next=following,
    )


async def detail(connection: AsyncConnection, shown: Image, links: Links, sharing: Sharing) -> GalleryImageDetail:
    """With what is beside it: three statements, however many those are."""
    variants = await variants_of(connection, shown)
    shares = await links_of(connection, [shown, *variants], sharing)
    return GalleryImageDetail(
        **_fields(shown, links, shares.get(shown.id)),
        parent=await _parent(connection, shown, links),
        variants=[image(each, links, shares.get(each.id)) for each in variants],
    )


async def _parent(connection: AsyncConnection, shown: Image, links: Links) -> ParentImage | None:
    if shown.parent_id is None:
        return None
    found = await parent_of(connection, shown)
    if found is None:
        return ParentImage(id=shown.parent_id, deleted=True)
    return ParentImage(
        id=found.id, deleted=False, title=found.title, url=links.content(found), thumbnail_url=links.thumbnail(found)
    )


def _fields(shown: Image, links: Links, share: ShareLink | UnsetType | None) -> dict[str, Any]:
    return {
        "id": shown.id,
        "url": links.content(shown),
        "thumbnail_url": links.thumbnail(shown),
        "thumbhash": shown.thumbhash,
        "width": shown.width,
        "height": shown.height,
        "media_type": shown.media_type,
        "bytes": shown.bytes,
        "title": shown.title,
        "tags": shown.tags,
        "is_favorite": shown.is_favorite,
        "model": shown.model,
        "engine": shown.engine,
        "prompt": shown.prompt,
        "negative_prompt": shown.negative_prompt,
        "seed": shown.seed,
        "parameters": shown.parameters,
        "job_id": shown.job_id,
        "edit_session_id": shown.edit_session_id,
        "source": shown.source,
        "saved": shown.saved,
        "share": share,
        "created_at": moment(shown.created_at),
        "deleted_at": moment(shown.deleted_at),
        "lost_at": moment(shown.lost_at),
    }
