"""Cards are read from files, without torch; what they say of the dot model and of models that are not here yet."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from msgspec.structs import replace

from engines.contract import ImageRequest, InvalidRequest, ModelCard, ModelSpec, ModelUnusable, Picture, Size
from engines.diffusers.engine import DiffusersEngine
from engines.diffusers.options import ModelOptions, Options

HALF = np.pad(np.full((32, 16), 255, np.uint8), ((0, 0), (0, 16)))
GREY = np.full((32, 32, 3), 128, np.uint8)


@pytest.fixture
async def card(new_engine: DiffusersEngine, dot: ModelSpec) -> ModelCard:
    return await new_engine.card(dot)


def asked(**changes: Any) -> ImageRequest:
    request = ImageRequest(
        id="r", model="dot", capability="text_to_image", prompt="a dot", pictures=(Picture(0, 1),), width=32, height=32
    )
    return replace(request, **changes)


def test_the_card_of_dot(card: ModelCard) -> None:
    assert card.capabilities == ("text_to_image", "image_to_image", "inpaint")
    assert card.native_sizes == (Size(32, 32), Size(32, 48), Size(48, 32))
    assert (card.min_size, card.max_size, card.size_multiple) == (Size(16, 16), Size(64, 64), 8)
    assert card.samplers[0] == "PLMS"
    assert {"Euler a", "DPM++ 2M Karras", "UniPC"} <= set(card.samplers)
    assert card.negative_prompt
    assert card.replay == "safe"
    assert card.memory_bytes == pytest.approx(580_000, rel=0.02)


@pytest.mark.parametrize(
    ("options", "share"),
    [({"dtype": "float32"}, 2.0), ({"offload": "sequential"}, None), ({"without": ("unet",)}, 0.3)],
)
async def test_memory_follows_the_entry(
    new_engine: DiffusersEngine, dot: ModelSpec, card: ModelCard, options: dict[str, Any], share: float | None
) -> None:
    changed = await new_engine.card(replace(dot, options=ModelOptions(**options)))
    expected = None if share is None else pytest.approx(share * (card.memory_bytes or 0), rel=0.1)
    assert changed.memory_bytes == expected


async def test_a_scheduler_of_no_known_name_leaves_no_choice(
    new_engine: DiffusersEngine, dot_folder: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(dot_folder, tmp_path / "copy"))
    (folder / "scheduler/scheduler_config.json").write_text(json.dumps({"_class_name": "EDMEulerScheduler"}))
    assert (await new_engine.card(ModelSpec("copy", str(folder)))).samplers == ()


@pytest.mark.parametrize(
    ("hub", "steps", "references"),
    [("Tongyi-MAI/Z-Image-Turbo", 50, 0), ("black-forest-labs/FLUX.2-klein-4B", 50, 4), ("Qwen/Qwen-Image-2512", 50, 0)],
)
async def test_a_known_hub_id_has_a_card_before_it_is_here(tmp_path: Path, hub: str, steps: int, references: int) -> None:
    engine = DiffusersEngine("diffusers", Options(cache=str(tmp_path)))
    card = await engine.card(ModelSpec("big", hub))
    assert card.steps is not None
    assert (card.steps.default, card.max_references, card.memory_bytes) == (steps, references, None)
    assert card.native_sizes


async def test_what_is_offline_offers_only_what_is_here(tmp_path: Path) -> None:
    engine = DiffusersEngine("diffusers", Options(cache=str(tmp_path), offline=True))
    with pytest.raises(ModelUnusable, match="set to be offline"):
        await engine.card(ModelSpec("big", "Tongyi-MAI/Z-Image-Turbo"))


def test_whether_it_is_here(new_engine: DiffusersEngine, dot: ModelSpec, dot_folder: Path, tmp_path: Path) -> None:
    assert new_engine.is_here(dot)
    engine = DiffusersEngine("diffusers", Options(cache=str(tmp_path)))
    hub = ModelSpec("dot", "me/dot")
    assert not engine.is_here(hub)
    repository = tmp_path / "models--me--dot"
    folder = Path(shutil.copytree(dot_folder, repository / "snapshots" / "abc"))
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("abc")
    weights = next((folder / "unet").glob("*.safetensors"))
    weights.rename(tmp_path / "later")
    assert not engine.is_here(hub), "its download broke off"
    (tmp_path / "later").rename(weights)
    assert engine.is_here(hub)


async def test_an_unknown_hub_id_needs_its_family_told(tmp_path: Path) -> None:
    engine = DiffusersEngine("diffusers", Options(cache=str(tmp_path)))
    with pytest.raises(ModelUnusable, match="family"):
        await engine.card(ModelSpec("big", "nobody/nothing"))
    card = await engine.card(ModelSpec("big", "nobody/nothing", options=ModelOptions(family="FluxPipeline")))
    assert not card.negative_prompt


@pytest.mark.parametrize(
    ("index", "config", "guided", "negative", "steps"),
    [
        ("FluxPipeline", {"guidance_embeds": True}, True, False, 28),
        ("FluxPipeline", {"guidance_embeds": False}, False, False, 28),
        ("Krea2Pipeline", {}, True, True, 28),
        ("Krea2Pipeline is_distilled", {}, False, False, 8),
        ("Flux2KleinPipeline is_distilled", {}, False, False, 4),
    ],
)
async def test_distilled_weights_have_no_guidance(
    new_engine: DiffusersEngine, tmp_path: Path, index: str, config: dict[str, Any], guided: bool, negative: bool, steps: int
) -> None:
    name, _, flag = index.partition(" ")
    (tmp_path / "transformer").mkdir()
    (tmp_path / "scheduler").mkdir()
    (tmp_path / "transformer/config.json").write_text(json.dumps(config))
    (tmp_path / "scheduler/scheduler_config.json").write_text('{"_class_name": "FlowMatchEulerDiscreteScheduler"}')
    (tmp_path / "model_index.json").write_text(json.dumps({"_class_name": name} | ({flag: True} if flag else {})))
    card = await new_engine.card(ModelSpec("m", str(tmp_path)))
    assert (card.guidance_scale is not None, card.negative_prompt) == (guided, negative)
    assert card.steps is not None
    assert card.steps.default == steps
    assert card.samplers[0] == "Euler"


@pytest.mark.parametrize(("side", "native"), [(128, Size(1024, 1024)), (64, Size(512, 512))])
async def test_sdxl_of_another_size_is_told_by_its_denoiser(
    new_engine: DiffusersEngine, tmp_path: Path, side: int, native: Size
) -> None:
    for part, told in (("unet", {"sample_size": side}), ("vae", {"block_out_channels": [1, 2, 4, 4]})):
        (tmp_path / part).mkdir()
        (tmp_path / part / "config.json").write_text(json.dumps(told))
    (tmp_path / "model_index.json").write_text('{"_class_name": "StableDiffusionXLPipeline"}')
    assert (await new_engine.card(ModelSpec("m", str(tmp_path)))).native_sizes[0] == native


# ---------------------------------------------------------------------------------- checks and keys


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"capability": "upscale"}, "capability"),
        ({"capability": "image_to_image"}, "source"),
        ({"capability": "image_to_image", "source": GREY[:16]}, "source"),
        ({"capability": "inpaint", "source": GREY}, "mask"),
        ({"capability": "inpaint", "source": GREY, "mask": HALF[:16]}, "mask"),
        ({"capability": "inpaint", "source": GREY, "mask": HALF * 0}, "mask"),
        ({"sampler": "Eular"}, "sampler"),
        ({"references": (GREY,)}, "references"),
        ({"references": (np.zeros((64, 640, 3), np.uint8),)}, "references"),
        ({"sampler": "LCM", "steps": 51}, "steps"),
    ],
)
def test_what_makes_no_sense_is_refused(
    new_engine: DiffusersEngine, card: ModelCard, changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        new_engine.check(asked(**changes), card)
    assert caught.value.field == field


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"sampler": "k_euler_a"},
        {"capability": "image_to_image", "source": GREY, "strength": 0.01},
        {"capability": "inpaint", "source": GREY, "mask": HALF},
        {"sampler": "LCM", "steps": 50},
    ],
)
def test_what_makes_sense_is_not(new_engine: DiffusersEngine, card: ModelCard, changes: dict[str, Any]) -> None:
    new_engine.check(asked(**changes), card)


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({"prompt": "another", "pictures": (Picture(0, 9), Picture(1, 10)), "id": "s", "attempt": 3}, True),
        ({"width": 40}, False),
        ({"steps": 7}, False),
        ({"guidance_scale": 2.0}, False),
        ({"sampler": "Euler"}, False),
        ({"negative_prompt": "blurry"}, False),
        ({"capability": "image_to_image", "source": GREY}, False),
    ],
)
def test_who_may_share_a_pass(new_engine: DiffusersEngine, card: ModelCard, changes: dict[str, Any], same: bool) -> None:
    assert (new_engine.batch_key(asked(), card) == new_engine.batch_key(asked(**changes), card)) is same


def test_spellings_of_a_sampler_share_a_pass(new_engine: DiffusersEngine, card: ModelCard) -> None:
    keys = {new_engine.batch_key(asked(sampler=name), card) for name in ("Euler a", "euler_ancestral", "k_euler_a")}
    assert len(keys) == 1


def test_a_model_of_one_at_a_time_has_no_key(new_engine: DiffusersEngine, card: ModelCard) -> None:
    assert new_engine.batch_key(asked(), replace(card, max_batch=1)) is None


def test_options_refuse_what_they_do_not_know() -> None:
    with pytest.raises(msgspec.ValidationError, match="dtyp"):
        msgspec.convert({"dtyp": "float16"}, ModelOptions)
    with pytest.raises(msgspec.ValidationError, match="offload"):
        msgspec.convert({"offload": "disk"}, ModelOptions)
