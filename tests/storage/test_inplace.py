"""Blobs that are files of somebody else's: read as they were, or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from gateway.errors import NotFound, RangeNotSatisfiable, StorageFull, StorageUnavailable
from gateway.storage import durable, inplace
from gateway.storage.blobs import BlobStore, content_hash
from gateway.storage.inplace import FileChanged, Lying

DATA = bytes(range(256)) * 3000
NAME = content_hash(DATA)


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    path = tmp_path / "theirs.png"
    path.write_bytes(DATA)
    return path


@pytest.fixture
def store(tmp_path: Path, theirs: Path) -> BlobStore:
    about = theirs.stat()
    lying = Lying(str(theirs), about.st_size, about.st_mtime_ns)

    async def find(hash: str) -> Lying | None:
        return lying if hash == NAME else None

    return BlobStore(f"file://{tmp_path}/blobs", find)


async def test_they_are_read_as_others_are(store: BlobStore) -> None:
    assert await store.get(NAME) == DATA
    assert await store.size(NAME) == len(DATA)
    for start, end in ((0, None), (5, None), (0, 1), (300_000, 700_000), (700_000, 10**9)):
        assert b"".join([chunk async for chunk in await store.stream(NAME, start, end)]) == DATA[start:end]
    for start in (len(DATA), len(DATA) + 1):
        with pytest.raises(RangeNotSatisfiable):
            await store.stream(NAME, start)
    with pytest.raises(NotFound, match="missing from the blob store"):
        await store.get("0" * 64)


async def test_the_store_is_asked_first(store: BlobStore, theirs: Path) -> None:
    await store.put(DATA)
    theirs.unlink()
    assert await store.get(NAME) == DATA


def same_length(path: Path) -> None:
    path.write_bytes(bytes(len(DATA)))


def same_time(path: Path) -> None:
    before = path.stat()
    path.write_bytes(DATA + b"x")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def touched(path: Path) -> None:
    os.utime(path, (1, 1))


def linked(path: Path) -> None:
    path.rename(path.with_name("moved.png"))
    path.symlink_to(path.with_name("moved.png"))


@pytest.mark.parametrize("change", [same_length, same_time, touched, linked])
async def test_a_file_that_changed_is_given_to_nobody(change: object, store: BlobStore, theirs: Path) -> None:
    assert callable(change)
    stream = await store.stream(NAME)
    assert await anext(stream)
    change(theirs)
    for ask in (anext(stream), store.get(NAME), store.size(NAME), store.stream(NAME), store.get_range(NAME, 0, 1)):
        with pytest.raises(FileChanged):
            await ask


async def test_a_file_that_changes_while_it_is_read_is_given_to_nobody(
    store: BlobStore, theirs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.pread

    def pread(descriptor: int, length: int, at: int) -> bytes:
        part = real(descriptor, length // 2 or length, at)
        theirs.write_bytes(bytes(len(DATA)))
        return part

    monkeypatch.setattr(os, "pread", pread)
    with pytest.raises(FileChanged):
        await store.get(NAME)


def gone(path: Path) -> None:
    path.unlink()


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize("change", [gone, a_folder, a_pipe])
async def test_a_file_that_is_gone_says_so(change: object, store: BlobStore, theirs: Path) -> None:
    assert callable(change)
    change(theirs)
    for ask in (store.get(NAME), store.size(NAME), store.stream(NAME)):
        with pytest.raises(NotFound, match="put it back") as told:
            await ask
        assert not isinstance(told.value, FileChanged)
        assert str(theirs) not in told.value.message


async def test_a_disk_that_does_not_answer_is_no_missing_picture(store: BlobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_path: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(inplace, "open_there", fail)
    with pytest.raises(StorageUnavailable):
        await store.get(NAME)


# ------------------------------------------------------------------------------------------- many small ones at once


@pytest.mark.parametrize("url", ["file://{}/many", "memory://"])
async def test_many_at_once(url: str, tmp_path: Path) -> None:
    store = BlobStore(url.format(tmp_path))
    contents = {content_hash(data): data for data in (bytes([n]) * n for n in range(1, 60))}
    await store.put_all(contents)
    await store.put_all(contents)
    for hash, data in contents.items():
        assert await store.get(hash) == data


@pytest.mark.skipif(durable._syncfs is None, reason="platform: this system can only wait for one file at a time")
async def test_names_come_after_the_bytes_are_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    real_sync, real_replace = durable._sync_all, os.replace

    def sync(descriptor: int) -> None:
        seen.append("sync")
        real_sync(descriptor)

    def replace(here: Path, there: Path) -> None:
        seen.append("name")
        real_replace(here, there)

    monkeypatch.setattr(durable, "_sync_all", sync)
    monkeypatch.setattr(os, "replace", replace)
    store = BlobStore(f"file://{tmp_path}/many")
    await store.put_all({content_hash(data): data for data in (b"a", b"b", b"c")})
    assert seen == ["sync", "name", "name", "name", "sync"]


async def test_where_one_file_can_be_waited_for_alone_each_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(durable, "_syncfs", None)
    store = BlobStore(f"file://{tmp_path}/many")
    await store.put_all({NAME: DATA})
    assert await store.get(NAME) == DATA


@pytest.mark.parametrize("at", [0, 1])
async def test_a_disk_that_fails_leaves_nothing_behind(at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether before the names or after them: what has its name by then is whole, and all of it is put again."""
    calls = iter([OSError(errno.ENOSPC, "full") if n == at else None for n in range(2)])

    def sync(_descriptor: int) -> None:
        if error := next(calls):
            raise error

    store = BlobStore(f"file://{tmp_path}/many")
    contents = {content_hash(data): data for data in (b"a", b"b")}
    with monkeypatch.context() as patched:
        patched.setattr(durable, "_syncfs", lambda _descriptor: 0)
        patched.setattr(durable, "_sync_all", sync)
        with pytest.raises(StorageFull):
            await store.put_all(contents)
    assert list((tmp_path / "many" / ".partial").iterdir()) == []
    await store.put_all(contents)
    for hash, data in contents.items():
        assert await store.get(hash) == data
