"""How the gallery shows a picture."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import Struct

from gateway.api.links import Links
from gateway.api.times import moment
from gateway.images.records import Image, Source


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
    model: str
    engine: str
    prompt: str
    negative_prompt: str
    seed: int | None
    """Null where the model has no seeds: the picture cannot be repeated exactly."""
    parameters: dict[str, Any]
    """Everything else that was asked or done."""
    job_id: str | None
    source: Source
    saved: bool
    """False: an upload that lists do not show, and that goes some days after its last use."""
    created_at: datetime
    deleted_at: datetime | None


class ImageChanges(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What of a picture can be changed."""

    saved: bool
    """True keeps an upload for good and shows it in lists; false leaves it to be swept once nobody uses it."""


class GalleryImageDetail(GalleryImage, frozen=True, kw_only=True):
    parent: str | None
    """The picture that it was edited from."""


class ImagePage(Struct, frozen=True, kw_only=True):
    """Newest first; `next` opens the page behind, null at the end."""

    data: list[GalleryImage]
    limit: int
    next: str | None


def image(shown: Image, links: Links) -> GalleryImage:
    return GalleryImage(**_fields(shown, links))


def detail(shown: Image, links: Links) -> GalleryImageDetail:
    return GalleryImageDetail(**_fields(shown, links), parent=shown.parent_id)


def _fields(shown: Image, links: Links) -> dict[str, Any]:
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
        "model": shown.model,
        "engine": shown.engine,
        "prompt": shown.prompt,
        "negative_prompt": shown.negative_prompt,
        "seed": shown.seed,
        "parameters": shown.parameters,
        "job_id": shown.job_id,
        "source": shown.source,
        "saved": shown.saved,
        "created_at": moment(shown.created_at),
        "deleted_at": moment(shown.deleted_at),
    }
