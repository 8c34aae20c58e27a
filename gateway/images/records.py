"""An image's row as a value, and how rows are read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from msgspec import Struct
from sqlalchemy import Row, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.errors import NotFound
from gateway.images.tables import images

Source = Literal["generate", "edit", "upscale", "upload"]


class Image(Struct, frozen=True, kw_only=True):
    """One stored picture; times are microseconds since the epoch."""

    id: str
    team_id: str
    user_id: str
    job_id: str | None
    ordinal: int
    parent_id: str | None
    source: Source
    blob: str
    thumbnail_256: str
    thumbnail_768: str | None
    thumbhash: str
    media_type: str
    bytes: int
    width: int
    height: int
    title: str
    model: str
    engine: str
    prompt: str
    negative_prompt: str
    seed: int | None
    parameters: dict[str, Any]
    created_at: int
    deleted_at: int | None


def from_row(row: Row[Any]) -> Image:
    return Image(**row._mapping)


async def add(connection: AsyncConnection, image: Image) -> None:
    """Keep a picture whose bytes are durable. Raises IntegrityError when the job has that ordinal already."""
    await connection.execute(insert(images), [{field: getattr(image, field) for field in Image.__struct_fields__}])


async def get(connection: AsyncConnection, team_id: str, image_id: str) -> Image:
    """The team's image, in the trash or not. Raises NotFound."""
    query = select(images).where(images.c.id == image_id, images.c.team_id == team_id)
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise NotFound(f"There is no image {image_id}.")
    return from_row(row)


async def newest(connection: AsyncConnection, team_id: str, *, limit: int, before: str | None = None) -> list[Image]:
    """The team's images past the trash, newest first, those before the id `before`."""
    shown = (images.c.team_id == team_id, images.c.deleted_at.is_(None))
    query = select(images).where(*shown).order_by(images.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(images.c.id < before)
    return [from_row(row) for row in await connection.execute(query)]


async def of_job(connection: AsyncConnection, job_id: str) -> list[Image]:
    """What a job has stored so far, in the order it was asked for."""
    query = select(images).where(images.c.job_id == job_id).order_by(images.c.ordinal)
    return [from_row(row) for row in await connection.execute(query)]


async def of_jobs(connection: AsyncConnection, job_ids: Sequence[str]) -> dict[str, list[Image]]:
    """The same for several jobs at once; a job without pictures has no entry."""
    query = select(images).where(images.c.job_id.in_(job_ids)).order_by(images.c.job_id, images.c.ordinal)
    found: dict[str, list[Image]] = {}
    for row in await connection.execute(query):
        found.setdefault(row.job_id, []).append(from_row(row))
    return found
