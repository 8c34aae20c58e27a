"""The end of uploads that nobody saved: some days after their last use they go, and their bytes with them."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, exists, literal, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db import across_teams, now
from gateway.images import records
from gateway.images.image import DAY, Image
from gateway.images.tables import images
from gateway.storage.tables import blobs

_BATCH = 500


class Old(NamedTuple):
    """An upload that may go, and its place among those."""

    unsaved_at: int
    id: str


FIRST = Old(0, "")


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
