"""How often links are opened: counted in memory, written down together every few seconds, by link and by day."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter

from sqlalchemy import bindparam, select, update
from sqlalchemy.exc import SQLAlchemyError

from gateway.db import Database, across_teams, now, upsert
from gateway.errors import StorageUnavailable
from gateway.sharing.tables import share_views, shares

log = logging.getLogger(__name__)
EVERY_SECONDS = 10.0
"""What a crash loses at most."""
DAY = 86_400_000_000
"""Microseconds."""


class Views:
    """Run `keep` beside everything else, and `flush` at the end."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._seen: Counter[tuple[str, int]] = Counter()

    def saw(self, share_id: str) -> None:
        """Count one view, now."""
        self._seen[share_id, now() // DAY] += 1

    def unwritten(self, share_id: str) -> int:
        """Views that the database does not have yet."""
        return sum(count for (seen, _), count in self._seen.items() if seen == share_id)

    async def by_day(self, share_id: str) -> dict[int, int]:
        """Views by days since the epoch (UTC), of those days that have any."""
        query = select(share_views.c.day, share_views.c.views).where(share_views.c.share_id == share_id)
        async with self._db.read() as connection:
            days = Counter({row.day: row.views for row in await connection.execute(query)})
        days.update({day: count for (seen, day), count in self._seen.items() if seen == share_id})
        return dict(sorted(days.items()))

    async def keep(self) -> None:
        """Write down every few seconds, until canceled; what cannot be written now is at the next time."""
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            await self.flush()

    async def flush(self) -> None:
        """Write down what was counted."""
        seen, self._seen = self._seen, Counter()
        if not seen:
            return
        try:
            await self._write(seen)
        except (StorageUnavailable, SQLAlchemyError) as error:
            self._seen.update(seen)
            log.warning("views of shared pictures are not written down yet: %s", error)

    async def _write(self, seen: Counter[tuple[str, int]]) -> None:
        async with self._db.write() as connection:
            ids = {share_id for share_id, _ in seen}
            query = across_teams(select(shares.c.id)).where(shares.c.id.in_(ids))
            known = set((await connection.execute(query)).scalars())
            # In one order for all, so that two writers never wait for each other in a circle.
            rows = [{"share_id": each, "day": day, "views": n} for (each, day), n in sorted(seen.items()) if each in known]
            if not rows:
                return
            await upsert(connection, share_views, rows, setting=lambda new: {"views": share_views.c.views + new.views})
            more: Counter[str] = Counter()
            for row in rows:
                more[str(row["share_id"])] += int(str(row["views"]))
            change = across_teams(update(shares)).where(shares.c.id == bindparam("share"))
            change = change.values(views=shares.c.views + bindparam("more"))
            await connection.execute(change, [{"share": share_id, "more": count} for share_id, count in sorted(more.items())])
