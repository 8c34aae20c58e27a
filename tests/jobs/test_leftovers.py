"""Uploads that nobody saved go some days after their last use, on both databases; nothing that is used goes."""

from __future__ import annotations

import asyncio
import io
import os
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import msgspec
import pytest
from PIL import Image as Pillow
from PIL.PngImagePlugin import PngInfo
from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.dialects import sqlite

from gateway.catalog import Settings
from gateway.db import across_teams, new_id, now
from gateway.errors import NotFound, StorageUnavailable, WrongState
from gateway.fetch import Fetcher
from gateway.images import publishing, records, uploads
from gateway.images.closed import Closed
from gateway.images.image import DAY
from gateway.images.incoming import Incoming
from gateway.images.labels import label
from gateway.images.records import Image
from gateway.images.tables import images, purged_images
from gateway.images.trash import Trash
from gateway.jobs import edit_sessions, inputs, leftovers
from gateway.jobs.exports import Exports
from gateway.jobs.leftovers import Leftovers, sweep_blobs, sweep_uploads
from gateway.jobs.request import InputPicture
from gateway.jobs.tables import job_inputs
from gateway.jobs.tables import jobs as jobs_table
from gateway.sharing import links
from gateway.storage import ledger
from gateway.storage.durable import DurableFolder
from gateway.storage.tables import DELETING, blobs
from tests.fakes.web import Web
from tests.scheduling.conftest import Box, OpenBox

DAYS = 7


@pytest.fixture
async def box(open_box: OpenBox) -> Box:
    return await open_box(start=False, m="")


@pytest.fixture
async def incoming(box: Box, web: Web) -> Any:
    incoming = Incoming(box.db, box.blobs, Fetcher(lambda: Settings().fetch, web), Settings)
    yield incoming
    incoming.close()


async def upload(box: Box, incoming: Incoming, color: str, *, days: float = DAYS + 1, **values: object) -> Image:
    """One that was last used so many days ago."""
    out = io.BytesIO()
    Pillow.new("RGB", (64, 64), color).save(out, "PNG")
    image = await incoming.keep(box.principal, out.getvalue(), field="file", title=f"a {color} square")
    async with box.db.write() as connection:
        change = across_teams(update(images)).where(images.c.id == image.id)
        await connection.execute(across_teams(change).values(**{"unsaved_at": now() - int(days * DAY), **values}))
    return image


async def left(box: Box) -> set[str]:
    async with box.db.read() as connection:
        return set((await connection.execute(across_teams(select(images.c.id)))).scalars())


def given(image: Image) -> InputPicture:
    return InputPicture(blob=image.blob, width=image.width, height=image.height, image=image.id)


def closed_of(box: Box) -> Closed:
    return Closed(box.db, lambda: 7)


def leftovers_of(box: Box) -> Leftovers:
    closed = closed_of(box)
    exports = Exports(box.db, box.bus, box.blobs, Settings)
    return Leftovers(box.db, box.blobs, Settings, Trash(box.db, closed), closed, exports)


async def test_what_nobody_used_goes_with_its_bytes(box: Box, incoming: Incoming) -> None:
    old = await upload(box, incoming, "red")
    fresh = await upload(box, incoming, "lime", days=DAYS - 0.1)
    saved = await upload(box, incoming, "blue", unsaved_at=None)
    assert await sweep_uploads(box.db, DAYS) == 1
    assert await left(box) == {fresh.id, saved.id}
    await sweep_blobs(box.db, box.blobs, untouched=0)
    for blob in (old.blob, old.thumbnail_256):
        with pytest.raises(NotFound):
            await box.blobs.get(blob)
    for image in (fresh, saved):
        assert await box.blobs.get(image.blob)
        assert await box.blobs.get(image.thumbnail_256)
    assert await sweep_uploads(box.db, DAYS) == 0


async def test_bytes_that_another_image_has_too_stay(box: Box, incoming: Incoming) -> None:
    await upload(box, incoming, "red")
    twin = await upload(box, incoming, "red", days=0)
    assert await sweep_uploads(box.db, DAYS) == 1
    await sweep_blobs(box.db, box.blobs, untouched=0)
    assert await left(box) == {twin.id}
    assert await box.blobs.get(twin.blob)


async def test_a_use_gives_it_its_days_once_more(box: Box, incoming: Incoming) -> None:
    used = await upload(box, incoming, "red")
    await incoming.of_team(box.principal, used.id, "image")
    assert await sweep_uploads(box.db, DAYS) == 0
    async with box.db.write() as connection:
        await label(connection, box.principal.team_id, used.id, saved=True)
        await label(connection, box.principal.team_id, used.id, saved=False)
    assert await sweep_uploads(box.db, DAYS) == 0


async def test_what_a_variant_was_made_from_stays(box: Box, incoming: Incoming) -> None:
    parent = await upload(box, incoming, "red")
    variant = await upload(box, incoming, "lime", parent_id=parent.id, unsaved_at=None)
    assert await sweep_uploads(box.db, DAYS) == 0
    assert await left(box) == {parent.id, variant.id}


async def test_what_an_unfinished_job_works_on_stays(box: Box, incoming: Incoming) -> None:
    source, mask, unused = [await upload(box, incoming, color) for color in ("red", "white", "blue")]
    job = await box.ask(capability="inpaint", source=given(source), mask=given(mask), width=64, height=64)
    assert await sweep_uploads(box.db, DAYS) == 1
    assert await left(box) == {source.id, mask.id} != {unused.id}
    await box.cancel(job)
    assert await sweep_uploads(box.db, DAYS) == 2
    assert await left(box) == set()


async def test_what_a_job_takes_in_this_moment_stays(box: Box, incoming: Incoming, monkeypatch: pytest.MonkeyPatch) -> None:
    source = await upload(box, incoming, "red")
    taken, go_on = asyncio.Event(), asyncio.Event()

    async def wait(*_: Any) -> None:
        """In the transaction that queues the job, behind what it holds."""
        taken.set()
        await go_on.wait()

    monkeypatch.setattr(edit_sessions, "note", wait)
    job = asyncio.create_task(box.ask(capability="image_to_image", source=given(source), width=64, height=64))
    await taken.wait()
    sweep = asyncio.create_task(sweep_uploads(box.db, DAYS))
    await asyncio.sleep(0.1)
    go_on.set()
    await job
    assert await sweep == 0
    assert await left(box) == {source.id}


async def test_many_go_in_batches(box: Box, incoming: Incoming, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "_BATCH", 2)
    held = await upload(box, incoming, "red")
    await box.ask(capability="image_to_image", source=given(held), width=64, height=64)
    for color in ("lime", "blue", "white", "black"):
        await upload(box, incoming, color)
    assert await sweep_uploads(box.db, DAYS) == 4
    assert await left(box) == {held.id}


async def test_the_sweep_comes_by_itself_and_outlives_a_lost_database(
    box: Box, incoming: Incoming, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await upload(box, incoming, "red")
    monkeypatch.setattr(leftovers, "FIRST_SECONDS", 0.0)
    monkeypatch.setattr(leftovers, "EVERY_SECONDS", 0.01)
    lost = [StorageUnavailable("gone")]

    async def sweep(*given: Any) -> int:
        if lost:
            raise lost.pop()
        return await sweep_uploads(*given)

    monkeypatch.setattr(leftovers, "sweep_uploads", sweep)
    task = asyncio.create_task(leftovers_of(box).keep_swept())
    async with asyncio.timeout(20):
        while await left(box):
            await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert "could not be swept: gone" in caplog.text


async def blobs_left(box: Box, image: Image) -> bool:
    try:
        return bool(await box.blobs.get(image.blob))
    except NotFound:
        return False


async def test_what_lay_in_the_trash_goes_with_its_bytes(box: Box, incoming: Incoming) -> None:
    team, trash = box.principal.team_id, leftovers_of(box)._trash
    old, young, shown = [await upload(box, incoming, color, unsaved_at=None) for color in ("red", "lime", "blue")]
    await trash.discard(team, [old.id, young.id])
    async with box.db.write() as connection:
        for image, lain in ((old, now() - 30 * DAY - 1), (young, now() - 30 * DAY + DAY // 24)):
            change = across_teams(update(images)).where(images.c.id == image.id)
            await connection.execute(across_teams(change).values(deleted_at=lain))
    assert await trash.sweep(30) == 1
    assert await left(box) == {young.id, shown.id}
    await sweep_blobs(box.db, box.blobs, untouched=0)
    assert [await blobs_left(box, each) for each in (old, young, shown)] == [False, True, True]
    assert await trash.sweep(30) == 0


async def test_an_unsaved_upload_lies_in_the_trash_for_its_days(box: Box, incoming: Incoming) -> None:
    image = await upload(box, incoming, "red")
    trash = leftovers_of(box)._trash
    await trash.discard(box.principal.team_id, [image.id])
    assert await sweep_uploads(box.db, DAYS) == 0
    await trash.restore(box.principal.team_id, [image.id])
    assert await sweep_uploads(box.db, DAYS) == 0
    assert await left(box) == {image.id}


async def test_the_sweep_keeps_whatever_a_picture_names(box: Box, incoming: Incoming) -> None:
    out = io.BytesIO()
    Pillow.new("RGB", (800, 8), "red").save(out, "PNG", pnginfo=_note())
    image = await incoming.keep(box.principal, out.getvalue(), field="file")
    async with box.db.write() as connection:
        await label(connection, image.team_id, image.id, saved=True)
    image = await publishing.publish(box.db, box.blobs, image.team_id, image.id)
    named = {image.blob, image.thumbnail_256, image.thumbnail_768, image.public_blob}
    assert len(named - {None}) == 4
    assert await sweep_blobs(box.db, box.blobs, untouched=-1) == 0
    await leftovers_of(box)._trash.discard(image.team_id, [image.id])
    assert await sweep_blobs(box.db, box.blobs, untouched=-1) == 1, "what was public is not any more"
    await leftovers_of(box)._trash.purge_one(image.team_id, image.id)
    assert await sweep_blobs(box.db, box.blobs, untouched=-1) == 3


def _note() -> PngInfo:
    note = PngInfo()
    note.add_text("parameters", "a prompt, which the copy for everyone has not")
    return note


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_no_picture_names_bytes_that_are_being_deleted(box: Box, incoming: Incoming) -> None:
    """As after an hour between the writing of its bytes and of its row: it fails, and does not become one without a file."""
    image = await upload(box, incoming, "red", unsaved_at=None)
    (going,) = await ledger.keep(box.db, box.blobs, b"a copy")
    async with box.db.write() as connection:
        await connection.execute(update(blobs).where(blobs.c.hash == going.hash).values(state=DELETING))
    new = {name: msgspec.structs.replace(image, id=new_id(), **{name: going.hash}) for name in ("blob", "thumbnail_256")}
    changes: dict[str, Callable[..., Awaitable[object]]] = {
        **{name: partial(records.add, image=each) for name, each in new.items()},
        "public_blob": partial(records.alter, several=[image], public_blob=going.hash),
    }
    for name, change in changes.items():
        with pytest.raises(StorageUnavailable, match="swept"):
            async with box.db.write() as connection:
                await change(connection)
        assert await left(box) == {image.id}, name


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_the_sweeps_read_no_more_than_they_must(box: Box) -> None:
    """A million pictures later too."""
    needed = or_(uploads.referenced(), inputs.referenced(), links.referenced())
    swept = select(blobs.c.hash).where(blobs.c.hash > "a", blobs.c.hash <= "b", ~needed)
    lain = select(images).where(images.c.deleted_at < 1).order_by(images.c.deleted_at, images.c.id).limit(1)
    for query in (swept, lain):
        text = str(across_teams(query).compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True}))
        async with box.db.read() as connection:
            plan = [row.detail for row in await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}")]
        assert not [step for step in plan if "SCAN" in step or "TEMP B-TREE" in step], plan


async def test_bytes_stay_while_a_job_works_on_them(box: Box, incoming: Incoming) -> None:
    """Though its source was deleted for good meanwhile; also for jobs from before this was written down."""
    image, trash = await upload(box, incoming, "red", unsaved_at=None), leftovers_of(box)._trash
    jobs = [await box.ask(capability="image_to_image", source=given(image), width=64, height=64) for _ in range(2)]
    await trash.discard(box.principal.team_id, [image.id])
    await trash.purge_one(box.principal.team_id, image.id)
    async with box.db.write() as connection:
        await connection.execute(delete(job_inputs).where(job_inputs.c.job_id == jobs[0].id))
    await box.cancel(jobs[1])
    await inputs.catch_up(box.db)
    await sweep_blobs(box.db, box.blobs, untouched=0)
    assert await blobs_left(box, image)
    await box.cancel(jobs[0])
    await sweep_blobs(box.db, box.blobs, untouched=0)
    assert not await blobs_left(box, image)
    async with box.db.read() as connection:
        assert (await connection.execute(select(func.count()).select_from(job_inputs))).scalar() == 0


async def test_jobs_of_old_are_looked_for_once(box: Box, incoming: Incoming) -> None:
    """Not by every start: there may be a hundred thousand that wait."""
    image = await upload(box, incoming, "red")
    await box.ask(capability="image_to_image", source=given(image), width=64, height=64)

    async def held_after_a_start() -> int:
        async with box.db.write() as connection:
            await connection.execute(delete(job_inputs))
        await inputs.catch_up(box.db)
        async with box.db.read() as connection:
            return int((await connection.execute(select(func.count()).select_from(job_inputs))).scalar_one())

    assert [await held_after_a_start() for _ in range(2)] == [1, 0]


async def test_what_went_after_it_was_looked_at_is_no_source(box: Box, incoming: Incoming) -> None:
    trashed, gone = [await upload(box, incoming, color) for color in ("red", "lime")]
    trash = leftovers_of(box)._trash
    await trash.discard(box.principal.team_id, [trashed.id, gone.id])
    await trash.purge_one(box.principal.team_id, gone.id)
    bytes_alone = InputPicture(blob="0" * 64, width=64, height=64)
    for source in (given(trashed), given(gone), bytes_alone):
        with pytest.raises(WrongState, match="in the trash, or gone"):
            await box.ask(capability="image_to_image", source=source, width=64, height=64)
    async with box.db.read() as connection:
        assert (await connection.execute(across_teams(select(func.count()).select_from(jobs_table)))).scalar() == 0


async def test_how_long_a_purged_picture_is_remembered(box: Box, incoming: Incoming) -> None:
    image, closed = await upload(box, incoming, "red"), closed_of(box)
    trash = Trash(box.db, closed)
    await trash.discard(box.principal.team_id, [image.id])
    await trash.purge_one(box.principal.team_id, image.id)
    async with box.db.read() as connection:
        until = (await connection.execute(select(purged_images.c.until))).scalar_one()
    assert abs(until - now() - 8 * DAY) < DAY / 24
    await closed.rebuild()
    assert closed.may_be(image.id)
    async with box.db.write() as connection:
        await connection.execute(update(purged_images).values(until=now()))
    await closed.rebuild()
    assert not closed.may_be(image.id)


async def test_half_written_files_of_a_crash_go_with_the_sweep(box: Box) -> None:
    place = box.blobs.place
    assert isinstance(place, DurableFolder)
    begun = [place.begin() for _ in range(2)]
    for descriptor, _ in begun:
        os.close(descriptor)
    (old, young) = [partial for _, partial in begun]
    os.utime(old, (0, 0))
    await leftovers_of(box).sweep()
    assert (old.exists(), young.exists()) == (False, True)
