"""Pictures from before there was a search, brought into its index: once, in the background, however many starts it takes."""

from __future__ import annotations

import logging

from sqlalchemy import exists, select

from gateway.db import Database, across_teams, marks
from gateway.errors import StorageUnavailable
from gateway.images import records
from gateway.images.image import from_row
from gateway.images.tables import SHOWN, image_texts, images

log = logging.getLogger(__name__)
SEARCH = "search"
"""The mark. Without it every start would look at all pictures for those that the index lacks."""
_BATCH = 200


async def catch_up(db: Database) -> None:
    """Index them, newest first. What stops it is logged; the next start goes on."""
    try:
        if await marks.is_done(db, SEARCH):
            return
        before: str | None = "~"  # which no id comes after
        while before is not None:
            before = await _index_some(db, before)
        await marks.done(db, SEARCH)
    except StorageUnavailable as error:
        log.warning("older images are not all found by the search yet: %s", error.message)


async def _index_some(db: Database, before: str) -> str | None:
    """The last id that it came to; None: there are no more."""
    lacking = ~exists().where(image_texts.c.image_id == images.c.id)
    query = across_teams(select(images.c.id)).where(SHOWN, lacking, images.c.id < before).order_by(images.c.id.desc())
    async with db.read() as connection:
        ids: list[str] = list((await connection.execute(query.limit(_BATCH))).scalars())
    if not ids:
        return None
    # Locked: whoever changes one of them meanwhile indexes it behind us.
    these = across_teams(select(images)).where(SHOWN, images.c.id.in_(ids)).order_by(images.c.id).with_for_update()
    async with db.write() as connection:
        await records.index_new(connection, [from_row(row) for row in await connection.execute(these)])
    return ids[-1]
