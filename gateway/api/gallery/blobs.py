"""Reading blobs for the wire: small ones from memory, large ones in chunks, and never on the event loop."""

from __future__ import annotations

import asyncio
import os
from collections import OrderedDict
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO

from gateway.errors import NotFound, StorageUnavailable
from gateway.storage import BlobStore, inplace
from gateway.storage.inplace import Lying

SMALL = 128 << 10
"""Bytes; a thumbnail has 5 to 100 kB. Smaller blobs are kept in memory: what is named by its content cannot be stale."""
KEPT = 64 << 20
CHUNK = 256 << 10


class OpenBlob:
    """A blob's size, and its bytes. Use it as a context manager."""

    def __init__(self, size: int, data: bytes | None = None, file: BinaryIO | None = None) -> None:
        self.size = size
        self.data = data
        """All of it, where it is small."""
        self._file = file

    async def chunks(self, start: int, stop: int) -> AsyncIterator[bytes]:
        """The bytes from `start` up to, not including, `stop`."""
        assert self._file is not None
        descriptor = self._file.fileno()
        while start < stop:
            chunk = await asyncio.to_thread(os.pread, descriptor, min(CHUNK, stop - start), start)
            if not chunk:
                raise StorageUnavailable("The picture's file ended early.")
            start += len(chunk)
            yield chunk

    def __enter__(self) -> OpenBlob:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file:
            self._file.close()


class _LyingBlob(OpenBlob):
    """A file that was imported in place: after each part it is seen to be still the same."""

    def __init__(self, lying: Lying, file: BinaryIO) -> None:
        super().__init__(lying.bytes, file=file)
        self._lying = lying

    async def chunks(self, start: int, stop: int) -> AsyncIterator[bytes]:
        assert self._file is not None
        async for chunk in super().chunks(start, stop):
            inplace.see_unchanged(self._file, self._lying)
            yield chunk


class _RemoteBlob(OpenBlob):
    def __init__(self, size: int, blobs: BlobStore, hash: str) -> None:
        super().__init__(size)
        self._blobs = blobs
        self._hash = hash

    async def chunks(self, start: int, stop: int) -> AsyncIterator[bytes]:
        async for chunk in await self._blobs.stream(self._hash, start, stop):
            yield chunk


class BlobReader:
    """Opens blobs by their hash; keeps the small ones that were asked for last."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs
        self._small: OrderedDict[str, OpenBlob] = OrderedDict()
        self._kept = 0

    async def open(self, hash: str) -> OpenBlob:
        """Raises NotFound, StorageUnavailable."""
        kept = self._small.get(hash)
        if kept is not None:
            self._small.move_to_end(hash)
            return kept
        path = self._blobs.path(hash)
        opened = await (self._remote(hash) if path is None else self._local(hash, path))
        if opened.data is not None and "/" not in hash:  # an archive is deleted before its address ends
            self._keep(hash, opened)
        return opened

    def _keep(self, hash: str, blob: OpenBlob) -> None:
        if hash not in self._small:
            self._kept += blob.size
        self._small[hash] = blob
        while self._kept > KEPT:
            self._kept -= self._small.popitem(last=False)[1].size

    async def _local(self, hash: str, path: Path) -> OpenBlob:
        try:
            return await asyncio.to_thread(_local, path)
        except NotFound:
            # Never kept in memory: a file that was imported in place can go or change.
            lying = await self._blobs.elsewhere(hash)
            if lying is None:
                raise
            return _LyingBlob(lying, await asyncio.to_thread(inplace.open_unchanged, lying))

    async def _remote(self, hash: str) -> OpenBlob:
        size = await self._blobs.size(hash)
        return OpenBlob(size, await self._blobs.get(hash)) if size <= SMALL else _RemoteBlob(size, self._blobs, hash)


def _local(path: Path) -> OpenBlob:
    try:
        file = path.open("rb", buffering=0)
        size = os.fstat(file.fileno()).st_size
        if size > SMALL:
            return OpenBlob(size, file=file)
        with file:
            return OpenBlob(size, file.read())
    except FileNotFoundError as error:
        raise NotFound("The picture's bytes are missing from the blob store.") from error
    except OSError as error:
        raise StorageUnavailable(f"The blob store does not work: {error.strerror}.") from error
