"""One request on one server: what is sent, what is told of it, what comes back, and what is left behind."""

from __future__ import annotations

import asyncio
import io
import json
import re
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace
from PIL import Image

from engines.comfyui.options import ModelOptions
from engines.contract import (
    Done,
    EngineCrashed,
    EngineUnavailable,
    ImageReady,
    InvalidRequest,
    Loading,
    Lora,
    ModelUnusable,
    OutOfMemory,
    Progress,
    Size,
)
from engines.suite import SuiteBatch
from tests.engines.comfyui.conftest import Lane, opened, spec
from tests.fakes.comfyui import FakeComfy


async def test_what_is_sent_says_all_that_was_asked(lane: Lane) -> None:
    request = replace(
        await lane.request(seed=77, steps=6, sampler="Euler a"), prompt="a cat", negative_prompt="blurry", guidance_scale=3.5
    )
    await lane.run(request)
    (body,) = lane.fake.posted
    graph = body["prompt"]
    sampler = graph["3"]["inputs"]
    assert (sampler["seed"], sampler["steps"], sampler["cfg"]) == (77, 6, 3.5)
    assert (sampler["sampler_name"], sampler["scheduler"]) == ("euler_ancestral", "normal")
    assert (graph["6"]["inputs"]["text"], graph["7"]["inputs"]["text"]) == ("a cat", "blurry")
    assert graph["4"]["inputs"]["ckpt_name"] == "tiny-sd15.safetensors"
    assert body["partial_execution_targets"] == ["9"]
    assert body["extra_data"]["preview_method"] == "auto"
    assert body["prompt_id"] == str(uuid.UUID(body["prompt_id"]))


async def test_each_picture_is_a_prompt_with_its_seed_and_a_file_of_its_own(lane: Lane) -> None:
    request = await lane.request(ordinals=(0, 1, 2))
    run = await lane.run(request)
    inputs = [body["prompt"]["3"]["inputs"]["seed"] for body in lane.fake.posted]
    assert inputs == [picture.seed for picture in request.pictures]
    assert len({body["prompt"]["9"]["inputs"]["filename_prefix"] for body in lane.fake.posted}) == 3
    assert all(body["prompt"]["5"]["inputs"]["batch_size"] == 1 for body in lane.fake.posted)
    assert len({event.encoded for event in run.pictures(request)}) == 3


async def test_no_client_id_is_used_twice(lane: Lane) -> None:
    await lane.run(await lane.request())
    await lane.run(await lane.request())
    ids = [body["client_id"] for body in lane.fake.posted]
    assert len(set(ids)) == 2


async def test_the_same_again_is_made_again(lane: Lane) -> None:
    request = await lane.request()
    one = await lane.run(request)
    other = await lane.run(replace(request, id="another"))
    assert one.pictures(request)[0].encoded == other.pictures(replace(request, id="another"))[0].encoded
    assert len([name for name in lane.fake.files if name.startswith("output/")]) == 2


async def test_pictures_come_without_the_graph_that_the_server_wrote_into_them(lane: Lane) -> None:
    request = replace(await lane.request(), prompt="something private")
    run = await lane.run(request)
    assert b"something private" in next(data for name, data in lane.fake.files.items() if name.startswith("output/"))
    assert b"something private" not in (run.pictures(request)[0].encoded or b"")


async def test_progress_is_over_all_pictures_and_loading_is_told() -> None:
    async with opened(FakeComfy(step_seconds=0.02)) as lane:
        lane.fake.load_seconds = 0.3
        request = await lane.request(ordinals=(0, 1), steps=5)
        run = await lane.run(request)
        assert any(isinstance(event, Loading) for event in run.events)
        steps = [event.step for event in run.progress(request)]
        assert {event.total for event in run.progress(request)} == {10}
        assert steps == sorted(steps)
        assert steps[-1] > 5


@pytest.mark.parametrize("newer", [False, True])
async def test_previews_of_either_kind(newer: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not newer:
        monkeypatch.setattr("engines.comfyui.frames.FEATURES", "{}")
    async with opened(FakeComfy(step_seconds=0.05)) as lane:
        request = await lane.request(steps=6)
        run = await lane.run(request, watched={request.id})
        previews = [event.preview for event in run.progress(request) if event.preview is not None]
        assert previews
        assert previews[0].shape == (8, 8, 3)


async def test_sources_masks_and_references_are_uploaded(lane: Lane) -> None:
    request = await lane.request(capability="inpaint")
    run = await lane.run(request)
    (ready,) = run.pictures(request)
    graph = lane.fake.posted[0]["prompt"]
    assert re.fullmatch(r"darkroom/[0-9a-f]{32}\.png \[temp\]", graph["11"]["inputs"]["image"])
    assert graph["14"]["inputs"]["image"] != graph["11"]["inputs"]["image"]
    assert ready.encoded is not None
    with Image.open(io.BytesIO(ready.encoded)) as picture:
        made = np.array(picture.convert("RGB"))
    assert request.source is not None
    assert request.mask is not None
    kept = request.mask == 0
    assert (made[kept] == request.source[..., :3][kept]).all()
    assert not (made[~kept] == request.source[..., :3][~kept]).all()


async def test_uploads_can_be_kept() -> None:
    async with opened(uploads="input") as lane:
        await lane.run(await lane.request(capability="image_to_image"))
        assert lane.fake.posted[0]["prompt"]["11"]["inputs"]["image"].startswith("darkroom/")
        assert any(name.startswith("input/darkroom/") for name in lane.fake.files)


async def test_loras_are_put_behind_the_checkpoint(lane: Lane) -> None:
    request = replace(await lane.request(), loras=(Lora("ink", 0.8), Lora("oil", 0.5)))
    await lane.run(request)
    graph = lane.fake.posted[0]["prompt"]
    first, second = graph["darkroom_lora_1"]["inputs"], graph["darkroom_lora_2"]["inputs"]
    assert (first["lora_name"], first["model"], first["clip"]) == ("ink.safetensors", ["4", 0], ["4", 1])
    assert (second["lora_name"], second["model"]) == ("styles/Oil.safetensors", ["darkroom_lora_1", 0])
    assert graph["3"]["inputs"]["model"] == ["darkroom_lora_2", 0]
    assert graph["6"]["inputs"]["clip"] == ["darkroom_lora_2", 1]
    assert graph["8"]["inputs"]["vae"] == ["4", 2]


async def test_a_lora_that_is_not_there_is_refused_with_those_that_are(lane: Lane) -> None:
    with pytest.raises(InvalidRequest, match=r'no LoRA "inc".*Did you mean ink') as raised:
        await lane.run(replace(await lane.request(), loras=(Lora("inc"),)))
    assert raised.value.field == "loras"


async def test_memory_is_freed_before_a_try_that_saves(lane: Lane) -> None:
    request = await lane.request()
    await lane.run(request, saving=True)
    assert lane.fake.freed == [{"unload_models": True, "free_memory": True}]


# ------------------------------------------------------------------------------------------------ refusals and failures


async def test_a_missing_model_is_named_with_those_that_are_there(lane: Lane) -> None:
    model = spec(options=ModelOptions(checkpoint="missing.safetensors"))
    with pytest.raises(ModelUnusable, match=r"node 4 \(CheckpointLoaderSimple\): ckpt_name: the server has no 'missing.saf"):
        await lane.run(await lane.request(), model)
    assert lane.fake.history == {}


async def test_an_output_that_was_dropped_from_a_200_is_a_failure(lane: Lane) -> None:
    lane.fake.info["SaveImage"]["input"]["required"]["filename_prefix"] = [["only this"], {}]
    lane.fake.info["CLIPTextEncode"]["output_node"] = True
    body = await lane.request()
    answers: list[Any] = []
    prompt = lane.fake._prompt

    def spied(told: dict[str, Any]) -> dict[str, Any]:
        told.pop("partial_execution_targets")
        answers.append(prompt(told))
        return answers[-1]

    lane.fake._prompt = spied  # type: ignore[method-assign]
    with pytest.raises(ModelUnusable, match=r"node 9 \(SaveImage\): filename_prefix: the server has no"):
        await lane.run(body)
    assert answers[0]["node_errors"]
    assert "POST /queue" in lane.fake.asked


async def test_an_execution_error_names_the_node_and_no_path(lane: Lane) -> None:
    with pytest.raises(EngineCrashed, match=r"failed in node 3 \(KSampler\): RuntimeError: shape") as raised:
        await lane.run(replace(await lane.request(), prompt="broken"))
    assert "/srv/comfy-base" not in raised.value.message
    assert "x.safetensors" in raised.value.message


async def test_out_of_memory_is_told_as_that(lane: Lane) -> None:
    with pytest.raises(OutOfMemory, match="KSampler"):
        await lane.run(replace(await lane.request(), prompt="too large"))


async def test_a_prompt_that_others_stopped_is_tried_again(lane: Lane) -> None:
    def interrupt(batch: SuiteBatch, event: Any) -> None:
        if isinstance(event, Progress):
            lane.fake._interrupt({})

    with pytest.raises(EngineUnavailable, match="Somebody stopped this"):
        await lane.run(await lane.request(steps=60), watch=interrupt)


async def test_a_picture_of_another_size_is_made_to_fit_and_that_is_said(tmp_path: Path) -> None:
    graph = {
        "1": {"class_type": "EmptyImage", "inputs": {"width": 96, "height": 64, "batch_size": 1, "color": 7}},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "x"}},
    }
    (tmp_path / "fixed.json").write_text(json.dumps(graph))
    (tmp_path / "fixed.toml").write_text(
        'title = "Fixed"\ncapabilities = ["text_to_image"]\noutputs = ["2"]\n[inputs]\nprompt = "1.words"\n'
        '[limits]\nnative_sizes = ["96x64"]\n'
    )
    async with opened(workflows=str(tmp_path)) as lane:
        model = spec("fixed", ModelOptions(inputs={"1.color": 9}))
        card = await lane.engine.card(model)
        assert card.min_size == card.max_size == Size(96, 64)
        request = await lane.request("fixed", ModelOptions(), size=Size(64, 64))
        run = await lane.run(request, model)
        (ready,) = run.pictures(request)
        assert ready.pixels is not None
        assert ready.pixels.shape == (64, 64, 3)
        assert ready.parameters["delivered_size"] == "96x64"
        assert lane.fake.posted[0]["prompt"]["1"]["inputs"]["color"] == 9


# ------------------------------------------------------------------------------------------------ cancels


def cancel_at_step(batch: SuiteBatch, event: Any) -> None:
    if isinstance(event, Progress):
        batch.cancel(event.request)


@pytest.mark.parametrize("newer", [False, True])
async def test_a_cancel_stops_this_prompt_and_no_other(newer: bool) -> None:
    async with opened(FakeComfy(step_seconds=0.02, newer=newer)) as lane:
        request = await lane.request(ordinals=(0, 1), steps=100)
        run = await lane.run(request, watch=cancel_at_step)
        assert not [event for event in run.events if isinstance(event, ImageReady | Done)]
        await asyncio.sleep(0.1)
        assert not lane.fake.pending
        assert lane.fake.running is None
        assert len(lane.fake.executed) < 12
        if not newer:
            assert all(told and told["prompt_id"] for told in lane.fake.interrupts)


async def test_a_cancel_leaves_what_others_run(lane: Lane) -> None:
    """Ours still waits: nothing is interrupted, even on a server that would stop whatever runs."""
    other = await lane.request(steps=200)
    lane.fake.step_seconds = 0.02
    first = asyncio.create_task(lane.run(other))
    while not lane.fake.running:
        await asyncio.sleep(0.01)
    ours = await lane.request(steps=4)
    batch = SuiteBatch([ours])
    batch.model = spec()
    second = asyncio.create_task(_drain(lane, batch))
    while len(lane.fake.pending) < 1:
        await asyncio.sleep(0.01)
    batch.cancel(ours.id)
    await second
    assert lane.fake.interrupts == []
    assert lane.fake.pending == []
    assert lane.fake.running is not None
    lane.fake._interrupt({})
    with pytest.raises(EngineUnavailable):
        await first


async def _drain(lane: Lane, batch: SuiteBatch) -> None:
    async for _ in lane.engine.generate(batch, lane.name):
        pass


# ------------------------------------------------------------------------------------------------ keys


async def test_a_proxy_gets_its_key_over_http_and_socket() -> None:
    async with opened(FakeComfy(key="Bearer s3cret"), key="COMFY_KEY") as lane:
        lane.engine.secret = lambda name: {"COMFY_KEY": "s3cret", "": ""}[name]  # type: ignore[method-assign]
        request = await lane.request()
        run = await lane.run(request)
        assert run.progress(request)


async def test_a_wrong_key_is_told_without_it() -> None:
    async with opened(FakeComfy(key="Bearer other"), key="COMFY_KEY") as lane:
        lane.engine.secret = lambda name: "s3cret"  # type: ignore[method-assign]
        health = await lane.engine.health(lane.name)
        assert not health.ok
        assert "401" in health.reason
        assert "s3cret" not in health.reason
