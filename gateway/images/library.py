"""The team's pictures in pages: by words and filters, in every order; and how many they are."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Select, bindparam, literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db import first, of_team
from gateway.errors import InvalidInput
from gateway.images import counters, counting, ranges
from gateway.images.counting import Count
from gateway.images.image import Facet, Image, from_row, texts
from gateway.images.tables import images
from gateway.images.tags import title_key
from gateway.images.wanted import Sort, Wanted
from gateway.images.widening import widened
from gateway.images.words import has_phrase

__all__ = ["DEEPEST", "Count", "Found", "Place", "Sort", "Wanted", "count", "count_trash", "page", "trash"]
DEEPEST = 10_000
"""Rows that page numbers reach; a cursor reaches all of them."""
MOST_SORTED = 5_000
"""Where fewer match they are sorted by title; else the titles are walked until enough match."""
TRASH = Facet("trash")
_MOST_READ = 2_000
"""Pictures whose texts one request looks through for a phrase; `next` goes on behind them."""
_BATCH = 200


class Place(Struct, frozen=True):
    """Where a page ended: the id, and what the list is sorted by before that."""

    id: str
    key: str = ""


class Found(Struct, frozen=True):
    images: list[Image]
    next: Place | None
    """Where the page behind begins; None at the end."""
    count: Count | None = None
    """Of all pages, where it was asked for."""


_Read = Callable[[Place | None, int, int], Awaitable[list[Image]]]
"""So many pictures behind a place, past so many more."""


async def page(
    connection: AsyncConnection,
    team_id: str,
    wanted: Wanted,
    *,
    sort: Sort = "newest",
    limit: int,
    page: int = 1,
    after: Place | None = None,
    counted: bool = False,
) -> Found:
    """A page by its number, or the one behind the place where another ended; `counted` tells how many there are in all.

    Raises InvalidInput for a page that is too deep.
    """
    offset = _offset(limit, page, after)
    wanted = await widened(connection, team_id, wanted)
    read, place = await _order(connection, team_id, wanted, sort)
    if wanted.has_phrases:
        found = await _with_phrases(read, place, wanted, after, limit, offset)
    else:
        some = await read(after, limit + 1, offset)
        found = Found(some[:limit], place(some[limit - 1]) if len(some) > limit else None)
    if not counted:
        return found
    seen = offset + len(found.images)
    at_end = found.next is None and after is None and (seen > offset or not offset)
    return replace(found, count=Count(seen, False) if at_end else await _counted(connection, team_id, wanted))


async def count(connection: AsyncConnection, team_id: str, wanted: Wanted) -> Count:
    """How many there are: from the counters, or counted so far as is worth while."""
    return await _counted(connection, team_id, await widened(connection, team_id, wanted))


async def _counted(connection: AsyncConnection, team_id: str, wanted: Wanted) -> Count:
    if not wanted.has_phrases:
        return await counting.count(connection, team_id, wanted)
    some = await _walk(connection, team_id, wanted, True, None, counting.MOST + 1, 0)
    return Count(len(await _having(some[: counting.MOST], wanted)), len(some) > counting.MOST)


async def trash(connection: AsyncConnection, team_id: str, *, limit: int, page: int = 1, after: Place | None = None) -> Found:
    """A page of what was deleted, the last deleted first. Raises InvalidInput for a page that is too deep."""
    offset = _offset(limit, page, after)
    query = of_team(select(images), team_id, images).where(images.c.deleted_at.is_not(None))
    if after is not None:
        query = query.where(tuple_(images.c.deleted_at, images.c.id) < tuple_(literal(int(after.key)), literal(after.id)))
    query = first(query.order_by(images.c.deleted_at.desc(), images.c.id.desc()), limit + 1, offset)
    found = [from_row(row) for row in await connection.execute(query)]
    last = found[limit - 1] if len(found) > limit else None
    return Found(found[:limit], Place(last.id, str(last.deleted_at)) if last else None)


async def count_trash(connection: AsyncConnection, team_id: str) -> Count:
    return Count((await counters.total(connection, team_id, TRASH))[TRASH], False)


def _offset(limit: int, page: int, after: Place | None) -> int:
    offset = 0 if after else (page - 1) * limit
    if offset + limit > DEEPEST:
        raise InvalidInput(
            f"Pages reach the first {DEEPEST} pictures; go on with `next` of the page before, or narrow what you ask for, "
            "by `to` for example.",
            field="page",
        )
    return offset


async def _order(
    connection: AsyncConnection, team_id: str, wanted: Wanted, sort: Sort
) -> tuple[_Read, Callable[[Image], Place]]:
    """How a list is read in that order, and where in it a picture stands."""
    if sort == "title":
        among = await _few(connection, team_id, wanted)
        return partial(_by_title, connection, team_id, wanted, among), lambda image: Place(image.id, title_key(image.title))
    if sort == "favorite" and wanted.favorite is None:
        return partial(_favorites_first, connection, team_id, wanted), lambda image: Place(image.id, str(image.is_favorite))

    async def read(after: Place | None, limit: int, offset: int) -> list[Image]:
        return await _walk(connection, team_id, wanted, sort != "oldest", after.id if after else None, limit, offset)

    return read, lambda image: Place(image.id)


async def _walk(
    connection: AsyncConnection, team_id: str, wanted: Wanted, newest: bool, after: str | None, limit: int, offset: int
) -> list[Image]:
    chosen = ranges.chosen(team_id, wanted, newest=newest, after=after, limit=limit, offset=offset)
    if not wanted.needs_words:
        return sorted(await _read(connection, team_id, chosen), key=lambda image: image.id, reverse=newest)
    ids = (await connection.execute(chosen)).scalars().all()
    if not wanted.begins_with_words:
        ids = sorted(ids, reverse=newest)
    # Else as the index of words has them: it has an order of its own among pictures of one moment, which the cursor means.
    rows = await connection.execute(_THESE, {"team": team_id, "ids": ids}) if ids else ()
    found = {image.id: image for image in map(from_row, rows)}
    return [found[each] for each in ids if each in found]


async def _favorites_first(
    connection: AsyncConnection, team_id: str, wanted: Wanted, after: Place | None, limit: int, offset: int
) -> list[Image]:
    """Two lists, each newest first, one behind the other."""
    stars, others = (msgspec.structs.replace(wanted, favorite=each) for each in (True, False))
    found: list[Image] = []
    skipped = 0
    if after is None or after.key == str(True):
        found = await _walk(connection, team_id, stars, True, after.id if after else None, limit, offset)
        if offset and len(found) < limit:
            skipped = await counting.bounded(connection, ranges.some(team_id, stars, offset))
        after = None
    if len(found) < limit:
        behind = after.id if after else None
        found += await _walk(connection, team_id, others, True, behind, limit - len(found), offset - skipped)
    return found


async def _few(connection: AsyncConnection, team_id: str, wanted: Wanted) -> Select[Any] | None:
    """Those that match, where they are so few that sorting them is less work than walking all titles."""
    if wanted == Wanted(made_here=wanted.made_here):
        return None
    some = ranges.some(team_id, wanted, MOST_SORTED + 1)
    return some if await counting.bounded(connection, some) <= MOST_SORTED else None


async def _by_title(
    connection: AsyncConnection,
    team_id: str,
    wanted: Wanted,
    among: Select[Any] | None,
    after: Place | None,
    limit: int,
    offset: int,
) -> list[Image]:
    behind = (after.key, after.id) if after else None
    chosen = ranges.by_title(team_id, wanted, after=behind, limit=limit, offset=offset, among=among)
    return sorted(await _read(connection, team_id, chosen), key=lambda image: (title_key(image.title), image.id))


_THESE = of_team(select(images), bindparam("team"), images).where(images.c.id.in_(bindparam("ids", expanding=True)))
"""Built once: every search asks it."""


async def _read(connection: AsyncConnection, team_id: str, chosen: Select[Any]) -> list[Image]:
    query = of_team(select(images), team_id, images).where(images.c.id.in_(chosen))
    return [from_row(row) for row in await connection.execute(query)]


async def _with_phrases(
    read: _Read, place: Callable[[Image], Place], wanted: Wanted, after: Place | None, limit: int, offset: int
) -> Found:
    """Those of what the words find in which they stand so; a page can end early, and `next` then goes on."""
    kept: list[Image] = []
    for _ in range(_MOST_READ // _BATCH):
        some = await read(after, _BATCH, 0)
        kept += await _having(some, wanted)
        if len(some) < _BATCH or len(kept) > offset + limit:
            shown = kept[offset : offset + limit]
            return Found(shown, place(shown[-1]) if len(kept) > offset + limit else None)
        after = place(some[-1])
    return Found(kept[offset:], after)


async def _having(several: Sequence[Image], wanted: Wanted) -> list[Image]:
    # In a thread: texts are looked through letter by letter, and imported prompts have up to a hundred thousand.
    return await asyncio.to_thread(lambda: [each for each in several if _has(each, wanted)])


def _has(image: Image, wanted: Wanted) -> bool:
    said = texts(image)
    has_all = all(has_phrase(phrase, said) for phrase in wanted.phrases)
    return has_all and not any(has_phrase(phrase, said) for phrase in wanted.without_phrases)
