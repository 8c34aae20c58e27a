"""A check of the storage finds what is wrong with a real store, mends what can be, and says the rest; on both databases."""

from __future__ import annotations

import asyncio
import io
import os
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Pillow
from PIL.PngImagePlugin import PngInfo
from sqlalchemy import insert, select, update

from gateway.accounts import Principal
from gateway.catalog import Settings
from gateway.db import Database, across_teams
from gateway.errors import StorageUnavailable, WrongState
from gateway.fetch import Fetcher
from gateway.images import checkup as room
from gateway.images import publishing, records
from gateway.images.checkup import Checkup, Report
from gateway.images.image import Image
from gateway.images.incoming import Incoming
from gateway.images.tables import images
from gateway.images.uploads import referenced
from gateway.storage import BlobStore, checking, inplace
from gateway.storage.blobs import content_hash
from gateway.storage.ledger import keep
from gateway.storage.tables import blobs as blob_rows
from tests.api.pictures import BLUE, GREEN, RED, flat
from tests.fakes.web import Web


@pytest.fixture
def blobs(tmp_path: Path, database: Database) -> BlobStore:
    return BlobStore(f"file://{tmp_path}/blobs", inplace.InPlace(database).find)


@pytest.fixture
async def three(database: Database, blobs: BlobStore, principal: Principal, web: Web) -> list[Image]:
    """Pictures that were kept long ago."""
    incoming = Incoming(database, blobs, Fetcher(lambda: Settings().fetch, web), Settings)
    made = [await incoming.keep(principal, flat(colour), field="file") for colour in (RED, GREEN, BLUE)]
    incoming.close()
    await long_ago(database)
    return made


async def long_ago(database: Database, **values: object) -> None:
    async with database.write() as connection:
        await connection.execute(update(blob_rows).values(touched_at=0, **values))


@pytest.fixture(autouse=True)
def few_parts(monkeypatch: pytest.MonkeyPatch, three: list[Image]) -> None:
    """Only those that have something."""
    hashes = {hash for each in three for hash in (each.blob, each.thumbnail_256)} | {content_hash(b"stray")}
    monkeypatch.setattr(room, "PARTS", tuple(sorted({hash[:2] for hash in hashes})))


async def check(database: Database, blobs: BlobStore, *, repairs: bool = False) -> Report:
    checkup = Checkup(database, blobs, referenced())
    report = checkup.start(repairs=repairs)
    assert checkup._task
    await checkup._task
    return report


def found(report: Report) -> dict[str, Any]:
    """What is not nought."""
    names = ("orphans", "missing", "wrong", "lost", "removed", "marked", "thumbnails", "found_again")
    return {name: getattr(report, name) for name in names if getattr(report, name)}


async def lost(database: Database) -> set[str]:
    async with database.read() as connection:
        query = across_teams(select(images.c.id)).where(images.c.lost_at.is_not(None))
        return set((await connection.execute(query)).scalars())


def file_of(blobs: BlobStore, hash: str) -> Path:
    path = blobs.path(hash)
    assert path
    return path


async def test_all_is_well(database: Database, blobs: BlobStore) -> None:
    report = await check(database, blobs, repairs=True)
    assert (report.state, found(report)) == ("finished", {})


async def test_an_object_that_nothing_knows(database: Database, blobs: BlobStore) -> None:
    ref = await blobs.put(b"stray")
    assert found(await check(database, blobs)) == {"orphans": 1}
    assert found(await check(database, blobs, repairs=True)) == {"orphans": 1}  # it may be on its way
    os.utime(file_of(blobs, ref.hash), (0, 0))
    report = await check(database, blobs, repairs=True)
    assert (found(report), report.orphan_bytes) == ({"orphans": 1, "removed": 1}, 5)
    assert found(await check(database, blobs)) == {}


async def test_lost_bytes_are_said_and_taken_back(database: Database, blobs: BlobStore, three: list[Image]) -> None:
    gone, torn, _ = three
    data = await blobs.get(gone.blob), await blobs.get(torn.blob)
    file_of(blobs, gone.blob).unlink()
    file_of(blobs, torn.blob).write_bytes(b"torn")
    report = await check(database, blobs)
    assert found(report) == {"missing": 1, "wrong": 1, "lost": 2}
    assert sorted(report.lost_ids) == sorted([gone.id, torn.id])
    assert (report.missing_bytes, report.wrong_bytes) == (gone.bytes, torn.bytes)
    assert await lost(database) == set()
    assert found(await check(database, blobs, repairs=True))["marked"] == 2
    assert await lost(database) == {gone.id, torn.id}
    for image, each in zip((gone, torn), data, strict=True):
        file_of(blobs, image.blob).write_bytes(each)
    assert found(await check(database, blobs, repairs=True)) == {"found_again": 2}
    assert await lost(database) == set()


async def test_a_lost_thumbnail_is_made_anew(
    database: Database, blobs: BlobStore, principal: Principal, three: list[Image]
) -> None:
    image = three[0]
    file_of(blobs, image.thumbnail_256).unlink()
    assert found(await check(database, blobs, repairs=True)) == {"missing": 1, "thumbnails": 1}
    async with database.read() as connection:
        again = await records.get(connection, principal.team_id, image.id)
    assert (await blobs.get(again.thumbnail_256))[8:12] == b"WEBP"
    assert again.lost_at is None


async def test_a_lost_public_copy_is_made_anew(
    database: Database, blobs: BlobStore, principal: Principal, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    team, private, out = principal.team_id, PngInfo(), io.BytesIO()
    private.add_text("Comment", "taken at home")
    Pillow.new("RGB", (8, 8)).save(out, "PNG", pnginfo=private)
    incoming = Incoming(database, blobs, Fetcher(lambda: Settings().fetch, web), Settings)
    image = await incoming.keep(principal, out.getvalue(), field="file")
    incoming.close()
    async with database.write() as connection:
        await records.alter(connection, [image], unsaved_at=None)
    await long_ago(database)
    copy = (await publishing.publish(database, blobs, team, image.id)).public_blob
    assert copy
    assert copy != image.blob
    await long_ago(database)
    monkeypatch.setattr(room, "PARTS", (copy[:2],))
    file_of(blobs, copy).unlink()
    report = await check(database, blobs, repairs=True)
    assert (report.missing, report.copies, report.lost) == (1, 1, 0)
    assert await blobs.get(copy)


async def test_what_is_being_written_is_not_missing(database: Database, blobs: BlobStore, three: list[Image]) -> None:
    await keep(database, blobs, await blobs.get(three[0].blob))
    file_of(blobs, three[0].blob).unlink()
    assert found(await check(database, blobs)) == {}


async def test_what_a_crash_left_half_written_is_not_missing(
    database: Database, blobs: BlobStore, three: list[Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its row was there before its bytes, and nobody came to need it."""
    monkeypatch.setattr(room, "PARTS", ("ab",))
    async with database.write() as connection:
        await connection.execute(insert(blob_rows).values(hash="ab" * 32, bytes=7, state="live", touched_at=0))
    assert found(await check(database, blobs)) == {}


async def test_what_comes_or_goes_meanwhile_is_not_wrong(
    database: Database, blobs: BlobStore, three: list[Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the listing and the reading; the second look is right."""
    real, once = blobs.objects, [None]

    async def objects(beginning: str) -> Any:
        listed = await real(beginning)
        if beginning == content_hash(b"stray")[:2] and once:
            once.pop()
            await blobs.put(b"stray")
            listed = await real(beginning)
            await keep(database, blobs, b"stray")
            return {}
        return listed

    monkeypatch.setattr(blobs, "objects", objects)
    await long_ago(database)
    assert found(await check(database, blobs, repairs=True)) == {}


@pytest.mark.parametrize("fault", ["nothing", "gone", "changed"])
async def test_files_that_were_imported_in_place(
    fault: str, database: Database, blobs: BlobStore, three: list[Image], tmp_path: Path
) -> None:
    image, theirs = three[0], tmp_path / "theirs.png"
    theirs.write_bytes(file_of(blobs, image.blob).read_bytes())
    file_of(blobs, image.blob).unlink()
    async with database.write() as connection:
        values = {"path": str(theirs), "modified_at": theirs.stat().st_mtime_ns}
        await connection.execute(update(blob_rows).where(blob_rows.c.hash == image.blob).values(values))
    if fault == "gone":
        theirs.unlink()
    elif fault == "changed":
        theirs.write_bytes(b"another")
    report = await check(database, blobs, repairs=True)
    wrong = {"nothing": {}, "gone": {"missing": 1}, "changed": {"wrong": 1}}[fault]
    assert found(report) == ({**wrong, "lost": 1, "marked": 1} if wrong else {})
    assert theirs.exists() is (fault != "gone")


async def test_one_at_a_time_and_a_lost_store(database: Database, blobs: BlobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    going_on = asyncio.Event()

    async def wait(*_: Any) -> Any:
        await going_on.wait()
        raise StorageUnavailable("The disk is away.")

    monkeypatch.setattr(checking, "check", wait)
    checkup = Checkup(database, blobs, referenced())
    report = checkup.start(repairs=False)
    with pytest.raises(WrongState, match="already"):
        checkup.start(repairs=True)
    going_on.set()
    assert checkup._task
    await checkup._task
    assert (report.state, report.problem) == ("failed", "The disk is away.")
    going_on.clear()
    second = checkup.start(repairs=False)
    await asyncio.sleep(0)
    await checkup.close()
    assert (second.state, second.finished_at is not None) == ("failed", True)
