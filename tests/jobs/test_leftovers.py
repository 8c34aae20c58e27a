"""Uploads that nobody saved go some days after their last use, on both databases; nothing that is used goes."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import pytest
from PIL import Image as Pillow
from sqlalchemy import func, select, update

from gateway.catalog import Settings
from gateway.db import across_teams, now
from gateway.errors import NotFound, StorageUnavailable
from gateway.fetch import Fetcher
from gateway.images import records, uploads
from gateway.images.incoming import Incoming
from gateway.images.records import Image
from gateway.images.tables import image_texts, images
from gateway.jobs import leftovers
from gateway.jobs.leftovers import keep_swept, sweep_uploads
from gateway.jobs.request import InputPicture
from gateway.storage import ledger
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
        await connection.execute(across_teams(change).values(**{"unsaved_at": now() - int(days * uploads.DAY), **values}))
    return image


async def left(box: Box) -> set[str]:
    async with box.db.read() as connection:
        return set((await connection.execute(across_teams(select(images.c.id)))).scalars())


def given(image: Image) -> InputPicture:
    return InputPicture(blob=image.blob, width=image.width, height=image.height, image=image.id)


async def test_what_nobody_used_goes_with_its_bytes(box: Box, incoming: Incoming) -> None:
    old = await upload(box, incoming, "red")
    fresh = await upload(box, incoming, "lime", days=DAYS - 0.1)
    saved = await upload(box, incoming, "blue", unsaved_at=None)
    assert await sweep_uploads(box.db, DAYS) == 1
    assert await left(box) == {fresh.id, saved.id}
    await ledger.sweep(box.db, box.blobs, uploads.referenced(), untouched=0)
    for blob in (old.blob, old.thumbnail_256):
        with pytest.raises(NotFound):
            await box.blobs.get(blob)
    for image in (fresh, saved):
        assert await box.blobs.get(image.blob)
        assert await box.blobs.get(image.thumbnail_256)
    async with box.db.read() as connection:
        assert (await connection.execute(select(func.count()).select_from(image_texts))).scalar() == 2
    assert await sweep_uploads(box.db, DAYS) == 0


async def test_bytes_that_another_image_has_too_stay(box: Box, incoming: Incoming) -> None:
    await upload(box, incoming, "red")
    twin = await upload(box, incoming, "red", days=0)
    assert await sweep_uploads(box.db, DAYS) == 1
    await ledger.sweep(box.db, box.blobs, uploads.referenced(), untouched=0)
    assert await left(box) == {twin.id}
    assert await box.blobs.get(twin.blob)


async def test_a_use_gives_it_its_days_once_more(box: Box, incoming: Incoming) -> None:
    used = await upload(box, incoming, "red")
    await incoming.of_team(box.principal, used.id, "image")
    assert await sweep_uploads(box.db, DAYS) == 0
    async with box.db.write() as connection:
        await records.set_saved(connection, box.principal.team_id, used.id, saved=True)
        await records.set_saved(connection, box.principal.team_id, used.id, saved=False)
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
    task = asyncio.create_task(keep_swept(box.db, box.blobs, Settings))
    async with asyncio.timeout(20):
        while await left(box):
            await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert "could not be swept: gone" in caplog.text
