"""The blob store: whole or not at all, durable, and honest about a full disk."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.errors import ConfigurationError, NotFound, RangeNotSatisfiable, StorageFull, StorageUnavailable
from gateway.storage import blobs, durable
from gateway.storage.blobs import CHUNK, BlobRef, BlobStore, content_hash

ROOT = Path(__file__).parents[2]
DATA = b"a picture's bytes" * 1000
needs_proc = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="platform: asks Linux's /proc which files are open")
NAME = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "blobs"


@pytest.fixture(params=["file", "memory"])
def store(request: pytest.FixtureRequest, folder: Path) -> BlobStore:
    return BlobStore(f"file://{folder}" if request.param == "file" else "memory://")


@pytest.fixture
def local(folder: Path) -> BlobStore:
    return BlobStore(f"file://{folder}")


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


# ------------------------------------------------------------------------------------ every store


async def test_bytes_come_back_under_their_hash(store: BlobStore) -> None:
    assert await store.put(DATA) == BlobRef(NAME, len(DATA))
    assert await store.get(NAME) == DATA
    assert await store.size(NAME) == len(DATA)


async def test_putting_again_changes_nothing(store: BlobStore) -> None:
    first = await store.put(DATA)
    again = await asyncio.gather(*(store.put(DATA, content_hash(DATA)) for _ in range(8)))
    assert set(again) == {first}
    assert await store.get(NAME) == DATA


async def test_ranges(store: BlobStore) -> None:
    await store.put(DATA)
    assert await store.get_range(NAME, 2, 9) == DATA[2:9]
    assert await store.get_range(NAME, len(DATA) - 3, len(DATA) + 50) == DATA[-3:]
    assert b"".join([chunk async for chunk in await store.stream(NAME, 100)]) == DATA[100:]
    for start, end in ((len(DATA), len(DATA) + 1), (len(DATA) + 5, None), (5, 5), (9, 2), (-1, 3)):
        with pytest.raises(RangeNotSatisfiable):
            await store.stream(NAME, start, end)


async def test_a_large_blob_comes_in_chunks(store: BlobStore) -> None:
    data = os.urandom(5 * CHUNK + 17)
    name = (await store.put(data)).hash
    chunks = [chunk async for chunk in await store.stream(name)]
    assert b"".join(chunks) == data
    assert len(chunks) > 1 or store.path(name) is None


async def test_what_is_missing_is_not_found(store: BlobStore) -> None:
    for ask in (store.get, store.size, store.stream, lambda name: store.get_range(name, 0, 5)):
        with pytest.raises(NotFound):
            await ask(NAME)


async def test_deleting_is_done_once_or_twice(store: BlobStore) -> None:
    await store.put(DATA)
    await store.delete(NAME)
    await store.delete(NAME)
    with pytest.raises(NotFound):
        await store.get(NAME)


async def test_check_leaves_nothing(store: BlobStore, folder: Path) -> None:
    await store.check()
    assert not folder.exists() or files(folder) == []


# --------------------------------------------------------------------------------------- a folder


async def test_a_folders_file_can_be_sent_as_it_is(local: BlobStore, folder: Path) -> None:
    await local.put(DATA)
    path = local.path(NAME)
    assert path == folder / NAME[:2] / NAME[2:4] / NAME
    assert path.read_bytes() == DATA
    assert files(folder) == [path]


def test_memory_has_no_path() -> None:
    assert BlobStore("memory://").path(NAME) is None


async def test_names_with_blanks(tmp_path: Path) -> None:
    store = BlobStore((tmp_path / "my blobs%").as_uri())
    await store.put(DATA)
    assert files(tmp_path / "my blobs%")


@needs_proc
async def test_file_and_folders_are_on_disk_before_put_returns(
    local: BlobStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In this order: the bytes, then the name of the file, and the names of new folders in their parents."""
    log: list[str] = []
    real_sync, real_replace = os.fsync, os.replace

    def sync(descriptor: int) -> None:
        log.append(os.readlink(f"/proc/self/fd/{descriptor}").removeprefix(str(folder)))
        real_sync(descriptor)

    def replace(source: Path, target: Path) -> None:
        log.append("rename")
        real_replace(source, target)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "replace", replace)
    leaf = f"/{NAME[:2]}/{NAME[2:4]}"
    await local.put(DATA)
    partial = log.index("rename") - 1
    assert log[partial].startswith("/.partial/")
    assert log[partial + 1 :] == ["rename", leaf]
    assert {"", f"/{NAME[:2]}"} <= set(log[:partial])
    log.clear()
    await local.put(DATA)
    assert log == [leaf], "another writer may have renamed it and not yet have synced the folder"


@needs_proc
async def test_no_descriptor_is_left_open(local: BlobStore) -> None:
    await local.put(b"warm")
    before = len(os.listdir("/proc/self/fd"))
    for n in range(20):
        await local.put(bytes([n]) * 100)
    assert len(os.listdir("/proc/self/fd")) <= before + 1


Fault = Callable[[pytest.MonkeyPatch, int], None]


def _write_fails_half_way(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    real, calls = os.write, [0]

    def write(descriptor: int, data: memoryview) -> int:
        calls[0] += 1
        if calls[0] > 1:
            raise OSError(code, os.strerror(code))
        return real(descriptor, data[:100])

    monkeypatch.setattr(os, "write", write)


def _sync_fails(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    def sync(_descriptor: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", sync)


def _rename_fails(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    def replace(_source: Path, _target: Path) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "replace", replace)


@pytest.mark.parametrize("fault", [_write_fails_half_way, _sync_fails, _rename_fails])
@pytest.mark.parametrize(
    ("code", "error"), [(errno.ENOSPC, StorageFull), (errno.EDQUOT, StorageFull), (errno.EIO, StorageUnavailable)]
)
async def test_a_failed_write_says_why_and_leaves_nothing(
    fault: Fault, code: int, error: type[StorageUnavailable], local: BlobStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        fault(broken, code)
        with pytest.raises(StorageUnavailable) as caught:
            await local.put(DATA)
    assert type(caught.value) is error
    assert str(folder) not in caught.value.message
    assert files(folder) == []
    await local.put(DATA)  # it goes on by itself
    assert await local.get(NAME) == DATA


def test_a_limit_on_files_is_a_full_disk(folder: Path) -> None:
    """No fakes: the kernel refuses the write (RLIMIT_FSIZE), as it does when a disk is full."""
    program = """
        import asyncio, resource, sys
        from gateway.errors import StorageFull
        from gateway.storage.blobs import BlobStore
        store = BlobStore("file://" + sys.argv[1])
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
        try:
            asyncio.run(store.put(b"x" * 50_000))
        except StorageFull as error:
            print(error.code)
    """
    done = _run(program, folder)
    assert done.stdout.strip() == "storage_full", done.stderr
    assert files(folder) == []


def test_a_kill_in_the_middle_leaves_no_visible_file(folder: Path) -> None:
    """Killed with the bytes written and not yet renamed: nothing under the key; an hour later nothing at all."""
    program = """
        import asyncio, os, signal, sys
        from gateway.storage.blobs import BlobStore
        os.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
        asyncio.run(BlobStore("file://" + sys.argv[1]).put(b"x" * 50_000))
    """
    assert _run(program, folder).returncode == -9
    (left,) = files(folder)
    assert left.parent.name == ".partial"
    BlobStore(f"file://{folder}")
    assert files(folder) == [left], "it might be another process's that is still writing"
    os.utime(left, (1, 1))
    BlobStore(f"file://{folder}")
    assert files(folder) == []


async def test_a_file_of_another_length_is_written_anew(local: BlobStore) -> None:
    """What a power cut before our time, or a copy that broke off, may have left."""
    path = local.path(NAME)
    assert path is not None
    path.parent.mkdir(parents=True)
    path.write_bytes(DATA[:10])
    await local.put(DATA)
    assert await local.get(NAME) == DATA


async def test_check_finds_a_full_disk(local: BlobStore, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(durable, "SMALLEST_FREE", 1 << 62)
        with pytest.raises(StorageFull, match="no space left"):
            await local.check()
    with monkeypatch.context() as broken:
        _write_fails_half_way(broken, errno.ENOSPC)
        with pytest.raises(StorageFull):
            await local.check()
    await local.check()
    assert files(folder) == []


async def test_a_folder_that_vanished_is_unavailable(local: BlobStore, folder: Path) -> None:
    (folder / ".partial").rmdir()
    folder.rmdir()
    for ask in (local.check(), local.put(DATA)):
        with pytest.raises(StorageUnavailable):
            await ask


def test_a_folder_that_cannot_be_made_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageUnavailable):
        BlobStore(f"file://{tmp_path}/file/blobs")


@pytest.mark.parametrize("url", ["file://otherhost/blobs", "file://", "nothing", "ftp://host/x", ""])
def test_a_url_that_names_no_store(url: str) -> None:
    with pytest.raises(ConfigurationError, match="file:///folder"):
        BlobStore(url)


def test_a_bucket_is_taken() -> None:
    assert BlobStore("s3://bucket/prefix").path(NAME) is None


async def test_a_store_that_does_not_answer_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*_args: object, **_options: object) -> None:
        raise blobs.BaseError("connection refused by 10.0.0.9")

    monkeypatch.setattr(blobs.obstore, "put_async", refuse)
    store = BlobStore("memory://")
    for ask in (store.put(DATA), store.check()):
        with pytest.raises(StorageUnavailable) as caught:
            await ask
        assert "10.0.0.9" not in caught.value.message


def _run(program: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), str(folder)], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
