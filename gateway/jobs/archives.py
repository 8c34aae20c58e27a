"""The archive of an export: a ZIP of pictures as they are, with a manifest.json that says what each is."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db import Database, of_team
from gateway.errors import NotFound
from gateway.images import ids as image_ids
from gateway.images.file_names import EXTENSIONS, FileNames, untitled
from gateway.images.image import Image
from gateway.images.records import from_row
from gateway.images.tables import images
from gateway.jobs.records import Job
from gateway.jobs.tables import exports
from gateway.storage import BlobStore
from gateway.storage.objects import Sink, writing
from gateway.storage.zipping import Archive

FOLDER = "exports"
MANIFEST = "manifest.json"
SECOND = 1_000_000
_AT_ONCE = 100
"""Rows in memory; of bytes there is one picture at a time."""
_TOLD = (
    *("id", "title", "tags", "is_favorite", "source", "prompt", "negative_prompt", "model", "engine", "seed"),
    *("parameters", "width", "height", "media_type", "bytes", "job_id", "edit_session_id"),
)


class Written(Struct, frozen=True):
    pictures: int
    bytes: int
    digest: str
    """Of what is in it; it may be another than when it was asked for."""


def name_of(job_id: str) -> str:
    """Where the archive lies in the store."""
    return f"{FOLDER}/{job_id}.zip"


def job_of(name: str) -> str:
    """The other way round; of what nobody named so it is no job's id."""
    return name.removeprefix(f"{FOLDER}/").removesuffix(".zip")


class Fact(Struct, frozen=True):
    """All of a picture that an archive shows and that may change."""

    id: str
    blob: str
    bytes: int
    title: str
    tags: list[str]
    is_favorite: bool
    lost_at: int | None


async def there(connection: AsyncConnection, team_id: str, ids: Sequence[str]) -> dict[str, Fact]:
    """Those of the ids that are pictures of the team, out of the trash, in the order given."""
    columns = [images.c[name] for name in Fact.__struct_fields__]
    query = of_team(select(*columns), team_id, images).where(images.c.id.in_(image_ids.possible(ids)))
    rows = await connection.execute(query.where(images.c.deleted_at.is_(None)))
    found = {row.id: _fact(row) for row in rows}
    return {each: found[each] for each in ids if each in found}


def digest(facts: Sequence[Fact | None]) -> str:
    """What is in an archive, in its order; two of the same digest are the same. None for a picture that was not there."""
    return hashlib.sha256(msgspec.json.encode(facts)).hexdigest()


def _fact(shown: Any) -> Fact:
    """Of an image or its row."""
    return Fact(shown.id, shown.blob, shown.bytes, shown.title, shown.tags or [], shown.is_favorite, shown.lost_at)


async def write(db: Database, store: BlobStore, job: Job, go_on: Callable[[int], bool]) -> Written | None:
    """Write it into the store; None where `go_on`, which is told how many pictures are done, says that it shall not.

    What was deleted since the export was asked for, or has lost its bytes, is named in the manifest and is not an error.
    Raises NotFound where no picture is left, StorageFull, StorageUnavailable.
    """
    async with db.read() as connection:
        wanted = of_team(select(exports.c.images), job.team_id, exports).where(exports.c.job_id == job.id)
        ids: list[str] = msgspec.json.decode((await connection.execute(wanted)).scalar_one())
    writer = _Writer(store)
    try:
        async with writing(store, name_of(job.id)) as sink:
            for start in range(0, len(ids), _AT_ONCE):
                for image_id, image in (await _read(db, job.team_id, ids[start : start + _AT_ONCE])).items():
                    if not go_on(len(writer.told)):
                        raise _Stopped
                    await writer.add(sink, image_id, image)
            await writer.end(sink)
    except _Stopped:
        return None
    return Written(len(writer.told), writer.bytes, digest(writer.facts))


class _Stopped(Exception):
    """Nobody wants it any more."""


class _Writer:
    def __init__(self, store: BlobStore) -> None:
        self._store = store
        self._archive = Archive()
        self._names = FileNames(MANIFEST)
        self.bytes = 0
        self.told: list[dict[str, Any]] = []
        self.facts: list[Fact | None] = []
        self._missing: list[str] = []

    async def add(self, sink: Sink, image_id: str, image: Image | None) -> None:
        self.facts.append(_fact(image) if image else None)
        data = await self._bytes(image) if image else None
        if image is None or data is None:
            self._missing.append(image_id)
            return
        otherwise = untitled(image.prompt, image.id)
        file = self._names.name(image.title, otherwise, EXTENSIONS.get(image.media_type, "bin"))
        await self._write(sink, file, data, image.created_at / SECOND)
        about = {name: getattr(image, name) for name in _TOLD}
        self.told.append({"file": file, **about, "parent": image.parent_id, "created_at": _moment(image.created_at)})

    async def end(self, sink: Sink) -> None:
        if not self.told:
            raise NotFound("None of these pictures is there any more.")
        moment = datetime.now(UTC)
        manifest = {"version": 1, "exported_at": moment, "images": self.told, "missing": self._missing}
        data = msgspec.json.format(msgspec.json.encode(manifest))
        await self._write(sink, MANIFEST, data, moment.timestamp())
        tail = self._archive.tail()
        await sink.write(tail)
        self.bytes += len(tail)

    async def _write(self, sink: Sink, file: str, data: bytes, seconds: float) -> None:
        head = await asyncio.to_thread(self._archive.head, file, data, seconds)
        await sink.write(head, data)
        self.bytes += len(head) + len(data)

    async def _bytes(self, image: Image) -> bytes | None:
        path = self._store.path(image.blob)
        try:
            # A file is read three times as fast without the store.
            return await (self._store.get(image.blob) if path is None else asyncio.to_thread(path.read_bytes))
        except OSError:
            pass
        except NotFound:
            return None
        try:
            return await self._store.get(image.blob)
        except NotFound:
            return None


async def _read(db: Database, team_id: str, ids: Sequence[str]) -> dict[str, Image | None]:
    """In the order of the ids; None for one that went since."""
    query = of_team(select(images), team_id, images).where(images.c.id.in_(ids), images.c.deleted_at.is_(None))
    async with db.read() as connection:
        found = {row.id: from_row(row) for row in await connection.execute(query)}
    return {each: found.get(each) for each in ids}


def _moment(microseconds: int) -> datetime:
    return datetime.fromtimestamp(microseconds / SECOND, UTC)
