"""What the tools answer with: JSON for language models, which read every letter of it, so that nothing stands there twice."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import UNSET, Struct, UnsetType

from engines.contract import Capability, ModelCard
from gateway.api.common.wire import Model
from gateway.api.links import Links
from gateway.api.tasks.wire import credits
from gateway.api.times import moment
from gateway.images.image import Image, Source
from gateway.jobs.records import Job, State

IMAGES = "darkroom://images/"
"""How the URIs of pictures begin."""


class MadePicture(Struct, frozen=True, kw_only=True):
    """A picture of a job."""

    id: str
    url: str
    """Opens without a key until it expires."""
    width: int
    height: int
    media_type: str
    seed: int | None


class Outcome(Struct, frozen=True, kw_only=True):
    """A job, as it stands."""

    status: State
    job_id: str
    model: str
    images: list[MadePicture]
    progress: str | UnsetType = UNSET
    """How far a job is that is not finished."""
    eta_seconds: float | UnsetType = UNSET
    """Until it is."""
    charged_credits: str | UnsetType = UNSET
    """Of one that cost something: what it came to in the end, once it is finished."""
    edit_session_id: str | UnsetType = UNSET
    """For an edit that goes on from this one."""
    next: str | UnsetType = UNSET
    """What to do now."""


class FoundPicture(Struct, frozen=True, kw_only=True):
    """A picture of the gallery."""

    id: str
    url: str
    """Opens without a key until it expires."""
    title: str
    prompt: str
    model: str
    tags: list[str]
    is_favorite: bool
    width: int
    height: int
    created_at: datetime


class Gallery(Struct, frozen=True, kw_only=True):
    """A part of what was found."""

    images: list[FoundPicture]
    total: int | UnsetType = UNSET
    """How many there are; left out where a cursor was given."""
    total_capped: bool = False
    """There are more than total."""
    next: str | UnsetType = UNSET
    """The cursor of what follows; left out at the end."""


class ShownPicture(FoundPicture, frozen=True, kw_only=True):
    """A picture with all that it was made with."""

    uri: str
    """Of it as a resource."""
    media_type: str
    bytes: int
    negative_prompt: str
    seed: int | None
    parameters: dict[str, Any]
    source: Source
    parent_id: str | None
    """The picture that it was edited from."""
    edit_session_id: str | None
    job_id: str | None


class OfferedModel(Struct, frozen=True, kw_only=True):
    """A model that can be asked for."""

    id: str
    title: str
    capabilities: tuple[Capability, ...]
    available: bool
    reason: str | None
    """Why it cannot run now."""
    is_default_for: tuple[Capability, ...]
    aliases: tuple[str, ...]
    sizes: tuple[str, ...]
    """Those that it makes best, the first one by itself."""
    largest_size: str | None
    """Beyond, pictures are scaled up by upscaler; without one they are refused."""
    upscaler: str | None
    samplers: tuple[str, ...] | UnsetType = UNSET
    """Only where one model is asked for; the first one is its own choice."""
    max_images: int | None
    max_references: int | None
    """Pictures that it looks at, beside the one that it changes."""
    choices: dict[str, tuple[str, ...]]
    """What else can be chosen, such as background."""


class Catalog(Struct, frozen=True, kw_only=True):
    models: list[OfferedModel]


class Fault(Struct, frozen=True, kw_only=True):
    """Why a tool did not do it."""

    code: str
    message: str
    field: str | UnsetType = UNSET
    """What of the call to change."""
    request_id: str | UnsetType = UNSET
    job_id: str | UnsetType = UNSET
    replacement: str | UnsetType = UNSET
    """The model to ask for instead of a retired one."""


def outcome(
    job: Job, images: Sequence[Image], links: Links, progress: str = "", eta_seconds: float | None = None, advice: str = ""
) -> Outcome:
    """`progress`, `eta_seconds` and `advice` are for a job that is not finished."""
    return Outcome(
        status=job.state,
        job_id=job.id,
        model=job.model,
        images=[_made(each, links) for each in images],
        progress=progress or UNSET,
        eta_seconds=UNSET if eta_seconds is None else eta_seconds,
        charged_credits=credits(job.charged - job.refunded) if job.charged else UNSET,
        edit_session_id=job.request.edit_session_id or UNSET,
        next=advice or UNSET,
    )


def found(image: Image, links: Links) -> FoundPicture:
    return FoundPicture(**_told(image, links))


def shown(image: Image, links: Links) -> ShownPicture:
    own = ("media_type", "bytes", "negative_prompt", "seed", "parameters", "source", "parent_id", "edit_session_id", "job_id")
    return ShownPicture(**_told(image, links), uri=uri(image.id), **{name: getattr(image, name) for name in own})


def offered(row: Model, card: ModelCard | None, *, whole: bool) -> OfferedModel:
    """`card` is the merged one; None where the model is not on offer. Only the `whole` of it has all of its long lists."""
    same = ("id", "title", "capabilities", "available", "reason", "is_default_for", "aliases", "upscaler")
    return OfferedModel(
        **{name: getattr(row, name) for name in same},
        sizes=tuple(f"{size.width}x{size.height}" for size in row.native_sizes),
        largest_size=f"{card.max_size.width}x{card.max_size.height}" if card else None,
        max_images=row.limits.max_images if row.limits else None,
        max_references=card.max_references if card else None,
        choices=card.choices if card else {},
        samplers=row.samplers if whole else UNSET,
    )


def uri(image_id: str) -> str:
    return f"{IMAGES}{image_id}"


def _made(image: Image, links: Links) -> MadePicture:
    return MadePicture(
        id=image.id,
        url=links.content(image),
        width=image.width,
        height=image.height,
        media_type=image.media_type,
        seed=image.seed,
    )


def _told(image: Image, links: Links) -> dict[str, Any]:
    same = ("id", "title", "prompt", "model", "tags", "is_favorite", "width", "height")
    told = {name: getattr(image, name) for name in same}
    return {**told, "url": links.content(image), "created_at": moment(image.created_at)}
