"""ComfyUI's graphs, walked back from what was saved."""

from __future__ import annotations

import json
import time

import pytest

from engines.contract import Lora
from gateway.images import reading
from gateway.images.reading import ModelName, Recipe


def node(kind: str, **inputs) -> dict:
    return {
        "class_type": kind,
        "inputs": {key: list(value) if isinstance(value, tuple) else value for key, value in inputs.items()},
    }


def ksampler(**changed) -> dict:
    usual = {
        "seed": 156680208700286, "steps": 20, "cfg": 8.0, "sampler_name": "dpmpp_2m", "scheduler": "karras", "denoise": 1.0,
        "model": ("4", 0), "positive": ("6", 0), "negative": ("7", 0), "latent_image": ("5", 0),
    }  # fmt: skip
    return node("KSampler", **usual | changed)


BASIC = {
    "3": ksampler(),
    "4": node("CheckpointLoaderSimple", ckpt_name="sdxl/sd_xl_base_1.0.safetensors"),
    "5": node("EmptyLatentImage", width=1216, height=832, batch_size=1),
    "6": node("CLIPTextEncode", text="a bottle of galaxy", clip=("4", 1)),
    "7": node("CLIPTextEncode", text="text, watermark", clip=("4", 1)),
    "8": node("VAEDecode", samples=("3", 0), vae=("4", 2)),
    "9": node("SaveImage", filename_prefix="ComfyUI", images=("8", 0)),
}
SAID = {
    "software": "ComfyUI",
    "prompt": "a bottle of galaxy",
    "negative_prompt": "text, watermark",
    "steps": 20,
    "guidance_scale": 8.0,
    "sampler": "DPM++ 2M Karras",
    "seed": 156680208700286,
    "width": 1216,
    "height": 832,
    "model": ModelName("sd_xl_base_1.0"),
}
LORAS = BASIC | {
    "3": ksampler(model=("11", 0)),
    "10": node(
        "LoraLoader", lora_name="first.safetensors", strength_model=0.8, strength_clip=1, model=("4", 0), clip=("12", 0)
    ),
    "11": node("LoraLoaderModelOnly", lora_name="style\\second.safetensors", strength_model=-0.5, model=("10", 0)),
    "12": node("CLIPSetLastLayer", stop_at_clip_layer=-2, clip=("4", 1)),
    "13": node("VAELoader", vae_name="sdxl_vae.safetensors"),
}
POWER = BASIC | {
    "3": ksampler(model=("10", 0)),
    "10": node(
        "Power Lora Loader (rgthree)",
        PowerLoraLoaderHeaderWidget={"type": "x"},
        lora_1={"on": True, "lora": "a.safetensors", "strength": 0.4},
        lora_2={"on": False, "lora": "b.safetensors", "strength": 1},
        model=("4", 0),
        clip=("4", 1),
    ),
}
FLUX = {
    "6": node("CLIPTextEncode", text="a glass maze", clip=("11", 0)),
    "8": node("VAEDecode", samples=("13", 0), vae=("10", 0)),
    "9": node("SaveImage", images=("8", 0)),
    "10": node("VAELoader", vae_name="ae.safetensors"),
    "11": node("DualCLIPLoader", clip_name1="t5xxl_fp16.safetensors", clip_name2="clip_l.safetensors", type="flux"),
    "12": node("UNETLoader", unet_name="flux1-dev.safetensors", weight_dtype="default"),
    "13": node(
        "SamplerCustomAdvanced", noise=("25", 0), guider=("22", 0), sampler=("16", 0), sigmas=("17", 0), latent_image=("27", 0)
    ),
    "16": node("KSamplerSelect", sampler_name="euler"),
    "17": node("BasicScheduler", scheduler="simple", steps=28, denoise=1, model=("30", 0)),
    "22": node("BasicGuider", model=("30", 0), conditioning=("26", 0)),
    "25": node("RandomNoise", noise_seed=2**64 - 1),
    "26": node("FluxGuidance", guidance=3.5, conditioning=("6", 0)),
    "27": node("EmptySD3LatentImage", width=("34", 0), height=("35", 0), batch_size=1),
    "30": node("ModelSamplingFlux", max_shift=1.15, base_shift=0.5, width=("34", 0), height=("35", 0), model=("12", 0)),
    "34": node("PrimitiveNode", value=1024),
    "35": node("PrimitiveInt", value=768),
}
BENT = FLUX | {
    "13": node(
        "SamplerCustomAdvanced",
        noise=("25", 0),
        guider=("22", 0),
        sampler=("41", 0),
        sigmas=("40", 1),
        latent_image=("27", 0),
    ),
    "40": node("SplitSigmas", step=12, sigmas=("17", 0)),
    "41": node("DetailDaemonSamplerNode", detail_amount=0.1, sampler=("16", 0)),
}
TWO_PASSES = BASIC | {
    "8": node("VAEDecode", samples=("21", 0), vae=("4", 2)),
    "20": node("LatentUpscale", samples=("3", 0), width=2432, height=1664, upscale_method="nearest-exact", crop="disabled"),
    "21": ksampler(seed=99, steps=10, denoise=0.5, latent_image=("20", 0)),
}
REFINED = BASIC | {
    "3": node(
        "KSamplerAdvanced",
        add_noise="enable",
        noise_seed=77,
        steps=25,
        cfg=7,
        sampler_name="euler",
        scheduler="normal",
        start_at_step=0,
        end_at_step=20,
        return_with_leftover_noise="enable",
        model=("4", 0),
        positive=("6", 0),
        negative=("7", 0),
        latent_image=("5", 0),
    ),
    "30": node("CheckpointLoaderSimple", ckpt_name="sd_xl_refiner_1.0.safetensors"),
    "31": node(
        "KSamplerAdvanced",
        add_noise="disable",
        noise_seed=0,
        steps=25,
        cfg=7,
        sampler_name="euler",
        scheduler="normal",
        start_at_step=20,
        end_at_step=10000,
        return_with_leftover_noise="disable",
        model=("30", 0),
        positive=("6", 0),
        negative=("7", 0),
        latent_image=("3", 0),
    ),
    "8": node("VAEDecode", samples=("31", 0), vae=("4", 2)),
}
FROM_PICTURE = BASIC | {
    "3": ksampler(denoise=0.6, latent_image=("41", 0)),
    "40": node("LoadImage", image="cat.png", upload="image"),
    "41": node("VAEEncode", pixels=("40", 0), vae=("4", 2)),
}
WORDS = BASIC | {
    "3": ksampler(positive=("50", 0), negative=("50", 1), seed=("60", 0)),
    "6": node("CLIPTextEncode", text=("53", 0), clip=("4", 1)),
    "50": node(
        "ControlNetApplyAdvanced", strength=0.7, positive=("51", 0), negative=("7", 0), control_net=("52", 0), image=("40", 0)
    ),
    "51": node("ConditioningCombine", conditioning_1=("6", 0), conditioning_2=("56", 0)),
    "52": node("ControlNetLoader", control_net_name="depth.safetensors"),
    "40": node("LoadImage", image="cat.png"),
    "53": node("StringConcatenate", string_a=("54", 0), string_b="on a hill", delimiter=", "),
    "54": node("Reroute", **{"": ["55", 0]}),
    "55": node("PrimitiveStringMultiline", value="a house"),
    "56": node("CLIPTextEncodeSDXL", text_g="watercolor", text_l="watercolor", clip=("4", 1)),
    "60": node("PrimitiveNode", value=5),
}
CUSTOM = BASIC | {
    "3": node(
        "SamplerCustom",
        add_noise=True,
        noise_seed=4,
        cfg=1.5,
        model=("4", 0),
        positive=("6", 0),
        negative=("70", 0),
        sampler=("71", 0),
        sigmas=("72", 0),
        latent_image=("5", 0),
    ),
    "70": node("ConditioningZeroOut", conditioning=("6", 0)),
    "71": node("SamplerEulerAncestral", eta=1, s_noise=1),
    "72": node("KarrasScheduler", steps=6, sigma_max=14.6, sigma_min=0.03, rho=7),
}
EFFICIENT = {
    "1": node(
        "Efficient Loader",
        ckpt_name="dream.ckpt",
        vae_name="Baked VAE",
        clip_skip=-1,
        lora_name="None",
        lora_model_strength=1,
        positive="a boat",
        negative="sea monsters",
        empty_latent_width=512,
        empty_latent_height=640,
        batch_size=1,
    ),
    "2": node(
        "KSampler (Efficient)",
        seed=9,
        steps=15,
        cfg=6,
        sampler_name="euler_ancestral",
        scheduler="normal",
        denoise=1,
        model=("1", 0),
        positive=("1", 1),
        negative=("1", 2),
        latent_image=("1", 3),
    ),
    "3": node("SaveImage", images=("2", 5)),
}
CLOUD = {
    "1": node("OpenAIGPTImage1", prompt="a paper crane", seed=12, quality="high"),
    "2": node("SaveImage", images=("1", 0)),
}


def _said(graph: dict) -> dict:
    recipe = reading.from_texts({"prompt": json.dumps(graph), "workflow": "{}"})
    assert recipe is not None
    empty = Recipe(format="comfyui")
    return {name: value for name in Recipe.__struct_fields__ if (value := getattr(recipe, name)) != getattr(empty, name)}


@pytest.mark.parametrize(
    ("graph", "expected"),
    [
        pytest.param(BASIC, SAID, id="basic"),
        pytest.param(
            LORAS,
            SAID | {"loras": (Lora("first", 0.8), Lora("second", -0.5)), "clip_skip": 2, "vae": "sdxl_vae"},
            id="loras in a row",
        ),
        pytest.param(POWER, SAID | {"loras": (Lora("a", 0.4),)}, id="loras in one node"),
        pytest.param(
            FLUX,
            {
                "software": "ComfyUI",
                "prompt": "a glass maze",
                "steps": 28,
                "guidance_scale": 3.5,
                "sampler": "Euler",
                "width": 1024,
                "height": 768,
                "model": ModelName("flux1-dev"),
                "vae": "ae",
                "more": {"seed": str(2**64 - 1)},
            },
            id="flux",
        ),
        pytest.param(TWO_PASSES, SAID, id="two passes"),
        pytest.param(REFINED, SAID | {"steps": 25, "guidance_scale": 7.0, "seed": 77, "sampler": "Euler"}, id="refiner"),
        pytest.param(
            FROM_PICTURE,
            {key: SAID[key] for key in SAID if key not in ("width", "height")} | {"strength": 0.6},
            id="from a picture",
        ),
        pytest.param(WORDS, SAID | {"prompt": "a house, on a hill\nwatercolor", "seed": 5}, id="words through nodes"),
        pytest.param(
            CUSTOM,
            {key: SAID[key] for key in SAID if key != "negative_prompt"}
            | {"steps": 6, "guidance_scale": 1.5, "seed": 4, "sampler": "Euler a"},
            id="custom sampling",
        ),
        pytest.param(
            EFFICIENT,
            {
                "software": "ComfyUI",
                "prompt": "a boat",
                "negative_prompt": "sea monsters",
                "steps": 15,
                "guidance_scale": 6.0,
                "sampler": "Euler a",
                "seed": 9,
                "model": ModelName("dream"),
                "vae": "Baked VAE",
                "width": 512,
                "height": 640,
            },
            id="efficient nodes",
        ),
        pytest.param(CLOUD, {"software": "ComfyUI", "prompt": "a paper crane", "seed": 12}, id="without a sampler"),
    ],
)
def test_a_graph_becomes_a_recipe(graph: dict, expected: dict) -> None:
    assert _said(graph) == expected


def test_what_is_split_or_bent_is_read_through() -> None:
    assert _said(BENT) == _said(FLUX)


def test_nan_in_a_graph_is_read() -> None:
    found = reading.from_texts({"prompt": json.dumps(BASIC | {"x": {"is_changed": [float("nan")], **node("Any")}})})
    assert found is not None
    assert found.prompt == "a bottle of galaxy"


@pytest.mark.parametrize(
    "changed",
    [
        {"6": node("CLIPTextEncode", text=("6", 0))},
        {"6": node("A", text=("50", 0)), "50": node("B", text=("6", 0))},
        {"6": None},
        {"6": node("CLIPTextEncode", text=["gone", 0])},
        {"6": {"class_type": 5, "inputs": {"text": {"a": []}}}},
        {"6": node("CLIPTextEncode", text=["4", "x"])},
    ],
)
def test_circles_and_lies_leave_the_rest_standing(changed: dict) -> None:
    assert _said(BASIC | changed)["seed"] == SAID["seed"]


@pytest.mark.parametrize(
    "changed",
    [
        {"4": node("LoraLoader", model=("10", 0), lora_name="x"), "10": node("LoraLoader", model=("4", 0), lora_name="y")},
        {"5": node("LatentUpscale", samples=("5", 0))},
        {"5": ksampler(latent_image=("3", 0))},
    ],
)
def test_circles_of_models_and_latents_end(changed: dict) -> None:
    assert _said(BASIC | changed)["prompt"] == SAID["prompt"]


def test_a_graph_that_is_all_links_takes_no_long_time() -> None:
    """Each of the nodes is made from ten of the next ones, in thousands of rows: more ways than could be gone."""
    graph = {str(at): node("Mix", **{f"x{by}": [str(at + 1 + by), by] for by in range(10)}) for at in range(4000)}
    graph |= {"3000": ksampler(positive=("0", 0)), "9000": node("SaveImage", images=("0", 0))}
    began = time.perf_counter()
    reading.from_texts({"prompt": json.dumps(graph)})
    assert time.perf_counter() - began < 2
