"""The blob store: immutable bytes under the hash of their content, in a folder, in memory or in a bucket."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

import obstore
from msgspec import Struct
from obstore.exceptions import BaseError
from obstore.store import LocalStore, MemoryStore, ObjectStore, from_url

from gateway.errors import ConfigurationError, NotFound, RangeNotSatisfiable, StorageFull, StorageUnavailable
from gateway.storage import inplace
from gateway.storage.durable import DurableFolder
from gateway.storage.inplace import Lying

CHUNK = 256 << 10
"""Bytes that a stream hands over at a time, at least."""
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""No space, no quota, or a limit on the size of files."""
_PROBE = "probe"
_HASH = re.compile(r"[0-9a-f]{64}")


class BlobRef(Struct, frozen=True):
    """A blob's name (SHA-256 in hex) and its length."""

    hash: str
    bytes: int


class Kept(Struct, frozen=True):
    """What the store says of an object."""

    bytes: int
    modified_at: int
    """Microseconds since the epoch."""


def content_hash(data: bytes) -> str:
    """The name of these bytes. Takes a millisecond or more per picture: use a thread."""
    return hashlib.sha256(data).hexdigest()


def key(hash: str) -> str:
    """Where a blob lies within its store; two levels of folders keep each small at a million blobs.

    What has a slash is no hash: an object of another kind, which lies where it says (`gateway.storage.objects`).
    """
    return hash if "/" in hash else f"{hash[:2]}/{hash[2:4]}/{hash}"


Elsewhere = Callable[[str], Awaitable[Lying | None]]
"""Where a blob lies that the store does not have: see `inplace.InPlace.find`."""


async def nowhere(_hash: str) -> Lying | None:
    return None


class BlobStore:
    """One store, named by URL: `file:///folder`, `memory://`, `s3://bucket/prefix` or another that obstore knows.

    Everything raises StorageFull or StorageUnavailable when the store cannot do its part.
    """

    def __init__(self, url: str, elsewhere: Elsewhere = nowhere) -> None:
        """`elsewhere` is asked about blobs that are not in the store: files that were imported in place.

        Raises ConfigurationError for a URL that names no store, StorageUnavailable for a folder that cannot be made."""
        self._folder: DurableFolder | None = None
        self._store: ObjectStore
        self.elsewhere = elsewhere
        scheme = urlsplit(url).scheme
        with translated():
            if scheme == "file":
                self._folder = DurableFolder(_local_path(url))
                self._store = LocalStore(self._folder.root)
            else:
                self._store = MemoryStore() if scheme == "memory" else _remote(url)

    @property
    def place(self) -> DurableFolder | ObjectStore:
        """What is written to, for `gateway.storage.objects`."""
        return self._folder or self._store

    @property
    def listing(self) -> ObjectStore:
        """What is listed, for the same."""
        return self._store

    async def put(self, data: bytes, hash: str | None = None) -> BlobRef:
        """Keep the bytes; when this returns they outlive a power cut. Putting them again changes nothing.

        `hash` is theirs, where it is known already. See `ledger.keep`, which also touches their row first.
        """
        name = await asyncio.to_thread(content_hash, data) if hash is None else hash
        with translated():
            if self._folder:
                await asyncio.to_thread(self._folder.write, key(name), data)
            else:
                await obstore.put_async(self._store, key(name), data)
        return BlobRef(name, len(data))

    async def put_all(self, contents: Mapping[str, bytes]) -> None:
        """`put` for many at once, by the hash of each; into a folder they go with two waits for the disk in all."""
        with translated():
            if self._folder:
                files = {key(hash): data for hash, data in contents.items()}
                await asyncio.to_thread(self._folder.write_all, files)
            else:
                await asyncio.gather(*(obstore.put_async(self._store, key(hash), data) for hash, data in contents.items()))

    async def get(self, hash: str) -> bytes:
        """All its bytes. Raises NotFound; FileChanged for a file that was imported in place."""
        with translated(hash):
            try:
                found = await obstore.get_async(self._store, key(hash))
            except FileNotFoundError:
                return await asyncio.to_thread(inplace.read, await self._lying(hash))
            return bytes(await found.bytes_async())

    async def get_range(self, hash: str, start: int, end: int) -> bytes:
        """The bytes from `start` up to, not including, `end` (or its last). Raises NotFound, RangeNotSatisfiable."""
        return b"".join([chunk async for chunk in await self.stream(hash, start, end)])

    async def stream(self, hash: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Its bytes in chunks, memory staying flat; it is found, or NotFound raised, before the first is asked for."""
        if start < 0 or (end is not None and end <= start):
            raise RangeNotSatisfiable(f"Bytes {start} to {end} are no range.")
        with translated(hash):
            try:
                options = {"range": {"offset": start} if end is None else (start, end)} if start or end is not None else None
                found = await obstore.get_async(self._store, key(hash), options=options)  # type: ignore[arg-type]
            except FileNotFoundError:
                return await self._from_there(await self._lying(hash), start, end)
            except BaseError:
                length = await self.size(hash)
                if start >= length:
                    raise RangeNotSatisfiable(f"The picture has {length} bytes.") from None
                raise
        return _chunks(found, hash)

    async def size(self, hash: str) -> int:
        """How many bytes it has. Raises NotFound; FileChanged for a file that was imported in place."""
        with translated(hash):
            try:
                return int((await obstore.head_async(self._store, key(hash)))["size"])
            except FileNotFoundError:
                lying = await self._lying(hash)
                await asyncio.to_thread(inplace.read, lying, 0, 0)
                return lying.bytes

    async def delete(self, hash: str) -> None:
        """Remove it; one that is not there is no error."""
        with translated():
            try:
                await obstore.delete_async(self._store, key(hash))
            except FileNotFoundError:
                return

    async def objects(self, beginning: str) -> dict[str, Kept]:
        """What the store itself has of the blobs whose hash begins so (two hexadecimal digits), by their hash."""
        found: dict[str, Kept] = {}
        with translated():
            async for part in obstore.list(self._store, prefix=beginning):
                for each in part:
                    name = each["path"].rpartition("/")[2]
                    if each["path"] == key(name) and _HASH.fullmatch(name):  # all else is not ours
                        found[name] = Kept(each["size"], int(each["last_modified"].timestamp() * 1_000_000))
        return found

    def path(self, hash: str) -> Path | None:
        """Where it lies as a file, for a server that sends files by itself; None unless the store is a folder."""
        return self._folder.path(key(hash)) if self._folder else None

    async def _lying(self, hash: str) -> Lying:
        """Raises FileNotFoundError, as the store does."""
        lying = await self.elsewhere(hash)
        if lying is None:
            raise FileNotFoundError(hash)
        return lying

    @staticmethod
    async def _from_there(lying: Lying, start: int, end: int | None) -> AsyncIterator[bytes]:
        if start >= lying.bytes and start:
            raise RangeNotSatisfiable(f"The picture has {lying.bytes} bytes.")
        await asyncio.to_thread(inplace.read, lying, 0, 0)
        return _parts(lying, start, lying.bytes if end is None else min(end, lying.bytes))

    async def check(self) -> None:
        """Write a little and remove it: returns when there is room and everything answers."""
        with translated():
            if self._folder:
                await asyncio.to_thread(self._folder.probe)
            else:
                await obstore.put_async(self._store, _PROBE, b"probe")
                await obstore.delete_async(self._store, _PROBE)


async def _chunks(found: obstore.GetResult, hash: str) -> AsyncIterator[bytes]:
    with translated(hash):
        async for chunk in found.stream(min_chunk_size=CHUNK):
            yield bytes(chunk)


async def _parts(lying: Lying, start: int, stop: int) -> AsyncIterator[bytes]:
    for at in range(start, stop, CHUNK):
        yield await asyncio.to_thread(inplace.read, lying, at, min(at + CHUNK, stop))


def _local_path(url: str) -> Path:
    parts = urlsplit(url)
    if parts.netloc not in ("", "localhost") or not parts.path:
        raise ConfigurationError(f"{url!r} names no folder of this machine; write it as file:///folder.")
    return Path(unquote(parts.path))


def _remote(url: str) -> ObjectStore:
    try:
        return from_url(url)
    except (BaseError, ValueError) as error:
        message = f"The blob store {url!r} cannot be opened; write file:///folder, memory:// or s3://bucket/prefix."
        raise ConfigurationError(message) from error


@contextmanager
def translated(hash: str = "") -> Iterator[None]:
    """The store's errors in the domain's words. No path is shown; the chain has it for the log."""
    try:
        yield
    except FileNotFoundError as error:
        if hash:
            raise NotFound("The picture's bytes are missing from the blob store.") from error
        raise StorageUnavailable("The blob store's folder or bucket is gone.") from error
    except OSError as error:
        if error.errno in _FULL:
            raise StorageFull("The blob store has no space left; make room and it goes on by itself.") from error
        raise StorageUnavailable(f"The blob store does not work: {error.strerror or type(error).__name__}.") from error
    except BaseError as error:
        raise StorageUnavailable("The blob store does not answer as it should.") from error
