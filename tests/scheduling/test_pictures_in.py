"""Pictures that jobs work on: how the engine gets them, and what becomes of a job that has lost one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sqlalchemy import delete

from engines.contract import Size
from gateway.catalog import Settings
from gateway.db import across_teams
from gateway.errors import InvalidInput, WrongState
from gateway.fetch import Fetcher
from gateway.images.incoming import Incoming
from gateway.images.tables import images
from gateway.jobs.request import InputPicture
from gateway.jobs.submit import retried
from tests.fakes.fake_engine import read_journal
from tests.fakes.pictures import Colour, png
from tests.scheduling.conftest import Box, OpenBox

RED, BLUE, WHITE = (255, 0, 0), (0, 0, 255), (255, 255, 255)
MODEL = "max_references = 2\nmax_batch = 2"


async def kept(box: Box, colour: Colour = RED, width: int = 64, height: int = 64) -> InputPicture:
    data = png(np.full((height, width, 3), colour, np.uint8))
    incoming = Incoming(box.db, box.blobs, Fetcher(lambda: Settings().fetch), Settings)
    brought = await incoming.keep(box.principal, data, field="image")
    incoming.close()
    return InputPicture(blob=brought.blob, width=width, height=height, image=brought.id)


def given(box: Box) -> dict[str, Any]:
    last: dict[str, Any] = [call for call in read_journal(box.journal) if call["call"] == "run"][-1]["given"][0]
    return last


async def test_source_and_mask_are_scaled_and_references_are_not(open_box: OpenBox) -> None:
    box = await open_box(m=MODEL)
    source = await kept(box)
    job = await box.ask(
        capability="inpaint",
        source=source,
        mask=await kept(box, WHITE),
        references=(await kept(box, BLUE, 32, 40),),
        width=96,
        height=128,
    )
    assert (await box.until(job)).state == "succeeded"
    assert given(box) == {
        "source": [96, 128, *RED],
        "mask": [96, 128, 255],
        "references": [[32, 40, *BLUE]],
        "strength": 0.75,
    }
    assert [image.parent_id for image in await box.images(job)] == [source.image]
    assert job.request.size == Size(96, 128)


async def test_the_engine_sees_how_large_pictures_are_before_anything_is_queued(open_box: OpenBox) -> None:
    box = await open_box(m=MODEL)
    with pytest.raises(InvalidInput, match="at least 8 pixels") as caught:
        await box.ask(capability="image_to_image", source=await kept(box), references=(await kept(box, BLUE, 4, 64),))
    assert caught.value.field == "references"


async def test_a_job_that_lost_its_picture_fails_alone(open_box: OpenBox) -> None:
    box = await open_box(m=MODEL, start=False)
    lost, broken = await kept(box, WHITE), await kept(box, BLUE)
    bad = [await box.ask(capability="image_to_image", source=each) for each in (lost, broken)]
    good = await box.ask(capability="image_to_image", source=await kept(box))
    for picture in (lost, broken):
        await box.blobs.delete(picture.blob)
    await box.blobs.put(b"no picture", broken.blob)
    await box.start()
    for job in bad:
        ended = await box.until(job)
        assert (ended.state, ended.error_code, ended.attempt) == ("failed", "picture_gone", 1)
        assert ended.refunded == ended.charged
    assert (await box.until(good)).state == "succeeded"
    async with box.db.write() as connection:
        await connection.execute(across_teams(delete(images)).where(images.c.id == lost.image))
    with pytest.raises(WrongState, match="is gone"):
        await retried(box.db, box.principal, bad[0].id)
