"""Objects that are no blobs: written as a stream, under a name of their own, for a while."""

from __future__ import annotations

import asyncio
import os
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import obstore
from obstore.store import ObjectStore

from gateway.storage.blobs import BlobStore, translated
from gateway.storage.durable import DurableFolder

PIECE = 8 << 20
"""Bytes of one part of an upload to a bucket; at most ten thousand parts make one object there."""


CACHED = 16 << 20
"""Bytes that the system keeps in memory of a file that is being written. What is beyond goes to the disk and out of memory:
else an archive takes the place of what is asked for, and a virtual machine is slow to give it more (eight times, measured)."""
_forget = getattr(os, "posix_fadvise", None)
"""Linux's."""


class Sink(ABC):
    """Takes the bytes of one object, from its front to its end."""

    @abstractmethod
    async def write(self, *parts: bytes) -> None:
        """Raises StorageFull, StorageUnavailable."""


@asynccontextmanager
async def writing(store: BlobStore, name: str) -> AsyncIterator[Sink]:
    """An object that is there, whole and durable, when the block ends, and not at all when it raises.

    `name` is its path in the store, with a slash: no blob has one. Raises StorageFull, StorageUnavailable.
    """
    place = store.place
    if isinstance(place, DurableFolder):
        async with _into_folder(place, name) as sink:
            yield sink
    else:
        async with _into_bucket(place, name) as sink:
            yield sink


async def listed(store: BlobStore, folder: str) -> dict[str, int]:
    """The objects of a folder by their names: when each was written, in microseconds since the epoch."""
    place, found = store.listing, {}
    with translated():
        async for part in obstore.list(place, prefix=folder):
            found.update({each["path"]: int(each["last_modified"].timestamp() * 1_000_000) for each in part})
    return found


async def remove_stale(store: BlobStore) -> int:
    """Remove files that a crash left half written an hour ago or more; how many. A bucket never shows such."""
    place = store.place
    with translated():
        return await asyncio.to_thread(place.remove_stale) if isinstance(place, DurableFolder) else 0


class _File(Sink):
    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._cached = 0

    async def write(self, *parts: bytes) -> None:
        with translated():
            await asyncio.to_thread(self._write, parts)

    def _write(self, parts: tuple[bytes, ...]) -> None:
        for part in parts:
            left = memoryview(part)
            while left:
                left = left[os.write(self._descriptor, left) :]
            self._cached += len(part)
        if self._cached >= CACHED and _forget is not None:
            os.fdatasync(self._descriptor)
            _forget(self._descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            self._cached = 0


class _Upload(Sink):
    def __init__(self, file: obstore.AsyncWritableFile) -> None:
        self._file = file

    async def write(self, *parts: bytes) -> None:
        with translated():
            for part in parts:
                await self._file.write(part)


@asynccontextmanager
async def _into_folder(folder: DurableFolder, name: str) -> AsyncIterator[Sink]:
    with translated():
        descriptor, partial = await asyncio.to_thread(folder.begin)
    try:
        yield _File(descriptor)
        with translated():
            await asyncio.to_thread(folder.finish, descriptor, partial, name)
    finally:
        # Not awaited: it must happen to a task that is being canceled as well.
        _drop(descriptor, partial)


@asynccontextmanager
async def _into_bucket(bucket: ObjectStore, name: str) -> AsyncIterator[Sink]:
    # One that is not closed never becomes an object.
    file = obstore.open_writer_async(bucket, name, buffer_size=PIECE)
    yield _Upload(file)
    with translated():
        await file.close()


def _drop(descriptor: int, partial: Path) -> None:
    os.close(descriptor)
    partial.unlink(missing_ok=True)
