"""Pictures from before the search knew what it knows: done once, in the background, however many starts it takes."""

from __future__ import annotations

import asyncio
import logging
import re

from sqlalchemy import and_, bindparam, exists, select, update

from gateway.db import Database, across_teams, marks
from gateway.errors import StorageUnavailable
from gateway.images import records
from gateway.images.image import from_row
from gateway.images.tables import SHOWN, image_texts, images
from gateway.images.tokens import bare

log = logging.getLogger(__name__)
SEARCH = "search"
"""The mark. Without it every start would look at all pictures for those that the index lacks."""
ACCENTS = "search without accents"
"""The mark of the words from before these were left out."""
_BATCH = 200
_ROWS = 500
"""Read, and written, at a time: other writers wait meanwhile."""
_PERHAPS = re.compile(r"[^\x00-\x7f\ue000-\uf8ff]")
"""What a row without any accent hardly has. Past letters and digits, all have private characters."""


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


async def leave_accents_out(db: Database) -> None:
    """Of the words that pictures are found by already. What stops it is logged; the next start goes on."""
    try:
        if await marks.is_done(db, ACCENTS):
            return
        after: int | None = -1
        while after is not None:
            after = await _leave_out_of_some(db, after)
        await marks.done(db, ACCENTS)
    except StorageUnavailable as error:
        log.warning("words with accents are not all found without them yet: %s", error.message)


async def _leave_out_of_some(db: Database, after: int) -> int | None:
    """The last number that it came to; None: there are no more."""
    query = select(image_texts.c.number, image_texts.c.tokens).where(image_texts.c.number > after)
    async with db.read() as connection:
        rows = (await connection.execute(query.order_by(image_texts.c.number).limit(_ROWS))).tuples().all()
    changed = await asyncio.to_thread(lambda: [(n, old, new) for n, old in rows if (new := _without_accents(old)) != old])
    if changed:
        # Whatever was written anew meanwhile has none.
        same = and_(image_texts.c.number == bindparam("n"), image_texts.c.tokens == bindparam("old"))
        async with db.write() as connection:
            values = [{"n": n, "old": old, "new": new} for n, old, new in changed]
            await connection.execute(update(image_texts).where(same).values(tokens=bindparam("new")), values)
    return rows[-1][0] if rows else None


def _without_accents(kept: str) -> str:
    return " ".join(dict.fromkeys(map(bare, kept.split(" ")))) if _PERHAPS.search(kept) else kept


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
