"""The links that are open, remembered for a little while: a page and its pictures ask for the same one."""

from __future__ import annotations

import time
from collections import OrderedDict

from msgspec import Struct
from sqlalchemy import ColumnElement, exists, select

from gateway.accounts.tables import teams
from gateway.db import Database, across_teams, now
from gateway.errors import LinkExpired, NotFound
from gateway.images import records
from gateway.images.closed import Closed
from gateway.images.image import Image
from gateway.images.tables import SHOWN, images
from gateway.sharing.share import Share, digest_of, from_row
from gateway.sharing.tables import shares

_NOTHING = "There is nothing here: the link is wrong, or it was revoked."
_TEAM_IS_OPEN = exists().where(teams.c.id == shares.c.team_id, teams.c.closed_at.is_(None))
_OVER = "This link has expired; ask for a new one."


class Shown(Struct, frozen=True):
    """What a link shows."""

    share: Share
    image: Image

    @property
    def blob(self) -> str:
        """The picture: with all its data where the owner wants that, else without what is private."""
        return self.image.blob if self.share.show_prompt else self.share.copy_blob or ""

    @property
    def blobs(self) -> frozenset[str | None]:
        """All that may be served of it."""
        return frozenset((self.blob, self.image.thumbnail_256, self.image.thumbnail_768))


class LiveShares:
    """What is done to a link, and the trash, are seen at once; what else is done to its picture or team, within `SECONDS`."""

    SECONDS = 30.0
    MOST = 1024

    def __init__(self, db: Database, closed: Closed) -> None:
        self._db = db
        self._closed = closed
        self._known: OrderedDict[str, tuple[float, Shown]] = OrderedDict()
        self._changes = 0

    async def by_token(self, token: str) -> Shown:
        """What the link shows. Raises NotFound for one that is wrong, revoked or of a picture that is gone; LinkExpired."""
        digest = digest_of(token)
        if digest is None:
            raise NotFound(_NOTHING)
        return await self._find(digest, shares.c.digest == digest)

    async def by_name(self, name: str, blob: str) -> Shown:
        """The same by the share's name, for a picture's own address: and only if the share shows this blob."""
        share_id = name.partition(".")[0]
        shown = await self._find(share_id, shares.c.id == share_id)
        if shown.share.name != name or blob not in shown.blobs:
            raise NotFound(_NOTHING)
        return shown

    def forget(self) -> None:
        """Something was changed: ask for everything anew."""
        self._changes += 1
        self._known.clear()

    async def _find(self, name: str, which: ColumnElement[bool]) -> Shown:
        until, shown = self._known.get(name, (0.0, None))
        if shown is None or until <= time.monotonic():
            shown = await self._look_up(name, which)
        if shown.share.is_over(now()):
            raise LinkExpired(_OVER)
        if self._closed.may_be(shown.image.id):
            await self._closed.require(shown.image.id)
        return shown

    async def _look_up(self, name: str, which: ColumnElement[bool]) -> Shown:
        changes = self._changes
        async with self._db.read() as connection:
            query = across_teams(select(shares)).where(which, shares.c.is_revoked.is_(False), _TEAM_IS_OPEN)
            row = (await connection.execute(query)).one_or_none()
            share = from_row(row) if row else None
            if share is not None and share.is_over(now()):
                raise LinkExpired(_OVER)
            found = across_teams(select(images)).where(images.c.id == (share.image_id if share else ""), SHOWN)
            image = (await connection.execute(found)).one_or_none() if share else None
        if share is None or image is None:
            raise NotFound(_NOTHING)
        shown = Shown(share, records.from_row(image))
        if changes == self._changes:  # else it may be what was before
            self._known[name] = time.monotonic() + self.SECONDS, shown
            while len(self._known) > self.MOST:
                self._known.popitem(last=False)
        return shown
