"""What a model cannot do is refused with the field and what the model can do."""

from __future__ import annotations

import math
from typing import Any

import pytest
from msgspec import Struct, structs

from engines.contract import Capability, Lora, ModelCard, Span
from gateway.cards import check, sampler_name
from gateway.errors import InvalidInput

ABLE = ModelCard(
    capabilities=("text_to_image", "image_to_image", "inpaint"),
    max_images=4,
    max_references=2,
    max_loras=1,
    samplers=("Euler", "Euler a", "DPM++ 2M", "DPM++ 2M Karras"),
    steps=Span(1, 50, 20),
    guidance_scale=Span(0, 20, 4),
    strength=Span(0.1, 1, 0.75),
    negative_prompt=True,
    max_prompt=20,
    choices={"quality": ("low", "high"), "background": ("opaque",)},
)
BARE = ModelCard(capabilities=("text_to_image", "upscale"), seeds=False, max_images=1)


class Asked(Struct, frozen=True, kw_only=True):
    capability: Capability = "text_to_image"
    prompt: str = "a red circle"
    negative_prompt: str = ""
    n: int = 1
    steps: int | None = None
    guidance_scale: float | None = None
    sampler: str | None = None
    strength: float | None = None
    seed: int | None = None
    source: str | None = None
    mask: str | None = None
    references: tuple[str, ...] = ()
    loras: tuple[Lora, ...] = ()
    choices: dict[str, str] = {}
    hires: object | None = None


PICTURE: dict[str, Any] = {"capability": "image_to_image", "source": "blob"}
LORAS = (Lora("a"), Lora("b"))


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"steps": 1, "guidance_scale": 0.0, "sampler": "dpmpp_2m", "negative_prompt": "mud", "n": 4, "seed": 0},
        {"steps": 50, "guidance_scale": 20.0, "seed": 2**53 - 1, "prompt": "x" * 20, "loras": LORAS[:1]},
        {"seed": 2**53 - 4, "n": 4},
        PICTURE | {"strength": 0.1},
        {"capability": "image_to_image", "references": ("a", "b")},
        {"capability": "inpaint", "source": "blob", "mask": "blob", "strength": 1.0},
        {"references": ("a",)},
        {"choices": {"quality": "low", "background": "opaque"}},
    ],
)
def test_what_the_model_can_do_passes(asked: dict[str, Any]) -> None:
    check(Asked(**asked), ABLE, "oil")


@pytest.mark.parametrize(
    ("asked", "field", "says"),
    [
        ({"capability": "upscale", "source": "b"}, "capability", "it can do text_to_image, image_to_image, inpaint"),
        ({"prompt": ""}, "prompt", "empty"),
        ({"prompt": " \n"}, "prompt", "empty"),
        ({"prompt": "x" * 21}, "prompt", "21 characters"),
        ({"negative_prompt": "x" * 21}, "negative_prompt", "takes 20 at most"),
        ({"n": 0}, "n", "1 to 4"),
        ({"n": 5}, "n", "1 to 4 pictures per request, not 5; for more, ask again."),
        ({"steps": 0}, "steps", "from 1 to 50"),
        ({"steps": 51}, "steps", "from 1 to 50"),
        ({"guidance_scale": -0.1}, "guidance_scale", "from 0 to 20"),
        ({"guidance_scale": math.nan}, "guidance_scale", "from 0 to 20"),
        ({"guidance_scale": math.inf}, "guidance_scale", "from 0 to 20"),
        ({"sampler": "Euler b"}, "sampler", 'did you mean "Euler'),
        ({"sampler": "Heun"}, "sampler", "It has Euler, Euler a, DPM++ 2M"),
        ({"strength": 0.5}, "strength", "needs a source"),
        (PICTURE | {"strength": 0.05}, "strength", "from 0.1 to 1"),
        ({"seed": -1}, "seed", "from 0 to"),
        ({"seed": 2**53}, "seed", str(2**53 - 1)),
        ({"seed": 2**53 - 1, "n": 2}, "seed", "one more"),
        ({"references": ("a", "b", "c")}, "references", "at most 2 reference pictures, not 3"),
        ({"loras": LORAS}, "loras", "one LoRA at most, not 2"),
        ({"choices": {"quality": "hihg"}}, "quality", 'did you mean "high"'),
        ({"choices": {"style": "vivid"}}, "style", "lets no style be chosen"),
        ({"capability": "image_to_image"}, "source", "needs the picture"),
        ({"capability": "inpaint", "source": "b"}, "mask", "needs a mask"),
        ({"source": "b"}, "source", "leave the source out"),
        (PICTURE | {"mask": "b"}, "mask", "ask for inpaint"),
        ({"hires": object()}, "hires", "second, larger pass"),
    ],
)
def test_what_it_cannot_do_is_refused(asked: dict[str, Any], field: str, says: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        check(Asked(**asked), ABLE, "oil")
    assert raised.value.field == field
    assert says in raised.value.message


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"negative_prompt": "mud"}, "negative_prompt"),
        ({"steps": 1}, "steps"),
        ({"guidance_scale": 1.0}, "guidance_scale"),
        ({"sampler": "Euler"}, "sampler"),
        ({"seed": 0}, "seed"),
        ({"references": ("a",)}, "references"),
        ({"loras": LORAS[:1]}, "loras"),
        ({"capability": "upscale", "source": "b", "strength": 0.5}, "strength"),
        ({"n": 2}, "n"),
    ],
)
def test_a_parameter_that_the_model_has_not_is_refused(asked: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        check(Asked(**asked), BARE, "plain")
    assert raised.value.field == field
    assert '"plain"' in raised.value.message


def test_an_upscale_needs_no_prompt() -> None:
    check(Asked(capability="upscale", prompt="", source="blob"), BARE, "plain")


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        (None, "Euler"),
        ("Euler a", "Euler a"),
        ("euler_ancestral", "Euler a"),
        ("k_dpmpp_2m", "DPM++ 2M"),
        ("dpm++ 2m karras", "DPM++ 2M Karras"),
    ],
)
def test_a_sampler_is_known_by_all_its_names(wanted: str | None, name: str) -> None:
    assert sampler_name(wanted, ABLE, "oil") == name


def test_a_model_without_samplers_has_no_default_either() -> None:
    assert sampler_name(None, BARE, "plain") is None


def test_a_servers_own_sampler_is_taken_as_it_is_spelled() -> None:
    card = structs.replace(ABLE, samplers=("house special", "Euler"))
    assert sampler_name("house special", card, "oil") == "house special"


def test_a_model_that_only_looks_at_pictures_takes_no_source() -> None:
    card = structs.replace(ABLE, takes_source=False)
    check(Asked(capability="image_to_image", references=("a", "b")), card, "looker")
    with pytest.raises(InvalidInput, match="hand it in as a reference") as caught:
        check(Asked(**PICTURE), card, "looker")
    assert caught.value.field == "source"
