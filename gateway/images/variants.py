"""What a picture was edited from, and what was made of it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db import across_teams, of_team
from gateway.images.image import Image
from gateway.images.records import from_row
from gateway.images.tables import SHOWN, images

MOST_VARIANTS = 50
"""That are shown beside a picture, the newest; `/family` has all of them."""


async def parent_of(connection: AsyncConnection, image: Image) -> Image | None:
    """The picture that it was edited from; None for none, and where that is in the trash or gone."""
    if image.parent_id is None:
        return None
    query = of_team(select(images), image.team_id, images).where(images.c.id == image.parent_id)
    row = (await connection.execute(query.where(images.c.deleted_at.is_(None)))).one_or_none()
    return None if row is None else from_row(row)


async def variants_of(connection: AsyncConnection, image: Image) -> list[Image]:
    """What was edited or upscaled from it directly, the newest first, without what is in the trash."""
    query = of_team(select(images), image.team_id, images).where(images.c.parent_id == image.id, SHOWN)
    return [from_row(row) for row in await connection.execute(query.order_by(images.c.id.desc()).limit(MOST_VARIANTS))]


async def not_deleted(connection: AsyncConnection, ids: Sequence[str]) -> dict[str, Image]:
    """Those of these pictures that are neither in the trash nor gone; whose they are was seen before."""
    if not ids:
        return {}
    query = across_teams(select(images)).where(images.c.id.in_(set(ids)), images.c.deleted_at.is_(None))
    return {row.id: from_row(row) for row in await connection.execute(query)}
