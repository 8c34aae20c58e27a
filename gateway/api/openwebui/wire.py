"""How the Open WebUI surface shows pictures: as files of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from msgspec import Struct

from gateway.api.openwebui.naming import content_path
from gateway.images.file_names import EXTENSIONS, FileNames
from gateway.images.records import Image
from gateway.jobs.records import Job

_SECOND = 1_000_000
METADATA = "metadata"
"""Under this name a job, or an upload, keeps what the client said of it."""


class MadeFile(Struct, frozen=True):
    url: str
    """A path without a host; it takes the key, or the session of the pages."""


class PickedModel(Struct, frozen=True):
    id: str
    name: str


class FileMeta(Struct, frozen=True, kw_only=True):
    name: str
    content_type: str
    size: int
    """Bytes."""
    width: int
    height: int
    data: dict[str, Any]
    """What it was made from, as far as it was made here, and the `metadata` that came with the request."""


class WebuiFile(Struct, frozen=True, kw_only=True):
    """A picture, as Open WebUI has files: its id is the image's."""

    id: str
    user_id: str
    hash: str
    """Of its bytes: SHA-256, hexadecimal."""
    filename: str
    path: None = None
    """Where it lies is nobody's business."""
    data: dict[str, Any] = {}
    """Of documents their text; pictures have none."""
    meta: FileMeta
    access_control: None = None
    created_at: int
    """Seconds since the epoch."""
    updated_at: int


class WebuiUpload(WebuiFile, frozen=True, kw_only=True):
    status: Literal[True] = True


class FileList(Struct, frozen=True):
    items: list[WebuiFile]
    total: int


class Deleted(Struct, frozen=True):
    message: str = "File deleted successfully"


def made(image: Image) -> MadeFile:
    return MadeFile(content_path(image.id))


def fields(image: Image, job: Job | None = None) -> dict[str, Any]:
    """Of a `WebuiFile` and an `WebuiUpload`; `job` is the one that made it, where it is known."""
    name = file_name(image)
    created = image.created_at // _SECOND
    meta = FileMeta(
        name=name,
        content_type=image.media_type,
        size=image.bytes,
        width=image.width,
        height=image.height,
        data=_data(image, job),
    )
    return {
        "id": image.id,
        "user_id": image.user_id,
        "hash": image.blob,
        "filename": name,
        "meta": meta,
        "created_at": created,
        "updated_at": created,
    }


def file(image: Image, job: Job | None = None) -> WebuiFile:
    return WebuiFile(**fields(image, job))


def file_name(image: Image) -> str:
    return FileNames().name(image.title, "generated-image" if image.job_id else image.id, EXTENSIONS[image.media_type])


def _data(image: Image, job: Job | None) -> dict[str, Any]:
    own = {name: value for name, value in image.parameters.items() if name != METADATA and value not in (None, "", [], {})}
    said: Mapping[str, Any] = (job.request.shown if job else image.parameters).get(METADATA) or {}
    if image.job_id is None:
        return {**own, **said}
    asked = {
        "model": image.model,
        "prompt": image.prompt,
        "negative_prompt": image.negative_prompt,
        "size": f"{image.width}x{image.height}",
        "n": job.pictures if job else 1,
        "seed": image.seed,
        "job_id": image.job_id,
    }
    told: dict[str, Any] = msgspec.to_builtins({**own, **asked, **said})
    return told
