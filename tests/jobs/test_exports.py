"""Exports: what is in the archive, and what becomes of one that is canceled, crashes, expires or finds nothing."""

from __future__ import annotations

import asyncio
import io
import json
import os
import zipfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.catalog import Settings
from gateway.catalog.settings import Gallery, Limits, Share
from gateway.db import across_teams, new_id, now
from gateway.errors import InvalidInput, NotFound, StorageFull, StorageUnavailable, TooManyExports, TooManyJobs
from gateway.images import records
from gateway.images.closed import Closed
from gateway.images.image import Image
from gateway.images.trash import Trash
from gateway.jobs import archives, changes, standing
from gateway.jobs import exports as room
from gateway.jobs.exports import Export, Exports
from gateway.jobs.tables import exports as rows
from gateway.storage.objects import listed
from tests.scheduling.conftest import Box, OpenBox

NOBODYS = "01900000-0000-7000-8000-000000000000"


@pytest.fixture
async def box(open_box: OpenBox) -> Box:
    return await open_box(m="")


@pytest.fixture
async def exports(box: Box) -> AsyncIterator[Exports]:
    exports = Exports(box.db, box.bus, box.blobs, Settings)
    await exports.start()
    yield exports
    await exports.close()


@pytest.fixture
async def made(box: Box) -> list[Image]:
    """Three pictures; two have the same title."""
    job = await box.until(await box.ask(n=3, seed=1, width=64, height=64))
    found = await box.images(job)
    async with box.db.write() as connection:
        await records.alter(connection, found[:2], title="A fox: 狐", tags=["fox"])
    return found


async def ended(box: Box, exports: Exports, job_id: str) -> Export:
    async with asyncio.timeout(20):
        while not (export := await exports.find(box.principal.team_id, job_id)).job.finished:
            await asyncio.sleep(0.01)
    return export


async def exported(box: Box, exports: Exports, *ids: str) -> Export:
    job, _ = await exports.ask(box.principal, ids)
    return await ended(box, exports, job.id)


async def opened(box: Box, export: Export) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(await box.blobs.get(archives.name_of(export.job.id))))


async def test_what_is_in_it(box: Box, exports: Exports, made: list[Image]) -> None:
    job, not_found = await exports.ask(box.principal, [made[2].id, NOBODYS, made[0].id, "no id\x00", made[1].id])
    assert not_found == [NOBODYS, "no id\x00"]
    export = await ended(box, exports, job.id)
    assert (export.job.state, export.job.stored, export.job.pictures, export.done) == ("succeeded", 3, 3, 3)
    assert export.job.charged == 0
    with await opened(box, export) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [f"a-cat-{made[2].id[:13]}.png", "A fox_ 狐.png", "A fox_ 狐 (2).png", "manifest.json"]
        manifest = json.loads(archive.read("manifest.json"))
        for told, image in zip(manifest["images"], (made[2], made[0], made[1]), strict=True):
            assert archive.read(told["file"]) == await box.blobs.get(image.blob)
            assert (told["id"], told["prompt"], told["seed"], told["model"]) == (image.id, "a cat", image.seed, "m")
    assert manifest["images"][1]["tags"] == ["fox"]
    assert manifest["missing"] == []
    assert export.bytes == len(await box.blobs.get(archives.name_of(job.id)))
    assert export.expires_at is not None
    assert abs(export.expires_at - now() - 24 * room.HOUR) < room.HOUR


async def test_what_went_meanwhile_is_left_out(box: Box, exports: Exports, made: list[Image]) -> None:
    """Trashed after it was asked for, or its bytes gone."""
    trash = Trash(box.db, Closed(box.db, lambda: 7))
    await exports._slots.acquire()
    await exports._slots.acquire()
    job, _ = await exports.ask(box.principal, [each.id for each in made])
    await trash.discard(box.principal.team_id, [made[0].id])
    await box.blobs.delete(made[1].blob)
    exports._slots.release()
    export = await ended(box, exports, job.id)
    assert (export.job.state, export.job.stored) == ("succeeded", 1)
    with await opened(box, export) as archive:
        assert json.loads(archive.read("manifest.json"))["missing"] == [made[0].id, made[1].id]
    job, not_found = await exports.ask(box.principal, [made[0].id, made[1].id])
    assert not_found == [made[0].id]
    export = await ended(box, exports, job.id)
    assert (export.job.state, export.job.error_code, export.bytes) == ("failed", "not_found", None)
    assert set(await listed(box.blobs, archives.FOLDER)) == {archives.name_of(each) for each in [(await first(box))]}


async def first(box: Box) -> str:
    async with box.db.read() as connection:
        query = across_teams(select(rows.c.job_id)).where(rows.c.bytes.is_not(None))
        return str((await connection.execute(query)).scalar_one())


async def test_none_of_them_is_there(box: Box, exports: Exports, made: list[Image]) -> None:
    await Trash(box.db, Closed(box.db, lambda: 7)).discard(box.principal.team_id, [made[0].id])
    with pytest.raises(NotFound):
        await exports.ask(box.principal, [NOBODYS, made[0].id])
    for job_id in (NOBODYS, str(made[0].job_id)):
        with pytest.raises(NotFound):
            await exports.find(box.principal.team_id, job_id)


async def test_a_canceled_one_is_not_written_on(
    box: Box, exports: Exports, made: list[Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    at_the_second, go_on, real = asyncio.Event(), asyncio.Event(), box.blobs.path

    def path(hash: str) -> Any:
        if hash == made[1].blob:
            at_the_second.set()
        return real(hash)

    read = archives._Writer._bytes

    async def slowly(writer: Any, image: Image) -> Any:
        data = await read(writer, image)
        if image.id == made[1].id:
            await go_on.wait()
        return data

    monkeypatch.setattr(box.blobs, "path", path)
    monkeypatch.setattr(archives._Writer, "_bytes", slowly)
    job, _ = await exports.ask(box.principal, [each.id for each in made])
    await at_the_second.wait()
    assert (await exports.find(box.principal.team_id, job.id)).done == 1
    await box.cancel(job)
    go_on.set()
    await asyncio.gather(*exports._tasks.values())
    export = await exports.find(box.principal.team_id, job.id)
    assert (export.job.state, export.bytes) == ("canceled", None)
    assert await listed(box.blobs, archives.FOLDER) == {}


async def test_one_that_a_crash_stopped_begins_again(box: Box, exports: Exports, made: list[Image]) -> None:
    """By the next start, and the scheduler's start passes it over."""
    await exports.close()
    await exports._slots.acquire()
    await exports._slots.acquire()
    job, _ = await exports.ask(box.principal, [made[0].id])
    await exports.close()
    async with box.db.write() as connection:
        await changes.claim(connection, [job.id], sent=False)
    await box.scheduler.stop()
    assert (await box.job(job)).state == "running"
    again = Exports(box.db, box.bus, box.blobs, Settings)
    await again.start()
    export = await ended(box, again, job.id)
    assert (export.job.state, export.job.failures) == ("succeeded", 1)
    await again.close()


async def test_ordinary_restarts_are_no_failures(
    box: Box, exports: Exports, made: list[Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, never = asyncio.Event(), asyncio.Event()

    async def read(_writer: Any, _image: Image) -> Any:
        reading.set()
        await never.wait()

    job, running = None, exports
    with monkeypatch.context() as patch:
        patch.setattr(archives._Writer, "_bytes", read)
        for _ in range(Settings().jobs.max_attempts + 1):
            if job is None:
                job, _not_found = await running.ask(box.principal, [made[0].id])
            await reading.wait()
            reading.clear()
            await running.close()
            assert (await box.job(job)).state == "queued"
            running = Exports(box.db, box.bus, box.blobs, Settings)
            await running.start()
        await reading.wait()
        await running.close()
    last = Exports(box.db, box.bus, box.blobs, Settings)
    await last.start()
    export = await ended(box, last, str(job and job.id))
    assert (export.job.state, export.job.failures) == ("succeeded", 0)
    await last.close()


async def test_one_that_stops_every_start_is_given_up(box: Box, exports: Exports, made: list[Image]) -> None:
    await exports._slots.acquire()
    await exports._slots.acquire()
    job, _ = await exports.ask(box.principal, [made[0].id])
    await exports.close()
    for _ in range(Settings().jobs.max_attempts):
        async with box.db.write() as connection:
            (running,) = await changes.claim(connection, [job.id], sent=False)
            await changes.put_back(connection, running, failed=True)
    again = Exports(box.db, box.bus, box.blobs, Settings)
    await again.start()
    export = await ended(box, again, job.id)
    assert (export.job.state, export.job.error_code) == ("failed", "interrupted")
    await again.close()


async def test_a_full_disk_fails_it(box: Box, exports: Exports, made: list[Image], monkeypatch: pytest.MonkeyPatch) -> None:
    def begin() -> Any:
        raise StorageFull("The disk is full.")

    monkeypatch.setattr(box.blobs.place, "begin", begin)
    export = await exported(box, exports, made[0].id)
    assert (export.job.state, export.job.error_code, export.job.error_message) == (
        "failed",
        "storage_full",
        "The disk is full.",
    )


async def test_archives_expire_and_strays_go(box: Box, exports: Exports, made: list[Image]) -> None:
    old, young = [await exported(box, exports, each.id) for each in made[:2]]
    async with box.db.write() as connection:
        change = across_teams(update(rows)).where(rows.c.job_id == old.job.id).values(expires_at=now())
        await connection.execute(change)
    # As after a crash between the writing and the row.
    stray = box.blobs.path("exports/stray.zip")
    assert stray
    stray.write_bytes(b"stray")
    assert await exports.sweep() == 1  # a young stray may be on its way
    os.utime(stray, (0, 0))
    assert await exports.sweep() == 1
    assert set(await listed(box.blobs, archives.FOLDER)) == {archives.name_of(young.job.id)}
    assert (await exports.find(box.principal.team_id, old.job.id)).bytes is None
    assert await exports.sweep() == 0


async def test_they_count_among_what_waits(box: Box, made: list[Image]) -> None:
    settings = Settings(limits=Limits(team=Share(queued_jobs=1)), gallery=Gallery(export_hours=1))
    exports = Exports(box.db, box.bus, box.blobs, lambda: settings)
    await exports.start()
    await exports._slots.acquire()
    await exports._slots.acquire()
    await exports.ask(box.principal, [made[0].id])
    with pytest.raises(TooManyJobs):
        await exports.ask(box.principal, [made[1].id])
    exports._slots.release()
    await asyncio.gather(*exports._tasks.values())
    assert (await exported(box, exports, made[0].id)).job.state == "succeeded"
    await exports.close()


async def test_what_could_not_be_ended_is_begun_again_by_the_sweep(
    box: Box, exports: Exports, made: list[Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database was lost at a bad moment: nobody need start the gateway anew for it."""

    async def lost(*_: Any, **__: Any) -> None:
        raise StorageUnavailable("The database cannot be reached.")

    with monkeypatch.context() as patch:
        patch.setattr(changes, "deliver", lost)
        job, _ = await exports.ask(box.principal, [made[0].id])
        async with asyncio.timeout(20):
            while exports._tasks:
                await asyncio.sleep(0.01)
    assert (await exports.find(box.principal.team_id, job.id)).job.state == "running"
    await exports.sweep()
    export = await ended(box, exports, job.id)
    assert (export.job.state, export.job.stored, export.job.failures) == ("succeeded", 1, 1)


async def test_the_same_pictures_are_the_same_archive(box: Box, exports: Exports, made: list[Image]) -> None:
    """While it is written and while it is kept; not in another order, nor once something about them changed."""
    ids = [each.id for each in made[:2]]
    await exports._slots.acquire()
    await exports._slots.acquire()
    asked = [(await exports.ask(box.principal, ids))[0].id for _ in range(3)]
    exports._slots.release()
    await ended(box, exports, asked[0])
    again = (await exports.ask(box.principal, ids))[0]
    assert {*asked, again.id} == {asked[0]}
    assert again.state == "succeeded"
    turned = await exported(box, exports, *reversed(ids))
    async with box.db.write() as connection:
        await records.alter(connection, made[:1], title="Another")
    changed = await exported(box, exports, *ids)
    assert len({asked[0], turned.job.id, changed.job.id}) == 3
    async with box.db.write() as connection:
        change = across_teams(update(rows)).where(rows.c.job_id == changed.job.id)
        await connection.execute(across_teams(change.values(expires_at=now() + standing.LEFT // 2)))
    assert (await exported(box, exports, *ids)).job.id != changed.job.id


async def test_a_team_keeps_so_many_bytes(box: Box, made: list[Image]) -> None:
    first, second = made[:2]
    settings = Settings(gallery=Gallery(export_bytes_per_team=first.bytes + second.bytes))
    exports = Exports(box.db, box.bus, box.blobs, lambda: settings)
    await exports.start()
    with pytest.raises(InvalidInput, match="fewer at once"):
        await exports.ask(box.principal, [each.id for each in made])
    await exports._slots.acquire()
    await exports._slots.acquire()
    running = [(await exports.ask(box.principal, [each.id]))[0] for each in (first, second)]
    with pytest.raises(TooManyExports) as refused:
        await exports.ask(box.principal, [made[2].id])
    assert refused.value.headers == {"Retry-After": "60"}
    async with box.db.read() as connection:
        await standing.see_that_it_fits(connection, new_id(), first.bytes, first.bytes)  # what other teams keep is theirs
    await exports.remove(box.principal, running[1].id)
    assert (await box.job(running[1])).state == "canceled"
    exports._slots.release()
    exports._slots.release()
    kept = await ended(box, exports, running[0].id)
    with pytest.raises(TooManyExports) as refused:  # a manifest is more than nothing
        await exports.ask(box.principal, [second.id])
    assert int(refused.value.headers["Retry-After"]) > 23 * 3600
    async with box.db.read() as connection:
        await standing.see_that_it_fits(connection, new_id(), first.bytes, first.bytes)
    for _ in range(2):
        await exports.remove(box.principal, kept.job.id)
    assert await listed(box.blobs, archives.FOLDER) == {}
    assert (await exports.find(box.principal.team_id, kept.job.id)).bytes is None
    assert (await exported(box, exports, second.id)).job.state == "succeeded"
    with pytest.raises(NotFound):
        await exports.remove(box.principal, NOBODYS)
    await exports.close()


async def test_what_is_over_keeps_no_list_of_pictures(box: Box, exports: Exports, made: list[Image]) -> None:
    """However it ended: each has hundreds of ids, and the rows stay."""
    ids = [each.id for each in made]
    written = await exported(box, exports, *ids)
    await exports._slots.acquire()
    await exports._slots.acquire()
    waiting, _ = await exports.ask(box.principal, ids[:1])
    await box.cancel(waiting)
    assert json.loads(await wanted(box, waiting.id)) == ids[:1]
    exports._slots.release()
    async with asyncio.timeout(20):
        while exports._tasks:
            await asyncio.sleep(0.01)
    assert [json.loads(await wanted(box, each)) for each in (written.job.id, waiting.id)] == [[], []]
    again, _ = await exports.ask(box.principal, ids)
    assert again.id == written.job.id


async def wanted(box: Box, job_id: str) -> bytes:
    async with box.db.read() as connection:
        query = across_teams(select(rows.c.images)).where(rows.c.job_id == job_id)
        return bytes((await connection.execute(query)).scalar_one())


async def test_neither_sweep_nor_request_reads_what_is_over(box: Box) -> None:
    """Each hour, however many archives there ever were."""
    if box.db.path is None:
        pytest.skip("platform: PostgreSQL's plans go by statistics, of which a small table has none")
    async with box.db.read() as connection:
        with asked(connection) as statements:
            await standing.expired(connection)
            await standing.known(connection, [archives.name_of(NOBODYS), "exports/stray"])
            await standing.same(connection, "t", "digest")
            await standing.see_that_it_fits(connection, "t", 1, 2)
        plans = [await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {told}", given) for told, given in statements]
        steps = [[row.detail for row in plan] for plan in plans]
    assert len(steps) == 5
    for plan in steps:
        assert not [step for step in plan if step.startswith("SCAN")], plan
    assert "ix_exports_expires_at (expires_at<?)" in steps[0][0]
    assert "ix_exports_kept (team_id=?)" in steps[3][0]


@contextmanager
def asked(connection: AsyncConnection) -> Iterator[list[tuple[str, Any]]]:
    seen: list[tuple[str, Any]] = []

    def see(*given: Any) -> None:
        seen.append((given[2], given[3]))

    event.listen(connection.sync_connection, "before_cursor_execute", see)
    yield seen
    event.remove(connection.sync_connection, "before_cursor_execute", see)
