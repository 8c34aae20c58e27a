"""The team's pictures in pages, by words and by preset; and the public gallery, which is over all teams."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import Any, TypeVar

from msgspec import Struct
from sqlalchemy import Select, and_, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db import Database, across_teams, now, of_team
from gateway.errors import InvalidInput, NotFound, WrongState
from gateway.images.records import Image, from_row, get
from gateway.images.search import newest_first
from gateway.images.tables import SHOWN, images

_Row = TypeVar("_Row", bound=tuple[Any, ...])
DEEPEST = 10_000
"""Rows that page numbers reach; a cursor reaches all of them."""
MOST_COUNTED = 1_000
"""Where more than one thing is asked for; else as far as page numbers reach."""
PUBLIC = and_(images.c.published_at.is_not(None), images.c.deleted_at.is_(None))


class Wanted(Struct, frozen=True, kw_only=True):
    """Which pictures; None asks for all."""

    words: str | None = None
    preset_id: str | None = None


class Count(Struct, frozen=True):
    total: int
    capped: bool
    """There are more."""


async def page(
    connection: AsyncConnection, team_id: str, wanted: Wanted, *, limit: int, page: int = 1, before: str | None = None
) -> list[Image]:
    """Pictures that were made here, newest first: a page of them by its number, or those before the id `before`.

    One more than `limit` where there are so many. Raises InvalidInput for a page that is too deep.
    """
    offset = 0 if before else (page - 1) * limit
    if offset + limit > DEEPEST:
        raise InvalidInput(
            f"Pages reach the first {DEEPEST} pictures; go on with `next` of the page before, or narrow what you ask for.",
            field="page",
        )
    query = _listed(select(images), team_id, wanted, before).limit(limit + 1).offset(offset)
    return [from_row(row) for row in await connection.execute(query)]


async def count(connection: AsyncConnection, team_id: str, wanted: Wanted) -> Count:
    """How many there are, counted so far as is worth while."""
    most = MOST_COUNTED if wanted.words is not None and wanted.preset_id is not None else DEEPEST
    some = _listed(select(images.c.id), team_id, wanted).limit(most + 1)
    found = (await connection.execute(across_teams(select(func.count()).select_from(some.subquery())))).scalar_one()
    return Count(min(found, most), found > most)


async def publish(connection: AsyncConnection, team_id: str, image_id: str, *, public: bool) -> Image:
    """Put a picture into the public gallery, or take it out. Raises NotFound, and WrongState for one that cannot go there."""
    image = await get(connection, team_id, image_id)
    if public and (image.deleted_at is not None or not image.saved):
        raise WrongState("A picture in the trash, or an upload that is not saved, cannot be published.", field="isPublic")
    if public and image.published_at is not None:
        return image
    change = of_team(update(images), team_id, images).where(images.c.id == image_id)
    row = (await connection.execute(change.values(published_at=now() if public else None).returning(images))).one()
    return from_row(row)


async def unpublish(connection: AsyncConnection, image_id: str) -> Image:
    """Take any team's picture out of the public gallery: for administrators. Raises NotFound for one that is not there."""
    change = across_teams(update(images)).where(images.c.id == image_id, images.c.published_at.is_not(None))
    row = (await connection.execute(change.values(published_at=None).returning(images))).one_or_none()
    if row is None:
        raise NotFound(f"There is no image {image_id} in the public gallery.")
    return from_row(row)


async def public(connection: AsyncConnection, *, limit: int, before: str | None = None) -> list[Image]:
    """What all teams published, the last made first, those before the id `before`."""
    query = across_teams(select(images)).where(PUBLIC).order_by(images.c.id.desc()).limit(limit)
    if before:
        query = query.where(images.c.id < before)
    return [from_row(row) for row in await connection.execute(query)]


def _listed(query: Select[_Row], team_id: str, wanted: Wanted, before: str | None = None) -> Select[_Row]:
    """What is wanted of a select of `images`, newest first."""
    query = of_team(query, team_id, images).where(SHOWN, images.c.source != "upload")
    if wanted.preset_id is not None:
        query = query.where(images.c.preset_id == wanted.preset_id)
    if wanted.words is not None:
        return newest_first(query, team_id, wanted.words, before=before)
    return (query.where(images.c.id < before) if before else query).order_by(images.c.id.desc())


class Published:
    """Whether pictures are public, remembered for a little while: a public page asks for a hundred at once."""

    SECONDS = 30.0
    MOST = 4096

    def __init__(self, db: Database) -> None:
        self._db = db
        self._known: OrderedDict[str, tuple[float, bool]] = OrderedDict()

    async def require(self, image_id: str) -> None:
        """Raises NotFound for a picture that is not public, within `SECONDS` of its being taken out."""
        until, is_public = self._known.get(image_id, (0.0, False))
        if until <= time.monotonic():
            async with self._db.read() as connection:
                query = across_teams(select(images.c.id)).where(images.c.id == image_id, PUBLIC)
                is_public = (await connection.execute(query)).first() is not None
            self._known[image_id] = time.monotonic() + self.SECONDS, is_public
            while len(self._known) > self.MOST:
                self._known.popitem(last=False)
        if not is_public:
            raise NotFound("This picture is not public any more.")
