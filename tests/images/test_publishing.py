"""The public gallery: everyone gets a copy without private data, and nothing else opens by a public address."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from sqlalchemy import event, update

from gateway.accounts import Principal
from gateway.db import Database, across_teams, now
from gateway.errors import NotFound, WrongState
from gateway.images import publishing, records
from gateway.images.image import Image as Kept
from gateway.images.incoming import Incoming
from gateway.images.labels import label
from gateway.images.publishing import Published
from gateway.images.tables import images
from gateway.jobs.leftovers import sweep_blobs
from gateway.storage import BlobStore


def picture(form: str = "PNG") -> bytes:
    notes, out = PngInfo(), io.BytesIO()
    notes.add_text("parameters", "a secret prompt")
    pixels = np.random.default_rng(1).integers(0, 256, (32, 48, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(out, form, **({"pnginfo": notes} if form == "PNG" else {"comment": b"a secret prompt"}))
    return out.getvalue()


@pytest.fixture
async def image(database: Database, incoming: Incoming, principal: Principal) -> Kept:
    kept = await incoming.keep(principal, picture(), field="file")
    async with database.write() as connection:
        return await label(connection, principal.team_id, kept.id, saved=True)


async def test_the_copy_has_the_pixels_and_nothing_private(database: Database, blobs: BlobStore, image: Kept) -> None:
    shown = await publishing.publish(database, blobs, image.team_id, image.id)
    assert shown.public_blob not in (None, image.blob)
    await sweep_blobs(database, blobs, untouched=-1)
    original, copy = await blobs.get(image.blob), await blobs.get(str(shown.public_blob))
    assert b"a secret prompt" in original
    assert b"a secret prompt" not in copy
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(original))), np.asarray(Image.open(io.BytesIO(copy))))
    assert await publishing.publish(database, blobs, image.team_id, image.id) == shown
    async with database.read() as connection:
        assert await publishing.public(connection, limit=9) == [shown]


async def test_what_is_withdrawn_is_let_go(database: Database, blobs: BlobStore, image: Kept) -> None:
    shown = await publishing.publish(database, blobs, image.team_id, image.id)
    await publishing.set_public(database, blobs, image.team_id, image.id, public=False)
    await sweep_blobs(database, blobs, untouched=-1)
    with pytest.raises(NotFound):
        await blobs.get(str(shown.public_blob))
    async with database.read() as connection:
        assert await publishing.public(connection, limit=9) == []
        assert await records.get(connection, image.team_id, image.id) == image


async def test_a_public_address_opens_the_copy_and_the_thumbnails_only(
    database: Database, blobs: BlobStore, image: Kept
) -> None:
    shown = await publishing.publish(database, blobs, image.team_id, image.id)
    published = Published(database)
    for blob in (str(shown.public_blob), image.thumbnail_256):
        await published.require(image.id, blob)
    for image_id, blob in ((image.id, image.blob), (image.id, ""), ("another", image.thumbnail_256)):
        with pytest.raises(NotFound):
            await published.require(image_id, blob)
    await publishing.set_public(database, blobs, image.team_id, image.id, public=False)
    await published.require(image.id, image.thumbnail_256)
    published.forget(image.id)
    with pytest.raises(NotFound):
        await published.require(image.id, image.thumbnail_256)


async def test_what_was_published_before_there_were_copies_is_caught_up_with(
    database: Database,
    blobs: BlobStore,
    image: Kept,
    incoming: Incoming,
    principal: Principal,
    caplog: pytest.LogCaptureFixture,
) -> None:
    broken = await incoming.keep(principal, picture("GIF"), field="file")
    await blobs.delete(broken.blob)
    values = {"published_at": now(), "unsaved_at": None}
    async with database.write() as connection:
        await connection.execute(across_teams(update(images)).values(values))
        assert await publishing.public(connection, limit=9) == []
    await publishing.catch_up(database, blobs)
    async with database.read() as connection:
        (shown,) = await publishing.public(connection, limit=9)
        assert (await records.get(connection, principal.team_id, broken.id)).published_at is None
    assert shown.id == image.id
    assert shown.published_at == values["published_at"]
    assert b"a secret prompt" not in await blobs.get(str(shown.public_blob))
    assert f"image {broken.id} is in the public gallery no more" in caplog.text
    await publishing.catch_up(database, blobs)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_start_reads_nothing_of_what_has_its_copy(database: Database, blobs: BlobStore) -> None:
    asked: list[tuple[str, Any]] = []
    engine = database._reader.sync_engine

    def see(*given: Any) -> None:
        asked.append((given[2], given[3]))

    event.listen(engine, "before_cursor_execute", see)
    await publishing.catch_up(database, blobs)
    event.remove(engine, "before_cursor_execute", see)
    async with database.read() as connection:
        ((told, given),) = asked
        plan = [row.detail for row in await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {told}", given)]
    assert len(plan) == 1
    assert "ix_images_uncopied (id<?)" in plan[0]


async def test_what_cannot_be_published(database: Database, blobs: BlobStore, image: Kept) -> None:
    async with database.write() as connection:
        await records.alter(connection, [image], deleted_at=now())
    with pytest.raises(WrongState):
        await publishing.publish(database, blobs, image.team_id, image.id)
    with pytest.raises(NotFound):
        await publishing.publish(database, blobs, "another team", image.id)


async def test_an_upload_that_nobody_saved_is_nothing_to_publish(
    database: Database, blobs: BlobStore, incoming: Incoming, principal: Principal
) -> None:
    """It goes by itself some days later, and no list of its own team has it."""
    upload = await incoming.keep(principal, picture(), field="file")
    with pytest.raises(WrongState, match="not saved"):
        await publishing.publish(database, blobs, upload.team_id, upload.id)


async def test_publishing_twice_at_once(database: Database, blobs: BlobStore, image: Kept) -> None:
    made = await asyncio.gather(*(publishing.publish(database, blobs, image.team_id, image.id) for _ in range(4)))
    assert len({each.public_blob for each in made}) == 1
