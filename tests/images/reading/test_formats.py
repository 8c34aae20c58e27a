"""What other tools write is read into our terms; the samples have the forms of those tools."""

from __future__ import annotations

import json

import numpy as np
import pytest

from engines.contract import Lora, Size
from gateway.images import reading
from gateway.images.reading import ModelName, Recipe
from gateway.storage.encoding import DARKROOM, PARAMETERS, Format, encode
from gateway.storage.metadata import Description, darkroom_json, parameters_text
from tests.images.reading.files import jpeg, png, user_comment
from tests.images.reading.samples import A1111, FORGE, HIRES, INVOKE, INVOKE_2, INVOKE_3, NOVELAI, OLD, SWARM


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
            {
                "software": "A1111 v1.10.1",
                "prompt": "a red fox, forest\nin the snow",
                "negative_prompt": "blurry, low quality",
                "steps": 30,
                "guidance_scale": 7.0,
                "sampler": "DPM++ 2M Karras",
                "seed": 1234567890,
                "width": 832,
                "height": 1216,
                "model": ModelName("sd_xl_base_1.0", "31e35c80fc"),
                "loras": (Lora("detail", 0.7),),
                "vae": "sdxl_vae",
                "clip_skip": 2,
            },
            id="a1111",
        ),
        pytest.param(
            {"parameters": HIRES},
            "a1111",
            {
                "software": "A1111 v1.9.4",
                "prompt": "a red fox",
                "steps": 20,
                "guidance_scale": 7.0,
                "sampler": "Euler a",
                "seed": 5,
                "width": 512,
                "height": 512,
                "model": ModelName("v1-5-pruned"),
            },
            id="a1111, enlarged in a second pass",
        ),
        pytest.param(
            {"UserComment": OLD},
            "a1111",
            {
                "software": "A1111",
                "prompt": "a dog",
                "steps": 20,
                "guidance_scale": 7.5,
                "sampler": "DPM++ SDE Karras",
                "seed": 3,
                "width": 512,
                "height": 768,
                "model": ModelName("", "81761151"),
                "strength": 0.6,
            },
            id="a1111 of 2022, in a JPEG",
        ),
        pytest.param(
            {"parameters": FORGE},
            "a1111",
            {
                "software": "Forge f2.0.1v1.10.1-previous-665-gae278f79",
                "prompt": "a poster",
                "steps": 20,
                "guidance_scale": 3.5,
                "sampler": "Euler",
                "seed": 7,
                "width": 896,
                "height": 1152,
                "model": ModelName("flux1-dev-bnb-nf4", "c161224931"),
            },
            id="forge",
        ),
        pytest.param({"parameters": "only words"}, "a1111", {"software": "A1111", "prompt": "only words"}, id="bare"),
        pytest.param(
            {"invokeai_metadata": json.dumps(INVOKE)},
            "invokeai",
            {
                "software": "InvokeAI 5.4.0",
                "prompt": "a lighthouse",
                "negative_prompt": "people",
                "steps": 28,
                "guidance_scale": 6.5,
                "sampler": "DPM++ 2M SDE Karras",
                "seed": 4004004004,
                "width": 1024,
                "height": 768,
                "model": ModelName("Juggernaut XL", "blake3:00ff"),
                "loras": (Lora("Watercolor", 0.75),),
                "strength": 0.55,
                "vae": "sdxl-vae-fp16-fix",
            },
            id="invokeai 5",
        ),
        pytest.param(
            {"invokeai_metadata": json.dumps(INVOKE_3)},
            "invokeai",
            {
                "software": "InvokeAI 3.3.0post3",
                "prompt": "landscape",
                "steps": 50,
                "guidance_scale": 7.5,
                "sampler": "Euler a",
                "seed": 356120443,
                "width": 768,
                "height": 432,
                "model": ModelName("stable-diffusion-v1-5"),
                "loras": (Lora("ink", 1.0),),
            },
            id="invokeai 3",
        ),
        pytest.param(
            {"sd-metadata": json.dumps(INVOKE_2), "Dream": "ignored"},
            "invokeai",
            {
                "software": "InvokeAI 2.2.5",
                "prompt": "a tower",
                "negative_prompt": "fog",
                "steps": 50,
                "guidance_scale": 7.5,
                "sampler": "LMS",
                "seed": 42,
                "width": 640,
                "height": 512,
                "model": ModelName("stable-diffusion-1.5", INVOKE_2["model_hash"]),
            },
            id="invokeai 2",
        ),
        pytest.param(
            {"Dream": '"a well-lit barn [rain]" -s 50 -S 42 -W 512 -H 640 -C 7.5 -A k_euler_a'},
            "invokeai",
            {
                "software": "InvokeAI 1",
                "prompt": "a well-lit barn",
                "negative_prompt": "rain",
                "steps": 50,
                "guidance_scale": 7.5,
                "sampler": "Euler a",
                "seed": 42,
                "width": 512,
                "height": 640,
            },
            id="invokeai 1",
        ),
        pytest.param(
            {"parameters": json.dumps(SWARM, indent=2)},
            "swarmui",
            {
                "software": "SwarmUI 0.9.3.1",
                "prompt": "a photo of a cat",
                "negative_prompt": "dog",
                "steps": 20,
                "guidance_scale": 7.0,
                "sampler": "DPM++ 2M Karras",
                "seed": 77,
                "width": 1024,
                "height": 1024,
                "model": ModelName("sd_xl_base_1.0", "abcdef"),
                "loras": (Lora("ink", 0.5), Lora("fox", 1.0)),
                "created_at": 1731456000_000_000,
            },
            id="swarmui",
        ),
        pytest.param(
            {"Software": "NovelAI", "Source": "NovelAI Diffusion V3 E2D2CBDB", "Comment": json.dumps(NOVELAI)},
            "novelai",
            {
                "software": "NovelAI",
                "prompt": "1girl, sky",
                "negative_prompt": "lowres",
                "steps": 28,
                "guidance_scale": 5.0,
                "sampler": "Euler a",
                "seed": 2718281828,
                "width": 832,
                "height": 1216,
                "model": ModelName("NovelAI Diffusion V3", "E2D2CBDB"),
            },
            id="novelai",
        ),
    ],
)
def test_a_tools_texts_become_adict(texts: dict[str, str], form: str, expected: dict) -> None:
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
def test_what_tells_nothing_is_nodict(texts: dict[str, str]) -> None:
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


@pytest.mark.parametrize("form", ["png", "webp", "jpeg"])
def test_our_own_files_are_read_whatever_their_format(form: Format) -> None:
    about = Description(
        capability="text_to_image", model="shapes", engine="diffusers", prompt="ein Würfel, แมว", seed=4, steps=2
    )
    size = Size(16, 8)
    texts = {PARAMETERS: parameters_text(about, size), DARKROOM: darkroom_json(about, size)}
    found = reading.read(encode(np.zeros((8, 16, 3), np.uint8), form, texts, None)).recipe
    assert found is not None
    assert (found.format, found.prompt, found.seed, found.width, found.model.name) == (
        "darkroom",
        about.prompt,
        4,
        16,
        "shapes",
    )
