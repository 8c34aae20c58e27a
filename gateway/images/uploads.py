"""Uploads that nobody saved: some days after their last use they go, and their bytes with them."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, exists, literal, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db import Database, across_teams, now, of_team
from gateway.images import records
from gateway.images.image import DAY, Image
from gateway.images.tables import images
from gateway.storage.tables import blobs

HOUR = 3_600_000_000
"""Microseconds: a use within an hour of the last one is not written down again; an upload is kept for days."""
_BATCH = 500
_LOOKED_AT = 20


class Old(NamedTuple):
    """An upload that may go, and its place among those."""

    unsaved_at: int
    id: str


FIRST = Old(0, "")


async def same(connection: AsyncConnection, team_id: str, user_id: str, blob: str) -> Image | None:
    """An upload of just these bytes that the same person brought along with a request, and that is nothing else's yet:
    neither saved nor titled, with nothing said of it.
    """
    mine = (images.c.user_id == user_id, images.c.blob == blob, images.c.unsaved_at.is_not(None))
    plain = (images.c.source == "upload", images.c.title == "", images.c.deleted_at.is_(None), images.c.lost_at.is_(None))
    query = of_team(select(images), team_id, images).where(*mine, *plain).limit(_LOOKED_AT)
    found = (records.from_row(row) for row in await connection.execute(query))
    return next((image for image in found if not image.parameters and not image.tags), None)


async def use(db: Database, image: Image) -> bool:
    """Keep an upload for its days once more; False: it was swept meanwhile, or deleted for good."""
    if image.unsaved_at is None or image.unsaved_at >= now() - HOUR:
        return True
    change = of_team(update(images), image.team_id, images).where(images.c.id == image.id)
    async with db.write() as connection:
        return bool((await connection.execute(change.values(unsaved_at=now()))).rowcount)


async def old(connection: AsyncConnection, days: int, *, after: Old = FIRST) -> list[Old]:
    """Some unsaved uploads that no variant was made from and nobody used for so many days, the oldest first."""
    place = (images.c.unsaved_at, images.c.id)
    query = select(*place).where(_old(days), tuple_(*place) > tuple_(*map(literal, after))).order_by(*place).limit(_BATCH)
    return [Old(*row) for row in await connection.execute(across_teams(query))]


async def take(connection: AsyncConnection, ids: Collection[str], days: int) -> list[Image]:
    """Those that still are so, locked: whoever would use one of them waits for the end of this transaction."""
    query = across_teams(select(images)).where(images.c.id.in_(ids), _old(days)).order_by(images.c.id).with_for_update()
    return [records.from_row(row) for row in await connection.execute(query)]


def referenced() -> ColumnElement[bool]:
    """For `ledger.sweep`: whether a blob is some image's bytes, thumbnail or public copy."""
    columns = (images.c.blob, images.c.thumbnail_256, images.c.thumbnail_768, images.c.public_blob)
    # One search of an index for each; a single one with `or` would read the table.
    return or_(*(exists().where(column == blobs.c.hash) for column in columns))


def _old(days: int) -> ColumnElement[bool]:
    variants = images.alias("variants")
    # One in the trash lies there for its days.
    unused = and_(images.c.unsaved_at < now() - days * DAY, images.c.deleted_at.is_(None))
    return and_(unused, ~exists().where(variants.c.parent_id == images.c.id))
