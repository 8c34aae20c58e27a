"""How the Studio surface shows jobs, pictures and presets. Everything is wrapped in `data`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType, field

from gateway.api.blocking import told
from gateway.api.links import Links
from gateway.api.times import moment
from gateway.images.records import Image
from gateway.jobs.records import Job
from gateway.storage.blobs import key
from gateway.wallet.money import number
from gateway.wallet.usage import Summary

Status = Literal["queued", "active", "completed", "failed"]
STATUS: dict[str, Status] = {
    "queued": "queued",
    "running": "active",
    "succeeded": "completed",
    "failed": "failed",
    "canceled": "failed",
}
_SECOND = 1_000_000


class Cost(Struct, frozen=True):
    credits: int | float
    """What was charged, less what was given back for pictures that were not made."""


class MadeImage(Struct, frozen=True, kw_only=True, rename="camel"):
    """One picture; `url` opens without a key until it expires."""

    id: str
    url: str | UnsetType = UNSET
    b64_json: str | UnsetType = field(default=UNSET, name="b64_json")
    """Its bytes, where they were asked for."""
    storage_key: str
    width: int
    height: int
    mime_type: str


class MadeImages(Struct, frozen=True, kw_only=True):
    """A job: queued, at work, done with its pictures, or failed with its error."""

    id: str
    status: Status | UnsetType = UNSET
    created: int
    """Seconds since the epoch."""
    model: str
    """The concrete model, also where it was asked for by an alias."""
    data: tuple[MadeImage, ...] | UnsetType = UNSET
    usage: Cost | UnsetType = UNSET
    error: str | UnsetType = UNSET
    code: str | UnsetType = UNSET


class GenerationAnswer(Struct, frozen=True):
    data: MadeImages


class LibraryImage(Struct, frozen=True, kw_only=True, rename="camel"):
    id: str
    url: str
    thumbnail_url: str
    width: int
    height: int
    preset_id: str | None
    model_version: str
    user_prompt: str
    is_public: bool
    created_at: datetime


class LibraryImageDetail(LibraryImage, frozen=True, kw_only=True, rename="camel"):
    prompt: str
    """With all blanks filled in."""
    variables: dict[str, Any]
    preset_version: int | None
    source_type: str | None
    """What it is, where it was not made from words alone: `edit`, `upscale` or `upload`."""


class LibraryPage(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    images: list[LibraryImage]
    total: int | None = None
    """Left out where a cursor was given."""
    total_capped: bool = field(default=False, name="total_capped")
    """There are more than `total` says."""
    page: int | None = None
    limit: int
    next: str | None
    """Opens the page behind, whatever was made meanwhile; null at the end."""


class LibraryAnswer(Struct, frozen=True):
    data: LibraryPage


class LibraryImageAnswer(Struct, frozen=True):
    data: LibraryImageDetail


class PublicImage(Struct, frozen=True, kw_only=True, rename="camel"):
    """A picture for everyone. What it was made from stays with its team."""

    id: str
    url: str
    thumbnail_url: str
    width: int
    height: int
    model_version: str
    published_at: datetime


class PublicPage(Struct, frozen=True, kw_only=True):
    images: list[PublicImage]
    limit: int
    next: str | None


class PublicAnswer(Struct, frozen=True):
    data: PublicPage


class StudioUsage(Struct, frozen=True, kw_only=True):
    """Credits: the balance, and what was charged and given back since then."""

    balance: int | float
    charged: int | float
    refunded: int | float
    since: datetime


class UsageAnswer(Struct, frozen=True):
    data: StudioUsage


def job(shown: Job, images: Sequence[MadeImage] = (), *, status: bool = True) -> MadeImages:
    """`status` false leaves the state out: the answer is the pictures."""
    done, failed = shown.state == "succeeded", STATUS[shown.state] == "failed"
    return MadeImages(
        id=shown.id,
        status=STATUS[shown.state] if status else UNSET,
        created=shown.created_at // _SECOND,
        model=shown.model,
        data=tuple(images) if done else UNSET,
        usage=Cost(number(shown.charged - shown.refunded)) if done else UNSET,
        error=told(shown) if failed else UNSET,
        code=shown.error_code if failed and shown.error_code else UNSET,
    )


def made(image: Image, links: Links, *, url: bool, base64: str | None) -> MadeImage:
    return MadeImage(
        id=image.id,
        url=links.content(image) if url else UNSET,
        b64_json=UNSET if base64 is None else base64,
        storage_key=key(image.blob),
        width=image.width,
        height=image.height,
        mime_type=image.media_type,
    )


def library_image(image: Image, links: Links) -> LibraryImage:
    return LibraryImage(**_fields(image, links))


def library_detail(image: Image, links: Links, of: Job | None) -> LibraryImageDetail:
    """`of` is the job that made it, where there is one."""
    used = of.request.preset if of else None
    return LibraryImageDetail(
        **_fields(image, links),
        prompt=image.prompt,
        variables=used.variables if used else {},
        preset_version=used.version if used else None,
        source_type=None if image.source == "generate" else image.source,
    )


def public_image(image: Image, links: Links) -> PublicImage:
    return PublicImage(
        id=image.id,
        url=links.public_content(image),
        thumbnail_url=links.public_thumbnail(image, 768),
        width=image.width,
        height=image.height,
        model_version=image.model,
        published_at=moment(image.published_at or image.created_at),
    )


def usage(shown: Summary) -> UsageAnswer:
    return UsageAnswer(
        StudioUsage(
            balance=number(shown.balance),
            charged=number(shown.charged),
            refunded=number(shown.refunded),
            since=moment(shown.since),
        )
    )


def _fields(image: Image, links: Links) -> dict[str, Any]:
    return {
        "id": image.id,
        "url": links.content(image),
        "thumbnail_url": links.thumbnail(image),
        "width": image.width,
        "height": image.height,
        "preset_id": image.preset_id,
        "model_version": image.model,
        "user_prompt": image.prompt if image.user_prompt is None else image.user_prompt,
        "is_public": image.published_at is not None,
        "created_at": moment(image.created_at),
    }
