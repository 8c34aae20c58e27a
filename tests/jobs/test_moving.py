"""A job as another model would run it: what was said stays, what was left open is filled in anew."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from engines.contract import Size
from gateway.errors import InvalidInput
from gateway.jobs.moving import models_tried, moved
from gateway.jobs.open_model import MovedFrom
from gateway.jobs.records import Job
from gateway.jobs.request import InputPicture, Submission
from gateway.jobs.submit import draft
from tests.fakes.fake_engine import REFUSED
from tests.jobs.conftest import Box, OpenBox

WHY = MovedFrom(model="m", code="engine_unavailable", message="It is away.", at=1)
MOST = 20_000_000
FIRST, SECOND = InputPicture(blob="a", width=64, height=64), InputPicture(blob="b", width=64, height=64)


def job(box: Box, model: str = "m", **more: Any) -> Job:
    asked = {"surface": "tasks", "capability": "text_to_image", "prompt": "a cat", "model": "auto", **more}
    return draft(box.models.offers[model], box.principal, Submission(**asked), box.models.catalog)


@pytest.fixture
async def box(open_box: OpenBox) -> Box:
    return await open_box(
        m='natives = [[128, 128]]\ndefaults = { steps = 4, guidance_scale = 1.0, negative_prompt = "blurry" }',
        other='natives = [[256, 192]]\ndefaults = { steps = 30, sampler = "DPM++ 2M" }',
        plain="repeatable = false",
        looks="takes_source = false\nmax_references = 3",
        few="limits = { max_images = 1 }",
        small='limits = { max_size = "64x64" }',
        start=False,
    )


def test_what_was_left_open_is_the_other_models(box: Box) -> None:
    before = job(box)
    after = moved(before, box.models.offers["other"], WHY, MOST)
    assert (before.request.steps, before.request.guidance_scale, before.request.negative_prompt) == (4, 1.0, "blurry")
    assert (after.request.steps, after.request.guidance_scale, after.request.negative_prompt) == (30, 5.0, "")
    assert (after.request.sampler, after.request.size) == ("DPM++ 2M", Size(256, 192))
    assert (after.model, after.revision) == ("other", box.models.offers["other"].entry.revision)
    assert after.request.moved_from == (WHY,)
    assert after.request.said == before.request.said
    assert (after.id, after.price, after.charged) == (before.id, before.price, before.charged)


def test_what_was_said_stays(box: Box) -> None:
    said = {"steps": 9, "guidance_scale": 3.0, "sampler": "Euler", "seed": 7, "negative_prompt": "fog"}
    before = job(box, **said, width=128, height=128, n=2, title="Cat", tags=("pet",), bulk=True, output_format="webp")
    after = moved(before, box.models.offers["other"], WHY, MOST)
    kept = after.request
    assert {name: getattr(kept, name) for name in said} == said
    assert (kept.size, kept.title, kept.tags, kept.output_format) == (Size(128, 128), "Cat", ("pet",), "webp")
    assert (after.pictures, after.bulk) == (2, True)


def test_a_seed_that_was_drawn_is_drawn_anew_or_not_at_all(box: Box) -> None:
    before = job(box)
    assert before.request.seed is not None
    assert moved(before, box.models.offers["plain"], WHY, MOST).request.seed is None
    back = moved(moved(before, box.models.offers["plain"], WHY, MOST), box.models.offers["other"], WHY, MOST)
    assert back.request.seed is not None
    assert len(back.request.moved_from) == 2


@pytest.mark.parametrize(
    ("to", "asked", "field"),
    [
        ("plain", {"seed": 7}, "seed"),
        ("few", {"n": 2}, "n"),
        ("small", {"width": 128, "height": 128}, "size"),
        ("looks", {"capability": "inpaint", "source": FIRST, "mask": FIRST, "references": (SECOND,) * 4}, "references"),
    ],
)
def test_who_cannot_is_told_apart(box: Box, to: str, asked: dict[str, Any], field: str) -> None:
    offer = box.models.offers["m"]
    offer = replace(offer, card=replace(offer.card, max_references=4))
    wanted = Submission(**{"surface": "tasks", "capability": "text_to_image", "prompt": "a cat", "model": None, **asked})
    before = draft(offer, box.principal, wanted, box.models.catalog)
    with pytest.raises(InvalidInput) as raised:
        moved(before, box.models.offers[to], WHY, MOST)
    assert raised.value.field == field


def test_what_the_engine_itself_refuses_too(box: Box) -> None:
    before = job(box)
    before = replace(before, request=replace(before.request, prompt=REFUSED))
    with pytest.raises(InvalidInput, match="does not take"):
        moved(before, box.models.offers["other"], WHY, MOST)


def test_pictures_are_handed_in_as_the_other_takes_them(box: Box) -> None:
    before = job(box, capability="image_to_image", source=FIRST, width=128, height=128)
    after = moved(before, box.models.offers["looks"], WHY, MOST).request
    assert (after.source, after.references) == (None, (FIRST,))
    assert after.pictures == before.request.pictures


def test_pictures_that_are_there_keep_their_size(box: Box) -> None:
    before = replace(job(box, n=2), stored=1)
    assert moved(before, box.models.offers["other"], WHY, MOST).request.size == before.request.size == Size(128, 128)


def test_a_model_that_was_named_is_not_open(box: Box) -> None:
    assert job(box).request.said is not None
    named = Submission(surface="tasks", capability="text_to_image", prompt="a cat", model="m")
    assert draft(box.models.offers["m"], box.principal, named, box.models.catalog).request.said is None


def test_who_had_it(box: Box) -> None:
    before = job(box)
    assert models_tried(before) == {"m"}
    assert models_tried(moved(before, box.models.offers["other"], WHY, MOST)) == {"m", "other"}
