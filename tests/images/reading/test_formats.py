"""What other tools write is read into our terms; the samples have the forms of those tools."""

from __future__ import annotations

import json

import pytest

from engines.contract import Lora
from gateway.images import reading
from gateway.images.reading import ModelName, Recipe
from tests.images.reading.files import jpeg, png, user_comment

A1111 = """a red fox, <lora:detail:0.7> forest
in the snow
Negative prompt: blurry, low quality
Steps: 30, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7, Seed: 1234567890, Size: 832x1216, Model hash: 31e35c80fc, \
Model: sd_xl_base_1.0, VAE hash: 235745af8d, VAE: sdxl_vae.safetensors, Clip skip: 2, Lora hashes: "detail: 5a26f4d3e1c9", \
Version: v1.10.1"""
HIRES = """a red fox
Steps: 20, Sampler: Euler a, Schedule type: Automatic, CFG scale: 7, Seed: 5, Size: 512x512, Model: v1-5-pruned, \
Denoising strength: 0.4, Hires upscale: 2, Hires upscaler: Latent, Version: v1.9.4"""
OLD = """a dog
Steps: 20, Sampler: DPM++ SDE Karras, CFG scale: 7.5, Seed: 3, Size: 512x768, Model hash: 81761151, \
Denoising strength: 0.6"""
FORGE = """a poster
Steps: 20, Sampler: Euler, Schedule type: Simple, CFG scale: 1, Distilled CFG Scale: 3.5, Seed: 7, Size: 896x1152, \
Model hash: c161224931, Model: flux1-dev-bnb-nf4, Version: f2.0.1v1.10.1-previous-665-gae278f79"""
INVOKE = {
    "app_version": "5.4.0",
    "generation_mode": "sdxl_img2img",
    "positive_prompt": "a lighthouse",
    "negative_prompt": "people",
    "positive_style_prompt": "oil",
    "width": 1024,
    "height": 768,
    "seed": 4004004004,
    "rand_device": "cpu",
    "cfg_scale": 6.5,
    "steps": 28,
    "scheduler": "dpmpp_2m_sde_k",
    "clip_skip": 0,
    "model": {"key": "a1b2", "hash": "blake3:00ff", "name": "Juggernaut XL", "base": "sdxl", "type": "main"},
    "strength": 0.55,
    "init_image": "f00.png",
    "loras": [{"model": {"key": "k", "hash": "h", "name": "Watercolor", "base": "sdxl", "type": "lora"}, "weight": 0.75}],
    "vae": {"name": "sdxl-vae-fp16-fix", "base": "sdxl"},
}
INVOKE_3 = {
    "app_version": "3.3.0post3",
    "generation_mode": "txt2img",
    "positive_prompt": "landscape",
    "negative_prompt": "",
    "width": 768,
    "height": 432,
    "seed": 356120443,
    "cfg_scale": 7.5,
    "steps": 50,
    "scheduler": "euler_a",
    "model": {"model_name": "stable-diffusion-v1-5", "base_model": "sd-1", "model_type": "main"},
    "loras": [{"lora": {"model_name": "ink", "base_model": "sd-1"}, "weight": 1.0}],
}
INVOKE_2 = {
    "model": "stable diffusion",
    "model_weights": "stable-diffusion-1.5",
    "model_hash": "cc6cb27103417325ff94f52b7a5d2dde45a7515b25c255d8e396c90014281516",
    "app_id": "invoke-ai/InvokeAI",
    "app_version": "2.2.5",
    "image": {
        "prompt": [{"prompt": "a tower [fog]", "weight": 1}],
        "steps": 50,
        "cfg_scale": 7.5,
        "threshold": 0,
        "height": 512,
        "width": 640,
        "seed": 42,
        "type": "txt2img",
        "sampler": "k_lms",
        "postprocessing": None,
    },
}
SWARM = {
    "sui_image_params": {
        "prompt": "a photo of a cat",
        "negativeprompt": "dog",
        "model": "OfficialStableDiffusion/sd_xl_base_1.0",
        "seed": "77",
        "steps": 20,
        "cfgscale": "7.0",
        "aspectratio": "1:1",
        "width": 1024,
        "height": 1024,
        "sampler": "dpmpp_2m",
        "scheduler": "karras",
        "loras": ["styles/ink", "fox.safetensors"],
        "loraweights": ["0.5", "1"],
        "swarm_version": "0.9.3.1",
    },
    "sui_extra_data": {"date": "2024-11-13", "generation_time": "6.11 (prep) and 4.84 (gen) seconds"},
    "sui_models": [{"name": "sd_xl_base_1.0.safetensors", "param": "model", "hash": "0xabcdef"}],
}
NOVELAI = {
    "prompt": "1girl, sky",
    "steps": 28,
    "height": 1216,
    "width": 832,
    "scale": 5.0,
    "uc": "lowres",
    "seed": 2718281828,
    "sampler": "k_euler_ancestral",
    "noise_schedule": "karras",
    "request_type": "PromptGenerateRequest",
}


def _recipe(**fields) -> dict:
    """Only the fields that say something; `more` is told apart."""
    return fields


def _said(recipe: Recipe | None) -> dict:
    assert recipe is not None
    empty = Recipe(format=recipe.format)
    fields = (name for name in Recipe.__struct_fields__ if name not in ("more", "format"))
    return {name: getattr(recipe, name) for name in fields if getattr(recipe, name) != getattr(empty, name)}


@pytest.mark.parametrize(
    ("texts", "form", "expected"),
    [
        pytest.param(
            {"parameters": A1111},
            "a1111",
            _recipe(
                software="A1111 v1.10.1",
                prompt="a red fox, forest\nin the snow",
                negative_prompt="blurry, low quality",
                steps=30,
                guidance_scale=7.0,
                sampler="DPM++ 2M Karras",
                seed=1234567890,
                width=832,
                height=1216,
                model=ModelName("sd_xl_base_1.0", "31e35c80fc"),
                loras=(Lora("detail", 0.7),),
                vae="sdxl_vae",
                clip_skip=2,
            ),
            id="a1111",
        ),
        pytest.param(
            {"parameters": HIRES},
            "a1111",
            _recipe(
                software="A1111 v1.9.4",
                prompt="a red fox",
                steps=20,
                guidance_scale=7.0,
                sampler="Euler a",
                seed=5,
                width=512,
                height=512,
                model=ModelName("v1-5-pruned"),
            ),
            id="a1111, enlarged in a second pass",
        ),
        pytest.param(
            {"UserComment": OLD},
            "a1111",
            _recipe(
                software="A1111",
                prompt="a dog",
                steps=20,
                guidance_scale=7.5,
                sampler="DPM++ SDE Karras",
                seed=3,
                width=512,
                height=768,
                model=ModelName("", "81761151"),
                strength=0.6,
            ),
            id="a1111 of 2022, in a JPEG",
        ),
        pytest.param(
            {"parameters": FORGE},
            "a1111",
            _recipe(
                software="Forge f2.0.1v1.10.1-previous-665-gae278f79",
                prompt="a poster",
                steps=20,
                guidance_scale=3.5,
                sampler="Euler",
                seed=7,
                width=896,
                height=1152,
                model=ModelName("flux1-dev-bnb-nf4", "c161224931"),
            ),
            id="forge",
        ),
        pytest.param({"parameters": "only words"}, "a1111", _recipe(software="A1111", prompt="only words"), id="bare"),
        pytest.param(
            {"invokeai_metadata": json.dumps(INVOKE)},
            "invokeai",
            _recipe(
                software="InvokeAI 5.4.0",
                prompt="a lighthouse",
                negative_prompt="people",
                steps=28,
                guidance_scale=6.5,
                sampler="DPM++ 2M SDE Karras",
                seed=4004004004,
                width=1024,
                height=768,
                model=ModelName("Juggernaut XL", "blake3:00ff"),
                loras=(Lora("Watercolor", 0.75),),
                strength=0.55,
                vae="sdxl-vae-fp16-fix",
            ),
            id="invokeai 5",
        ),
        pytest.param(
            {"invokeai_metadata": json.dumps(INVOKE_3)},
            "invokeai",
            _recipe(
                software="InvokeAI 3.3.0post3",
                prompt="landscape",
                steps=50,
                guidance_scale=7.5,
                sampler="Euler a",
                seed=356120443,
                width=768,
                height=432,
                model=ModelName("stable-diffusion-v1-5"),
                loras=(Lora("ink", 1.0),),
            ),
            id="invokeai 3",
        ),
        pytest.param(
            {"sd-metadata": json.dumps(INVOKE_2), "Dream": "ignored"},
            "invokeai",
            _recipe(
                software="InvokeAI 2.2.5",
                prompt="a tower",
                negative_prompt="fog",
                steps=50,
                guidance_scale=7.5,
                sampler="LMS",
                seed=42,
                width=640,
                height=512,
                model=ModelName("stable-diffusion-1.5", INVOKE_2["model_hash"]),
            ),
            id="invokeai 2",
        ),
        pytest.param(
            {"Dream": '"a well-lit barn [rain]" -s 50 -S 42 -W 512 -H 640 -C 7.5 -A k_euler_a'},
            "invokeai",
            _recipe(
                software="InvokeAI 1",
                prompt="a well-lit barn",
                negative_prompt="rain",
                steps=50,
                guidance_scale=7.5,
                sampler="Euler a",
                seed=42,
                width=512,
                height=640,
            ),
            id="invokeai 1",
        ),
        pytest.param(
            {"parameters": json.dumps(SWARM, indent=2)},
            "swarmui",
            _recipe(
                software="SwarmUI 0.9.3.1",
                prompt="a photo of a cat",
                negative_prompt="dog",
                steps=20,
                guidance_scale=7.0,
                sampler="DPM++ 2M Karras",
                seed=77,
                width=1024,
                height=1024,
                model=ModelName("sd_xl_base_1.0", "abcdef"),
                loras=(Lora("ink", 0.5), Lora("fox", 1.0)),
                created_at=1731456000_000_000,
            ),
            id="swarmui",
        ),
        pytest.param(
            {"Software": "NovelAI", "Source": "NovelAI Diffusion V3 E2D2CBDB", "Comment": json.dumps(NOVELAI)},
            "novelai",
            _recipe(
                software="NovelAI",
                prompt="1girl, sky",
                negative_prompt="lowres",
                steps=28,
                guidance_scale=5.0,
                sampler="Euler a",
                seed=2718281828,
                width=832,
                height=1216,
                model=ModelName("NovelAI Diffusion V3", "E2D2CBDB"),
            ),
            id="novelai",
        ),
    ],
)
def test_a_tools_texts_become_a_recipe(texts: dict[str, str], form: str, expected: dict) -> None:
    found = reading.from_texts(texts)
    assert _said(found) == expected
    assert found is not None
    assert found.format == form


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ({"parameters": A1111}, {"VAE hash": "235745af8d", "Lora hashes": "detail: 5a26f4d3e1c9"}),
        ({"parameters": HIRES}, {"Denoising strength": "0.4", "Hires upscale": "2", "Hires upscaler": "Latent"}),
        ({"parameters": FORGE}, {}),
        ({"invokeai_metadata": json.dumps(INVOKE_3)}, {"generation_mode": "txt2img"}),
        (
            {"parameters": json.dumps(SWARM)},
            {"aspectratio": "1:1", "generation_time": SWARM["sui_extra_data"]["generation_time"]},
        ),
    ],
)
def test_what_has_no_field_of_ours_is_kept(texts: dict[str, str], expected: dict) -> None:
    found = reading.from_texts(texts)
    assert found is not None
    assert found.more == expected


@pytest.mark.parametrize(
    "texts",
    [
        {},
        {"Comment": "a holiday"},
        {"UserComment": "Paris: the tower, 2019"},
        {"ImageDescription": "OLYMPUS DIGITAL CAMERA"},
        {"Comment": '{"camera": "x"}'},
        {"prompt": "no graph"},
        {"prompt": '{"a": 1}'},
        {"parameters": "   "},
        {"parameters": '{"of": "somebody"}'},
        {"invokeai_metadata": "[]"},
        {"invokeai_metadata": "null"},
        {"darkroom": "{"},
    ],
)
def test_what_tells_nothing_is_no_recipe(texts: dict[str, str]) -> None:
    assert reading.from_texts(texts) is None


LIES = {
    "positive_prompt": 7,
    "negative_prompt": ["no"],
    "steps": "many",
    "cfg_scale": True,
    "seed": -1,
    "width": 1e400,
    "height": "512.0",
    "model": [],
    "loras": {"a": 1},
    "scheduler": None,
    "vae": 3,
    "clip_skip": "x",
    "app_version": {},
}


def test_values_of_the_wrong_type_say_nothing() -> None:
    found = reading.from_texts({"invokeai_metadata": json.dumps(LIES)})
    assert _said(found) == {"software": "InvokeAI", "prompt": "7", "height": 512, "vae": "3"}


@pytest.mark.parametrize("data", [png(parameters=A1111), jpeg(user_comment(b"UNICODE\0" + A1111.encode("utf-16-be")))])
def test_a_whole_file_is_read(data: bytes) -> None:
    found = reading.read(data)
    assert found.recipe == reading.from_texts({"parameters": A1111})


def test_what_cannot_be_stored_is_left_out_of_texts() -> None:
    found = reading.from_texts(
        {"invokeai_metadata": '{"positive_prompt": "a\\u0000b\\ud800c", "x": "\\udfff", "y": NaN, "z": [1e999]}'}
    )
    assert found is not None
    assert (found.prompt, found.more) == ("abc", {"x": "", "y": None, "z": [None]})


def test_our_own_is_read_as_it_was_written() -> None:
    from gateway.storage.metadata import Description, Size, darkroom_json, parameters_text

    about = Description(
        capability="text_to_image",
        model="shapes",
        engine="diffusers",
        prompt="a red cube: 1, <b>",
        negative_prompt="blue",
        revision="00ff",
        steps=20,
        guidance_scale=2.5,
        sampler="DPM++ 2M Karras",
        seed=2**53 - 1,
        loras=(Lora("ink", 0.5),),
        made=Size(128, 128),
    )
    exact = reading.from_texts({"darkroom": darkroom_json(about, Size(512, 512)), "parameters": "passed over"})
    plain = reading.from_texts({"parameters": parameters_text(about, Size(512, 512))})
    for found, width, hash in ((exact, 512, "00ff"), (plain, 128, "")):
        assert found is not None
        assert (found.format, found.prompt, found.negative_prompt) == ("darkroom", about.prompt, "blue")
        assert (found.steps, found.guidance_scale, found.sampler) == (20, 2.5, "DPM++ 2M Karras")
        assert (found.seed, found.loras, found.width) == (about.seed, about.loras, width)
        assert found.model == ModelName("shapes", hash)
