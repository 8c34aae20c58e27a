"""The same code over other families: real pipelines of diffusers with tiny random weights."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from engines.contract import ImageReady, ImageRequest, ModelSpec, Picture, Pixels, Progress, Span
from engines.diffusers.engine import DiffusersEngine
from engines.diffusers.families import FAMILIES, Family, Guidance, Mode
from engines.suite import SuiteBatch

SIDE = 64
NOISE = np.random.default_rng(0).integers(0, 255, (SIDE, SIDE, 3), dtype=np.uint8)
LEFT = np.pad(np.full((SIDE, SIDE // 2), 255, np.uint8), ((0, 0), (0, SIDE // 2)))
PREVIEWED = {"small_decoder", "sdxl", "sd3", "flux", "z_image", "qwen"}
BLOCKS = "StableDiffusionXLAutoBlocks"
NAMES = ("small_decoder", "sdxl", "sd3", "flux", "z_image", "klein", "qwen")


@pytest.fixture(scope="module", params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def folder(name: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from engines.diffusers.quiet import hush, quiet

    with quiet():
        hush()
        from tests.engines.tiny import build

        return build(name, tmp_path_factory.mktemp("tiny") / name)


@pytest.fixture
def engine(name: str, folder: Path, new_engine: DiffusersEngine) -> DiffusersEngine:
    new_engine.load(ModelSpec(name, str(folder)), "cpu")
    return new_engine


def asked(name: str, capability: Any, **changes: Any) -> ImageRequest:
    request = ImageRequest(
        id="r",
        model=name,
        capability=capability,
        prompt="a circle",
        pictures=(Picture(0, 1),),
        width=SIDE,
        height=SIDE,
        steps=3,
        source=None if capability == "text_to_image" else NOISE,
        mask=LEFT if capability == "inpaint" else None,
    )
    return replace(request, **changes)


def run(engine: DiffusersEngine, *requests: ImageRequest, **batch: Any) -> list[Any]:
    seen: list[Any] = []
    engine.run(SuiteBatch(list(requests), **batch), "cpu", seen.append)
    return seen


def made(engine: DiffusersEngine, request: ImageRequest) -> Pixels:
    (event,) = (event for event in run(engine, request) if isinstance(event, ImageReady))
    assert event.pixels is not None
    return event.pixels


async def test_every_mode_makes_the_same_bytes_again(name: str, folder: Path, engine: DiffusersEngine) -> None:
    card = await engine.card(ModelSpec(name, str(folder)))
    for capability in card.capabilities:
        first = made(engine, asked(name, capability))
        assert first.shape == (SIDE, SIDE, 3)
        assert first.std() > 5
        assert (first == made(engine, asked(name, capability))).all()
        for sampler in card.samplers[1:2]:
            assert made(engine, asked(name, capability, sampler=sampler)).std() > 5


async def test_guidance_does_what_the_card_says(name: str, folder: Path, engine: DiffusersEngine) -> None:
    card = await engine.card(ModelSpec(name, str(folder)))
    plain = asked(name, "text_to_image")
    if card.guidance_scale is None:
        return
    assert (made(engine, replace(plain, guidance_scale=2.0)) != made(engine, replace(plain, guidance_scale=9.0))).any()
    if card.negative_prompt:
        strong = replace(plain, guidance_scale=9.0)
        assert (made(engine, strong) != made(engine, replace(strong, negative_prompt="bad"))).any()


async def test_mates_of_a_batch_do_not_change_the_picture(name: str, folder: Path, engine: DiffusersEngine) -> None:
    card = await engine.card(ModelSpec(name, str(folder)))
    one = asked(name, "text_to_image")
    other = replace(one, id="s", prompt="a much longer prompt about two squares", pictures=(Picture(0, 2),))
    together = {event.request: event.pixels for event in run(engine, one, other) if isinstance(event, ImageReady)}
    assert (engine.batch_key(one, card) is None) == (card.max_batch == 1)
    for request in (one, other):
        pixels = together[request.id]
        assert pixels is not None
        assert np.abs(pixels.astype(int) - made(engine, request).astype(int)).max() <= 2


def test_previews_come_where_the_latents_are_understood(name: str, engine: DiffusersEngine) -> None:
    seen = run(engine, asked(name, "text_to_image"), watched={"r"})
    frames = [event.preview for event in seen if isinstance(event, Progress)]
    assert (frames[0] is not None) == (name in PREVIEWED)


async def test_references_bite(name: str, folder: Path, engine: DiffusersEngine) -> None:
    card = await engine.card(ModelSpec(name, str(folder)))
    for capability in ("text_to_image", "image_to_image") if card.max_references else ():
        request = asked(name, capability)
        looking = replace(request, references=(255 - NOISE, np.tile(NOISE, (1, 2, 1))))
        assert (made(engine, request) != made(engine, looking)).any()


@pytest.mark.parametrize("name", ["sdxl"], indirect=True)
def test_a_modular_pipeline_runs_by_its_blocks(
    name: str, folder: Path, tmp_path: Path, new_engine: DiffusersEngine, monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    modular = "StableDiffusionXLModularPipeline"
    family = Family(
        title="SDXL, modular",
        modes={
            "text_to_image": Mode(pipeline=modular),
            "image_to_image": Mode(pipeline=modular, source="image", strength=True),
        },
        steps=Span(1, 50, 5),
        guidance=Guidance(argument="guider", kind="guider", span=Span(1, 20, 5)),
        negative_prompt=True,
        strength=Span(0.01, 1, 0.5),
        flow=False,
        modular=True,
    )
    monkeypatch.setitem(FAMILIES, modular, family)
    copy = Path(shutil.copytree(folder, tmp_path / "modular"))
    told = json.loads((copy / "model_index.json").read_text())
    parts = {key: value for key, value in told.items() if isinstance(value, list) and value[0]}
    spec = {"pretrained_model_name_or_path": str(copy), "revision": None, "variant": None}
    index = {
        key: [*value, {**spec, "subfolder": key, "type_hint": value}] for key, value in parts.items()
    }  # fmt: skip
    (copy / "model_index.json").unlink()
    (copy / "modular_model_index.json").write_text(json.dumps({"_class_name": modular, "_blocks_class_name": BLOCKS, **index}))
    new_engine.load(ModelSpec("m", str(copy)), "cpu")
    plain = asked("m", "text_to_image")
    assert (made(new_engine, plain) == made(new_engine, plain)).all()
    assert (made(new_engine, plain) != made(new_engine, replace(plain, guidance_scale=1.5))).any()
    assert (made(new_engine, plain) != made(new_engine, replace(plain, negative_prompt="bad"))).any()
    steps = [event for event in run(new_engine, asked("m", "image_to_image", steps=4)) if isinstance(event, Progress)]
    assert [event.step for event in steps] == list(range(1, len(steps) + 1))
    assert capfd.readouterr() == ("", "")
