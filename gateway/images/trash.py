"""The trash: pictures go there first, come back from there, and are deleted for good from there alone.

Every change takes many pictures at once, in one transaction with the counts, the search and the tags that follow from it.
Variants stay when their parent goes. What was public is not any more, also when it comes back.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db import Database, across_teams, now, of_team
from gateway.errors import NotFound, WrongState
from gateway.images import records
from gateway.images.closed import Closed
from gateway.images.ids import possible
from gateway.images.image import DAY, Image
from gateway.images.tables import images

_BATCH = 200


class Outcome(Struct, frozen=True):
    """What became of the ids that were named, each once and in the order given."""

    changed: list[str]
    unchanged: list[str]
    """They were so already."""
    not_found: list[str]
    """There are none, or they are another team's: nobody can tell which."""


Purged = Callable[[AsyncConnection, Sequence[Image]], Awaitable[None]]
"""Told in the transaction that deletes pictures for good, when their rows are gone."""


class Trash:
    """Whoever deletes or restores pictures comes through here, so that their addresses close and open with them."""

    def __init__(self, db: Database, closed: Closed, *purged: Purged) -> None:
        """`purged` are the rooms above that know of pictures."""
        self._db = db
        self._closed = closed
        self._purged = purged

    async def discard(self, team_id: str, ids: Sequence[str]) -> Outcome:
        """Move pictures to the trash."""
        async with self._db.write() as connection:
            found = await _named(connection, team_id, ids)
            going = [each for each in found if each.deleted_at is None]
            await records.alter(connection, going, deleted_at=now(), published_at=None, public_blob=None)
        self._closed.close(each.id for each in going)
        return _outcome(ids, going, found)

    async def restore(self, team_id: str, ids: Sequence[str]) -> Outcome:
        """Bring pictures back; an upload that nobody saved has its days once more."""
        async with self._db.write() as connection:
            found = await _named(connection, team_id, ids)
            coming = [each for each in found if each.deleted_at is not None]
            await records.alter(connection, [each for each in coming if each.saved], deleted_at=None)
            await records.alter(connection, [each for each in coming if not each.saved], deleted_at=None, unsaved_at=now())
        self._closed.open(each.id for each in coming)
        return _outcome(ids, coming, found)

    async def restore_one(self, team_id: str, image_id: str) -> None:
        """The same. Raises NotFound, and WrongState for one that is not in the trash."""
        outcome = await self.restore(team_id, [image_id])
        _see_found(outcome, image_id)
        if outcome.unchanged:
            raise WrongState(f"The image {image_id} is not in the trash.")

    async def discard_one(self, team_id: str, image_id: str) -> None:
        """Move a picture to the trash; one that is there stays there. Raises NotFound."""
        _see_found(await self.discard(team_id, [image_id]), image_id)

    async def purge_one(self, team_id: str, image_id: str) -> None:
        """Delete a picture for good. Raises NotFound, and WrongState for one that is not in the trash."""
        async with self._db.write() as connection:
            found = await _named(connection, team_id, [image_id])
            if not found:
                raise _missing(image_id)
            if found[0].deleted_at is None:
                raise WrongState(f"The image {image_id} is not in the trash; delete it first, then for good.")
            await self._purge(connection, found)
        self._closed.close([image_id])

    async def sweep(self, days: int) -> int:
        """Delete for good what has lain in the trash so many days; how many went. Their bytes go by the sweep of blobs."""
        went, query = 0, _lain(days)
        while True:
            async with self._db.write() as connection:
                going = [records.from_row(row) for row in await connection.execute(query)]
                await self._purge(connection, going)
            self._closed.close(each.id for each in going)
            went += len(going)
            if not going:
                return went

    async def _purge(self, connection: AsyncConnection, going: Sequence[Image]) -> None:
        await self._closed.note_purged(connection, going)
        await records.purge(connection, going)
        for tell in self._purged if going else ():
            await tell(connection, going)


async def _named(connection: AsyncConnection, team_id: str, ids: Sequence[str]) -> list[Image]:
    query = of_team(select(images), team_id, images).where(images.c.id.in_(possible(ids)))
    # One order for all, so that no two wait for each other's rows in a circle.
    locked = query.order_by(images.c.id).with_for_update()
    return [records.from_row(row) for row in await connection.execute(locked)]


def _lain(days: int) -> Select[Any]:
    place = (images.c.deleted_at, images.c.id)
    return across_teams(select(images)).where(images.c.deleted_at < now() - days * DAY).order_by(*place).limit(_BATCH)


def _outcome(ids: Sequence[str], changed: Sequence[Image], found: Sequence[Image]) -> Outcome:
    moved, there = {each.id for each in changed}, {each.id for each in found}
    each_once = list(dict.fromkeys(ids))
    return Outcome(
        changed=[each for each in each_once if each in moved],
        unchanged=[each for each in each_once if each in there and each not in moved],
        not_found=[each for each in each_once if each not in there],
    )


def _see_found(outcome: Outcome, image_id: str) -> None:
    if outcome.not_found:
        raise _missing(image_id)


def _missing(image_id: str) -> NotFound:
    return NotFound(f"There is no image {image_id[:60]}.")
