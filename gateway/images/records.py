"""An image's row as a value, and how rows are read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from msgspec import Struct
from sqlalchemy import Row, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db import across_teams, now, of_team
from gateway.errors import NotFound, WrongState
from gateway.images.search import index
from gateway.images.tables import SHOWN, images

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
    preset_id: str | None = None
    user_prompt: str | None = None
    published_at: int | None = None
    unsaved_at: int | None = None
    """The last use of an upload that nobody saved: no list shows it, and some days later it goes."""

    @property
    def saved(self) -> bool:
        return self.unsaved_at is None


def from_row(row: Row[Any]) -> Image:
    return Image(**row._mapping)


async def add(connection: AsyncConnection, image: Image, *also: str) -> None:
    """Keep a picture whose bytes are durable; it is found by its title and prompts and by the texts `also`.

    Raises IntegrityError when the job has that ordinal already.
    """
    await connection.execute(insert(images), [{field: getattr(image, field) for field in Image.__struct_fields__}])
    await index(connection, image.id, image.team_id, *texts(image), *also)


def texts(image: Image) -> tuple[str, ...]:
    """What every image is found by."""
    return image.title, image.prompt, image.user_prompt or ""


async def get(connection: AsyncConnection, team_id: str, image_id: str) -> Image:
    """The team's image, in the trash or not. Raises NotFound."""
    query = of_team(select(images), team_id, images).where(images.c.id == image_id)
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise NotFound(f"There is no image {image_id}.")
    return from_row(row)


async def newest(connection: AsyncConnection, team_id: str, *, limit: int, before: str | None = None) -> list[Image]:
    """The team's images that lists show, newest first, those before the id `before`."""
    query = of_team(select(images), team_id, images).where(SHOWN).order_by(images.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(images.c.id < before)
    return [from_row(row) for row in await connection.execute(query)]


async def set_saved(connection: AsyncConnection, team_id: str, image_id: str, *, saved: bool) -> Image:
    """Show an upload in the gallery, or no longer, and then to nobody else either.

    Raises NotFound, and WrongState for a picture that was made here.
    """
    image = await get(connection, team_id, image_id)
    if image.source != "upload" and not saved:
        raise WrongState("Only an upload can be unsaved; delete a picture that was made here.", field="saved")
    change = of_team(update(images), team_id, images).where(images.c.id == image_id)
    values = {"unsaved_at": None} if saved else {"unsaved_at": now(), "published_at": None}
    changed = await connection.execute(change.values(values).returning(images))
    return from_row(changed.one())


async def of_job(connection: AsyncConnection, job_id: str) -> list[Image]:
    """What a job has stored so far, in the order it was asked for; whose job it is was seen before."""
    query = across_teams(select(images)).where(images.c.job_id == job_id).order_by(images.c.ordinal)
    return [from_row(row) for row in await connection.execute(query)]


async def of_jobs(connection: AsyncConnection, job_ids: Sequence[str]) -> dict[str, list[Image]]:
    """The same for several jobs at once; a job without pictures has no entry."""
    query = across_teams(select(images)).where(images.c.job_id.in_(job_ids)).order_by(images.c.job_id, images.c.ordinal)
    found: dict[str, list[Image]] = {}
    for row in await connection.execute(query):
        found.setdefault(row.job_id, []).append(from_row(row))
    return found
