"""Files into the gallery, many at a time: each is added, joined to the picture that it is already, or refused alone."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from msgspec import Struct
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.accounts import Principal
from gateway.catalog import Settings
from gateway.db import Database, drawn, now, of_team
from gateway.errors import InvalidInput
from gateway.images import records
from gateway.images.image import Image
from gateway.images.imports import folders, offers
from gateway.images.imports.making import Made, image_of, made
from gateway.images.imports.offers import Brought, Known, Left, Outcome
from gateway.images.tables import images
from gateway.storage import BlobStore, ledger
from gateway.storage.blobs import content_hash
from gateway.storage.inplace import Lying
from gateway.storage.tables import blobs

READERS = 2
"""Pictures that are unpacked at a time; each takes up to eight bytes for each of `max_pixels`."""
_MEANWHILE = "It was deleted for good at the same moment; import it again."
_T = TypeVar("_T")
_U = TypeVar("_U")


class _Offer(Struct, frozen=True):
    """A file whose content is known by its hash."""

    path: str
    hash: str
    tags: Sequence[str]
    modified_at: int | None
    load: Callable[[], bytes]
    """All its bytes. Raises InvalidInput. Blocks."""
    lying: Lying | None = None
    """Where it stays."""


class Imports:
    """Close it when the gateway ends; it reads pictures in threads of its own."""

    def __init__(self, db: Database, blobs: BlobStore, settings: Callable[[], Settings]) -> None:
        self._db = db
        self._blobs = blobs
        self._settings = settings
        self._pool = ThreadPoolExecutor(min(READERS, os.cpu_count() or 1), thread_name_prefix="imports")

    async def known(self, principal: Principal, files: Sequence[Known]) -> list[Outcome]:
        """Which of these the team has already; those get the tags that they lack, and need not be sent."""
        async with self._db.read() as connection:
            had = await _had(connection, principal.team_id, [file.hash for file in files])
        if any(file.hash in had and _lacks(had[file.hash], file.tags) for file in files):
            async with self._db.write() as connection:
                had = await _had(connection, principal.team_id, list(had))
                await _join(connection, had, [(file.hash, file.tags) for file in files])
        return [_joined(file.path, had.get(file.hash)) or Outcome(path=file.path, status="wanted") for file in files]

    async def bring(self, principal: Principal, files: Sequence[Brought]) -> list[Outcome]:
        """Keep the files as they are and show them in the gallery, in the order given.

        Raises StorageFull, StorageUnavailable; a file that is no picture is refused by itself.
        """
        hashes = await self._in_thread(lambda: [content_hash(file.data) for file in files])
        return await self._take(principal, [_brought(file, hash) for file, hash in zip(files, hashes, strict=True)])

    async def leave(self, principal: Principal, folder: str, files: Sequence[Left]) -> list[Outcome]:
        """Show files in the gallery that stay where they lie, below `folder` on this machine.

        Raises Forbidden for all but administrators and for a folder that the operator does not list, InvalidInput for
        one that is not there.
        """
        principal.require("admin")
        listed = self._settings().imports.folders
        real = await self._in_thread(lambda: folders.allowed(folder, listed))
        found = await self._each(lambda file: self._lying(real, file, listed), files)
        hashes = await self._hashed_before([each for each in found if isinstance(each, Lying)])
        taken = await self._each(lambda pair: _left(pair[0], pair[1], hashes), list(zip(files, found, strict=True)))
        offered = [each for each in taken if isinstance(each, _Offer)]
        done = iter(await self._take(principal, offered))
        return [next(done) if isinstance(each, _Offer) else each for each in taken]

    def close(self) -> None:
        self._pool.shutdown(wait=True)

    async def _take(self, principal: Principal, offered: Sequence[_Offer]) -> list[Outcome]:
        async with self._db.read() as connection:
            had = await _had(connection, principal.team_id, [each.hash for each in offered])
        first = {each.hash: each for each in reversed(offered) if each.hash not in had}
        results = await self._each(self._make, list(first.values()))
        done = {each.hash: each for each in results if isinstance(each, Made)}
        refused = {hash: each for hash, each in zip(first, results, strict=True) if isinstance(each, InvalidInput)}
        await self._keep([each for each in offered if each.hash in done or each.hash in had], done)
        async with self._db.write() as connection:
            had = await _had(connection, principal.team_id, [each.hash for each in offered])
            added = _images(principal, [each for hash, each in first.items() if hash in done and hash not in had], done)
            await records.add_all(connection, list(added.values()))
            await _join(connection, had | added, [(each.hash, each.tags) for each in offered])
        return [
            Outcome(path=each.path, status="added", id=added[each.hash].id)
            if each.hash in added and first[each.hash] is each
            else _joined(each.path, added.get(each.hash) or had.get(each.hash)) or _refused(each.path, refused.get(each.hash))
            for each in offered
        ]

    def _make(self, offer: _Offer) -> Made | InvalidInput:
        try:
            return made(
                offer.load(), offer.hash, largest_pixels=self._settings().uploads.max_pixels, stays=offer.lying is not None
            )
        except InvalidInput as error:
            return error

    async def _keep(self, offered: Sequence[_Offer], done: dict[str, Made]) -> None:
        """All bytes durable, and written down where those lie that stay."""
        contents = {hash: data for each in done.values() for hash, data in each.blobs.items()}
        if contents:
            await ledger.keep_all(self._db, self._blobs, contents)
        staying = {each.hash: each.lying for each in offered if each.lying is not None}
        query = select(blobs.c.hash, blobs.c.path, blobs.c.modified_at).where(blobs.c.hash.in_(staying))
        async with self._db.read() as connection:
            rows = list(await connection.execute(query)) if staying else []
        # What the team has needs no other place, where we keep it ourselves or it still lies there.
        settled = {
            row.hash
            for row in rows
            if row.hash not in done
            and (row.path is None or (row.path, row.modified_at) == (staying[row.hash].path, staying[row.hash].modified_at))
        }
        if left := {hash: file for hash, file in staying.items() if hash not in settled}:
            await ledger.keep_lying(self._db, left)

    def _lying(self, folder: Path, file: Left, listed: Sequence[str]) -> Lying | Outcome:
        try:
            return folders.lying(folder, file.path, listed, largest=self._settings().limits.max_body_bytes)
        except folders.Unfit as error:
            return _refused(file.path, error)

    async def _hashed_before(self, files: Sequence[Lying]) -> dict[Lying, str]:
        """The hashes of files that were imported in place and did not change since: those need not be read again."""
        query = select(blobs.c.hash, blobs.c.path, blobs.c.bytes, blobs.c.modified_at)
        async with self._db.read() as connection:
            rows = await connection.execute(query.where(blobs.c.path.in_([file.path for file in files])))
            return {Lying(row.path, row.bytes, row.modified_at or 0): row.hash for row in rows}

    async def _each(self, work: Callable[[_T], _U], several: Sequence[_T]) -> list[_U]:
        loop = asyncio.get_running_loop()
        return list(await asyncio.gather(*(loop.run_in_executor(self._pool, work, each) for each in several)))

    async def _in_thread(self, work: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)


def _brought(file: Brought, hash: str) -> _Offer:
    return _Offer(file.path, hash, file.tags, file.modified_at, lambda: file.data)


def _left(file: Left, found: Lying | Outcome, hashes: dict[Lying, str]) -> _Offer | Outcome:
    if isinstance(found, Outcome):
        return found
    try:
        hash = hashes.get(found) or content_hash(folders.content(found))
    except folders.Unfit as error:
        return _refused(file.path, error)
    return _Offer(file.path, hash, file.tags, found.modified_at // 1000, lambda: folders.content(found), found)


def _images(principal: Principal, offered: Sequence[_Offer], done: dict[str, Made]) -> dict[str, Image]:
    """Files of one date keep the order in which they are offered."""
    moment = now()
    return {
        each.hash: image_of(
            principal,
            done[each.hash],
            path=each.path,
            modified_at=each.modified_at,
            tags=each.tags,
            moment=moment,
            by_chance=by_chance,
        )
        for each, by_chance in zip(offered, drawn(len(offered)), strict=True)
    }


async def _had(connection: AsyncConnection, team_id: str, hashes: Sequence[str]) -> dict[str, Image]:
    """What the team has of these bytes: what its lists show rather than what lies in its trash, the oldest of several.

    Uploads that nobody saved do not count: they go by themselves.
    """
    query = of_team(select(images), team_id, images).where(images.c.blob.in_(set(hashes)), images.c.unsaved_at.is_(None))
    found = [records.from_row(row) for row in await connection.execute(query.order_by(images.c.id.desc()))]
    return {image.blob: image for image in sorted(found, key=lambda image: image.deleted_at is None)}


def _lacks(image: Image, tags: Sequence[str]) -> bool:
    return image.shown and offers.joined_tags(image.tags, tags) != image.tags


async def _join(connection: AsyncConnection, had: dict[str, Image], files: Iterable[tuple[str, Sequence[str]]]) -> None:
    """Give the pictures the tags of files that have the same bytes."""
    wanted: dict[str, list[str]] = {}
    for hash, tags in files:
        if hash in had:
            wanted[hash] = offers.joined_tags(wanted.get(hash, had[hash].tags), tags)
    alike: dict[tuple[str, ...], list[Image]] = {}
    for hash, tags in wanted.items():
        if had[hash].shown and tags != had[hash].tags:
            alike.setdefault(tuple(tags), []).append(had[hash])
    for tags, several in alike.items():
        await records.alter(connection, several, tags=list(tags))


def _joined(path: str, image: Image | None) -> Outcome | None:
    if image is None:
        return None
    return Outcome(path=path, status="joined" if image.shown else "trashed", id=image.id)


def _refused(path: str, why: InvalidInput | None) -> Outcome:
    return Outcome(path=path, status="refused", reason=why.message if why else _MEANWHILE)
