"""Images' rows: how they are read, and the only ways by which they are added, changed and removed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db import across_teams, of_team
from gateway.errors import NotFound
from gateway.images import counters, search
from gateway.images.image import Image, Source, from_row, searched, texts
from gateway.images.tables import image_texts, images
from gateway.images.tags import title_key
from gateway.storage import ledger

__all__ = ["Image", "Source", "from_row", "texts"]
_AT_ONCE = 500
"""Ids of one statement."""


async def add(connection: AsyncConnection, image: Image, *also: str) -> None:
    """Keep a picture whose bytes are durable; it is found by its title, tags and prompts and by the texts `also`.

    Raises IntegrityError when the job has that ordinal already.
    """
    await add_all(connection, [msgspec.structs.replace(image, found_by=" ".join(also)) if also else image])


async def add_all(connection: AsyncConnection, several: Sequence[Image]) -> None:
    """The same for many at once. Raises StorageUnavailable too, where the sweep took the bytes meanwhile: keep them again."""
    if several:
        fields = Image.__struct_fields__
        rows = [{name: getattr(each, name) for name in fields} | {"title_key": title_key(each.title)} for each in several]
        await ledger.hold(connection, {blob for each in several for blob in _blobs(each)})
        await connection.execute(insert(images), rows)
        await _follow(connection, [(None, each) for each in several])


def _blobs(image: Image) -> Iterator[str]:
    yield from (hash for hash in (image.blob, image.thumbnail_256, image.thumbnail_768, image.public_blob) if hash)


async def alter(connection: AsyncConnection, several: Sequence[Image], **values: Any) -> list[Image]:
    """Change the same of each picture, and its place in lists and counts with it; `several` were read in this transaction.

    Gives them as they are now, in the order given.
    """
    now_so = [msgspec.structs.replace(each, **values) for each in several]
    if "title" in values:
        values["title_key"] = title_key(values["title"])
    if blob := values.get("public_blob"):
        await ledger.hold(connection, [blob])
    for part in _parts(several):
        await connection.execute(across_teams(update(images)).where(images.c.id.in_(part)).values(values))
    await _follow(connection, list(zip(several, now_so, strict=True)))
    return now_so


async def purge(connection: AsyncConnection, several: Sequence[Image]) -> None:
    """Forget the pictures for good; the sweep of blobs takes their bytes. `several` were read in this transaction."""
    await _follow(connection, [(each, None) for each in several])
    for part in _parts(several):
        await connection.execute(across_teams(delete(images)).where(images.c.id.in_(part)))


async def _follow(connection: AsyncConnection, changes: Sequence[counters.Change]) -> None:
    await counters.changed(connection, changes)
    hidden = [before.id for before, after in changes if before and before.shown and not (after and after.shown)]
    await search.forget(connection, hidden)
    new = [after for before, after in changes if after and after.shown and not (before and before.shown)]
    await index_new(connection, new)
    both = [(before, after) for before, after in changes if before and after and before.shown and after.shown]
    await _index_again(connection, [after for before, after in both if _found(before) != _found(after)])


async def index_new(connection: AsyncConnection, several: Sequence[Image]) -> None:
    """Let pictures that lists show be found which were not yet; one statement for hundreds."""
    # In a thread: a hundred imported prompts can be millions of letters.
    await search.index_new(connection, await asyncio.to_thread(_kept, several))


async def _index_again(connection: AsyncConnection, several: Sequence[Image]) -> None:
    if len(several) == 1:
        (one,) = several
        await search.index(connection, one.id, one.team_id, *texts(one), facets=searched(one))
    elif several:
        kept = await asyncio.to_thread(_kept, several)
        again = update(image_texts).where(image_texts.c.image_id == bindparam("image")).values(tokens=bindparam("found_by"))
        rows = [{"image": image_id, "found_by": tokens} for image_id, tokens in sorted(kept.items())]
        if (await connection.execute(again, rows)).rowcount != len(rows):
            await search.index_new(connection, kept)  # those that the search had not caught up with


def _kept(several: Sequence[Image]) -> dict[str, str]:
    return {each.id: search.kept_of(each.team_id, *texts(each), facets=searched(each)) for each in several}


def _found(image: Image) -> tuple[object, ...]:
    return texts(image), searched(image)


def _parts(several: Sequence[Image]) -> Iterator[list[str]]:
    for start in range(0, len(several), _AT_ONCE):
        yield [each.id for each in several[start : start + _AT_ONCE]]


async def get(connection: AsyncConnection, team_id: str, image_id: str) -> Image:
    """The team's image, in the trash or not. Raises NotFound."""
    query = of_team(select(images), team_id, images).where(images.c.id == image_id)
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise NotFound(f"There is no image {image_id}.")
    return from_row(row)


async def of_job(connection: AsyncConnection, job_id: str) -> list[Image]:
    """What a job has stored so far, in the order it was asked for; whose job it is was seen before."""
    query = across_teams(select(images)).where(images.c.job_id == job_id).order_by(images.c.ordinal)
    return [from_row(row) for row in await connection.execute(query)]


async def of_jobs(connection: AsyncConnection, job_ids: Sequence[str]) -> dict[str, list[Image]]:
    """The same for several jobs at once; a job without pictures has no entry."""
    query = across_teams(select(images)).where(images.c.job_id.in_(job_ids)).order_by(images.c.job_id, images.c.ordinal)
    found: dict[str, list[Image]] = {}
    for row in await connection.execute(query):
        found.setdefault(row.job_id, []).append(from_row(row))
    return found
