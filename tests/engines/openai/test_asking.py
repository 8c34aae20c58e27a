"""What is sent: the parameters of each family, pictures and masks; what comes back: pictures as delivered, usage, cost."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from engines.contract import Done, ImageReady, InvalidRequest, ModelSpec, ModelUnusable, Progress, Size
from engines.openai.engine import OpenAIEngine
from engines.openai.options import ModelOptions, Prices
from engines.suite import Run
from tests.engines.openai.conftest import Open
from tests.fakes.openai_images import KEY, OpenAIImages, painted_share

Make = Callable[..., Any]
RED = np.full((1024, 1024, 3), (200, 10, 10), np.uint8)


def done(run: Run) -> Done:
    (end,) = [event for event in run.events if isinstance(event, Done)]
    return end


async def test_a_generation_says_what_was_asked_and_nothing_else(
    engine: OpenAIEngine, upstream: OpenAIImages, make: Make
) -> None:
    run = await make(engine, ordinals=(0, 1), prompt="two cats")
    (asked,) = upstream.asked
    assert asked.path == "/v1/images/generations"
    assert asked.fields == {"model": "gpt-image-2", "prompt": "two cats", "n": 2, "size": "1024x1024"}
    ready = [event for event in run.events if isinstance(event, ImageReady)]
    assert [event.encoded for event in ready] == upstream.delivered, "bytes as delivered"
    assert [event.ordinal for event in ready] == [0, 1]
    assert ready[0].seed is None
    assert ready[0].parameters["quality"] == "medium"
    assert done(run).upstream_id == "req_1"


async def test_what_the_entry_says_is_sent(engine: OpenAIEngine, upstream: OpenAIImages, make: Make) -> None:
    own = ModelOptions(
        quality="high", background="transparent", output_format="webp", output_compression=80, moderation="low",
        extra_body={"user": "team-7"},
    )  # fmt: skip
    await make(engine, own=own)
    fields = upstream.asked[0].fields
    expected = {"quality": "high", "background": "transparent", "output_format": "webp", "output_compression": 80}
    assert fields.items() >= {**expected, "moderation": "low", "user": "team-7"}.items()


async def test_what_the_caller_chooses_goes_before_what_the_entry_leaves_open(
    engine: OpenAIEngine, upstream: OpenAIImages, make: Make
) -> None:
    choices = {"quality": "low", "background": "transparent"}
    run = await make(engine, own=ModelOptions(quality="auto", background="auto"), choices=choices)
    assert upstream.asked[0].fields.items() >= choices.items()
    (ready,) = [event for event in run.events if isinstance(event, ImageReady)]
    assert ready.parameters["background"] == "transparent"
    fidelity = {"input_fidelity": "high"}
    await make(engine, "gpt-image-1.5", capability="image_to_image", source=RED, choices=fidelity)
    assert upstream.asked[1].fields["input_fidelity"] == "high"


BACKGROUNDS = ("opaque", "transparent")


@pytest.mark.parametrize(
    ("source", "own", "choices"),
    [
        ("gpt-image-2", ModelOptions(), {"quality": ("low", "medium", "high"), "background": BACKGROUNDS}),
        ("gpt-image-2", ModelOptions(quality="auto", background="auto"),
         {"quality": ("low", "medium", "high"), "background": BACKGROUNDS}),
        ("gpt-image-2", ModelOptions(quality="low", background="opaque"), {"quality": ("low",), "background": ("opaque",)}),
        ("gpt-image-2", ModelOptions(quality="low", output_format="jpeg"), {"quality": ("low",), "background": ("opaque",)}),
        ("gpt-image-1.5", ModelOptions(quality="low", background="opaque"),
         {"quality": ("low",), "background": ("opaque",), "input_fidelity": ("low", "high")}),
        ("dall-e-3", ModelOptions(like="dall-e-3"), {"quality": ("standard", "hd"), "style": ("vivid", "natural")}),
        ("their-model", ModelOptions(like="other"), {}),
        ("their-model", ModelOptions(like="other", background="transparent"), {"background": ("transparent",)}),
    ],
)  # fmt: skip
async def test_the_card_offers_what_the_entry_leaves_open(
    engine: OpenAIEngine, source: str, own: ModelOptions, choices: dict[str, tuple[str, ...]]
) -> None:
    assert (await engine.card(ModelSpec("m", source, options=own))).choices == choices


async def test_an_edit_sends_the_source_first_then_the_references(
    engine: OpenAIEngine, upstream: OpenAIImages, make: Make
) -> None:
    references = tuple(np.full((64, 64, 3), shade, np.uint8) for shade in range(15))
    own = ModelOptions(quality="low", input_fidelity="high", moderation="low")
    await make(engine, "gpt-image-1.5", capability="image_to_image", source=RED, references=references, own=own)
    (asked,) = upstream.asked
    assert asked.path == "/v1/images/edits"
    assert len(asked.images) == 16
    assert len({hashlib.sha256(each).digest() for each in asked.images}) == 16
    assert asked.mask is None
    assert asked.fields["input_fidelity"] == "high"
    assert "moderation" not in asked.fields, "edits have no such parameter"


async def test_the_source_counts_among_the_sixteen(engine: OpenAIEngine, make: Make) -> None:
    with pytest.raises(InvalidRequest, match="takes 16 pictures, the one that is changed among them, not 17") as raised:
        await make(engine, capability="image_to_image", source=RED, references=(RED,) * 16)
    assert raised.value.field == "references"


async def test_references_alone_are_an_edit_too(engine: OpenAIEngine, upstream: OpenAIImages, make: Make) -> None:
    await make(engine, capability="image_to_image", source=None, references=(RED,))
    assert upstream.asked[0].path == "/v1/images/edits"
    assert len(upstream.asked[0].images) == 1


async def test_white_in_our_mask_is_transparent_in_theirs(engine: OpenAIEngine, upstream: OpenAIImages, make: Make) -> None:
    mask = np.zeros((1024, 1024), np.uint8)
    mask[:256] = 255
    mask[256:300] = 100  # less than half: stays
    await make(engine, capability="inpaint", mask=mask)
    sent = upstream.asked[0].mask
    assert sent is not None
    assert painted_share(sent) == 0.25


async def test_a_size_that_is_not_on_the_list_is_cut_from_the_next_larger_one(
    engine: OpenAIEngine, upstream: OpenAIImages, make: Make
) -> None:
    run = await make(engine, "gpt-image-1.5", size=Size(1280, 1024))
    assert upstream.asked[0].fields["size"] == "1536x1024"
    (ready,) = [event for event in run.events if isinstance(event, ImageReady)]
    assert ready.pixels is not None
    assert ready.pixels.shape[:2] == (1024, 1280)
    assert ready.parameters["delivered_size"] == "1536x1024"


@pytest.mark.parametrize(
    ("source", "size", "says"),
    [
        ("gpt-image-1-mini", Size(1536, 1536), "more than this model makes: 1024x1024"),
        ("gpt-image-2", Size(3840, 3840), "655360 to 8294400 pixels"),
        ("gpt-image-2", Size(640, 640), "655360 to 8294400 pixels"),
        ("gpt-image-2", Size(3840, 1024), "3 times the other"),
    ],
)
async def test_sizes_that_cannot_be_made_are_refused_before_the_queue(
    engine: OpenAIEngine, make: Make, source: str, size: Size, says: str
) -> None:
    with pytest.raises(InvalidRequest, match=says):
        await make(engine, source, size=size)


async def test_who_watches_sees_partial_pictures(engine: OpenAIEngine, upstream: OpenAIImages, make: Make) -> None:
    run = await make(engine, watched=True)
    assert upstream.asked[0].fields.items() >= {"stream": True, "partial_images": 2}.items()
    progress = [event for event in run.events if isinstance(event, Progress)]
    assert [(event.step, event.total) for event in progress] == [(1, 3), (2, 3)]
    assert all(event.preview is not None and max(event.preview.shape) <= 512 for event in progress)
    (ready,) = [event for event in run.events if isinstance(event, ImageReady)]
    assert ready.encoded == upstream.delivered[0]
    assert (done(run).usage or {})["cost_usd"] > 0


async def test_fewer_partial_pictures_than_asked_are_no_fault(engine: OpenAIEngine, upstream: OpenAIImages, make: Make) -> None:
    upstream.partials = 0
    run = await make(engine, watched=True, capability="inpaint", own=ModelOptions(partial_images=3))
    assert not [event for event in run.events if isinstance(event, Progress)]
    assert done(run)


@pytest.mark.parametrize(("ordinals", "partial"), [((0, 1), 2), ((0,), 0)], ids=["two pictures", "switched off"])
async def test_without_previews_nothing_is_streamed(
    engine: OpenAIEngine, upstream: OpenAIImages, make: Make, ordinals: tuple[int, ...], partial: int
) -> None:
    await make(engine, watched=True, ordinals=ordinals, own=ModelOptions(partial_images=partial))
    assert "stream" not in upstream.asked[0].fields


async def test_fewer_pictures_than_asked_are_handed_over(engine: OpenAIEngine, upstream: OpenAIImages, make: Make) -> None:
    upstream.delivers = 2
    run = await make(engine, ordinals=(0, 1, 2))
    assert [event.ordinal for event in run.events if isinstance(event, ImageReady)] == [0, 1]
    assert done(run)


@pytest.mark.parametrize(
    ("own", "capability", "cost"),
    [
        (ModelOptions(), "text_to_image", (10 * 5 + 1000 * 30) / 1e6),
        (ModelOptions(), "image_to_image", (10 * 5 + 300 * 8 + 1000 * 30) / 1e6),
        (ModelOptions(prices=Prices(image_output=1.0)), "text_to_image", 0.001),
    ],
)
async def test_the_cost_is_what_the_usage_comes_to(
    engine: OpenAIEngine, make: Make, own: ModelOptions, capability: str, cost: float
) -> None:
    usage = done(await make(engine, own=own, capability=capability)).usage
    assert usage is not None
    assert usage["cost_usd"] == pytest.approx(cost, abs=1e-6)
    assert usage["output_tokens"] == 1000


async def test_another_server_takes_its_own_parameters_and_a_call_for_each_seed(engines: Open, make: Make) -> None:
    upstream = OpenAIImages(models=["flux"], key="none")
    upstream.takes_anything = True
    engine = engines(upstream, api_key="", base_url="http://vllm.example/v1", paid=False)
    own = ModelOptions(
        parameters={"seed": "seed", "steps": "num_inference_steps", "negative_prompt": "negative_prompt"},
        extra_body={"lora": "pixel"},
    )  # fmt: skip
    model = ModelSpec("flux", "flux", options=own)
    card = await engine.card(model)
    assert card.seeds
    assert card.replay == "safe"
    run = await make(engine, "flux", own=own, ordinals=(0, 1), seed=7, size=Size(256, 128), negative_prompt="blurry")
    assert [each.fields["seed"] for each in upstream.asked] == [7, 8]
    first = upstream.asked[0].fields
    assert first.items() >= {"num_inference_steps": 4, "negative_prompt": "blurry", "lora": "pixel"}.items()
    assert first["response_format"] == "b64_json"
    assert (done(run).usage or {})["output_tokens"] == 2000
    assert "authorization" in upstream.asked[0].headers
    assert KEY not in upstream.asked[0].headers["authorization"]


@pytest.mark.parametrize(
    ("source", "own", "says"),
    [
        ("dall-e-3", ModelOptions(), 'took "dall-e-3" down on 2026-05-12; use "gpt-image-2"'),
        ("gpt-image-1", ModelOptions(), "down on 2026-10-23"),
        ("whatever", ModelOptions(), "name one of gpt-image-1"),
        ("gpt-image-2", ModelOptions(quality="xhigh"), 'no quality "xhigh"; it has auto, low'),
        ("gpt-image-1-mini", ModelOptions(input_fidelity="high"), "it has low"),
        ("gpt-image-2", ModelOptions(input_fidelity="low"), "leave it out"),
        ("gpt-image-2", ModelOptions(style="vivid"), "takes no style"),
        ("mine", ModelOptions(like="gpt-9"), "no model that is known here"),
    ],
)
async def test_what_an_entry_cannot_say_makes_its_model_unusable(
    engine: OpenAIEngine, source: str, own: ModelOptions, says: str
) -> None:
    with pytest.raises(ModelUnusable, match=says):
        await engine.card(ModelSpec("x", source, options=own))


@pytest.mark.parametrize(
    ("source", "own", "name"),
    [
        ("gpt-image-2-2026-04-21", ModelOptions(), "gpt-image-2"),
        ("gpt-image-2.5-flare-2026-09-08", ModelOptions(), "gpt-image-2.5"),
        ("gpt-image-1-mini", ModelOptions(), "gpt-image-1-mini"),
        ("mine", ModelOptions(like="dall-e-3"), "dall-e-3"),
        ("unknown", ModelOptions(like="other"), "other"),
    ],
)
async def test_snapshots_have_the_card_of_their_model(engine: OpenAIEngine, source: str, own: ModelOptions, name: str) -> None:
    from engines.openai.cards import catalogue, known

    assert known(ModelSpec("x", source, options=own), engine.options) is catalogue()[name]
