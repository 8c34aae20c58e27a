"""What people put on a picture: its title, its tags, the star; and whether an upload is kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db import now
from gateway.errors import WrongState
from gateway.images import records
from gateway.images.image import Image
from gateway.images.tags import cleaned, cleaned_title


async def label(
    connection: AsyncConnection,
    team_id: str,
    image_id: str,
    *,
    title: str | None = None,
    tags: Sequence[str] | None = None,
    saved: bool | None = None,
) -> Image:
    """Change what is given; None leaves it as it is. An upload that is not saved is in no list and goes some days later.

    Raises InvalidInput, NotFound; WrongState for one in the trash, and for unsaving what was made here.
    """
    values: dict[str, Any] = {}
    if title is not None:
        values["title"] = cleaned_title(title)
    if tags is not None:
        values["tags"] = cleaned(tags)
    image = await _labeled(connection, team_id, image_id)
    if saved is False and image.source != "upload":
        raise WrongState("Only an upload can be unsaved; delete a picture that was made here.", field="saved")
    if saved is not None:
        values |= {"unsaved_at": None} if saved else {"unsaved_at": now(), "published_at": None, "public_blob": None}
    return await _changed(connection, image, values)


async def star(connection: AsyncConnection, team_id: str, image_id: str, favorite: bool | None = None) -> Image:
    """Make it a favorite, or no longer; None turns it over. Raises NotFound, and WrongState for one in the trash."""
    image = await _labeled(connection, team_id, image_id)
    return await _changed(connection, image, {"is_favorite": not image.is_favorite if favorite is None else favorite})


async def _labeled(connection: AsyncConnection, team_id: str, image_id: str) -> Image:
    image = await records.get(connection, team_id, image_id)
    if image.deleted_at is not None:
        raise WrongState(f"The image {image_id} is in the trash; restore it to change it.")
    return image


async def _changed(connection: AsyncConnection, image: Image, values: dict[str, Any]) -> Image:
    if all(getattr(image, name) == value for name, value in values.items()):
        return image
    (changed,) = await records.alter(connection, [image], **values)
    return changed
