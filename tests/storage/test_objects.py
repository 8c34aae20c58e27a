"""Objects that are written as a stream: there whole or not at all, in a folder and in a bucket."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway.errors import NotFound, StorageFull
from gateway.storage import durable, objects
from gateway.storage.blobs import BlobStore
from gateway.storage.objects import listed, writing
from tests.storage.test_blobs import needs_proc

NAME = "exports/a.zip"


@pytest.fixture(params=["folder", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    return BlobStore(f"file://{tmp_path}/blobs" if request.param == "folder" else "memory://")


async def put(store: BlobStore, *parts: bytes) -> None:
    async with writing(store, NAME) as sink:
        for part in parts:
            await sink.write(part, b"|")


async def test_written_and_replaced_and_deleted(store: BlobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "PIECE", 10)
    await put(store, b"one" * 100, b"two")
    assert await store.get(NAME) == b"one" * 100 + b"|two|"
    await put(store, b"three")
    assert await store.get(NAME) == b"three|"
    assert set(await listed(store, "exports")) == {NAME}
    assert await store.objects("ex") == {}
    await store.delete(NAME)
    assert await listed(store, "exports") == {}


async def test_nothing_is_left_of_one_that_was_not_finished(store: BlobStore, tmp_path: Path) -> None:
    async def fail() -> None:
        async with writing(store, NAME) as sink:
            await sink.write(b"half")
            raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        await fail()
    with pytest.raises(NotFound):
        await store.get(NAME)
    assert not list((tmp_path / "blobs").glob(".partial/*"))


@needs_proc
async def test_bytes_are_on_disk_before_their_name_and_that_before_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, log = BlobStore(f"file://{tmp_path}"), list[str]()
    real_sync, real_replace = os.fsync, os.replace

    def sync(descriptor: int) -> None:
        name = Path(os.readlink(f"/proc/self/fd/{descriptor}")).relative_to(tmp_path)
        log.append("bytes" if name.parts[:1] == (".partial",) else f"folder {name}")
        real_sync(descriptor)

    def replace(source: Path, target: Path) -> None:
        log.append("name")
        real_replace(source, target)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "replace", replace)
    await put(store, b"one")
    assert [each for each in log if each != "folder ."] == ["bytes", "name", "folder exports"]


async def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = BlobStore(f"file://{tmp_path}/blobs")

    def fsync(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(durable.os, "fsync", fsync)
    with pytest.raises(StorageFull):
        await put(store, b"one")
    monkeypatch.undo()
    assert not list((tmp_path / "blobs").glob(".partial/*"))
    with pytest.raises(NotFound):
        await store.get(NAME)
