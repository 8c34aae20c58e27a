"""Every field of a real server's schema is honoured, is harmless, or is refused by name: none is dropped in silence."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from engines.contract import ModelCard, ModelSpec, Size, Span
from gateway import cards
from gateway.api.a1111 import accepted, asked, meaning, settings
from gateway.api.a1111.bodies import understood
from gateway.api.a1111.errors import NAMES
from gateway.api.a1111.prompts import words
from gateway.catalog import ModelEntry
from gateway.errors import InvalidInput
from gateway.jobs.request import InputPicture
from gateway.models import Offer
from gateway.presets.presets import Content, Preset
from tests.api.a1111.asking import b64
from tests.api.a1111.schema import (
    BOTH,
    COMMON,
    EXTRAS,
    FORGE,
    IMG2IMG,
    ONLY_IMG2IMG,
    ONLY_TXT2IMG,
    OPTIONS,
    TXT2IMG,
    Field,
)
from tests.fakes.fake_engine import FakeEngine, FakeOptions

CARD = ModelCard(
    capabilities=("text_to_image", "image_to_image", "inpaint"),
    native_sizes=(Size(128, 128),),
    samplers=("Euler", "Euler Karras", "DPM++ 2M"),
    steps=Span(1, 100, 4),
    guidance_scale=Span(0, 20, 5),
    strength=Span(0, 1, 0.75),
    negative_prompt=True,
    max_loras=4,
)
ENTRY = ModelEntry(id="oil", title="Oil", engine="fake", source="fake:oil", upscaler="lanczos")
OFFER = Offer(ENTRY, ModelSpec("oil", "fake:oil"), CARD, FakeEngine("fake", FakeOptions()))
PHOTO = Preset(
    id="1", team_id="1", version=1, content=Content(name="photo", prompt_template="a photo"), created_at=0, updated_at=0
)
SOURCE = InputPicture(blob="b", width=96, height=64)
CALLS: dict[str, tuple[Any, dict[str, Field], dict[str, Any]]] = {
    "txt2img": (asked.Txt2Img, {**COMMON, **ONLY_TXT2IMG}, {"prompt": "a"}),
    "img2img": (asked.Img2Img, {**COMMON, **ONLY_IMG2IMG}, {"prompt": "a", "init_images": [b64()]}),
}


def test_the_whole_schema_is_in_the_table() -> None:
    txt2img, img2img = CALLS["txt2img"][1], CALLS["img2img"][1]
    assert set(txt2img) == {*BOTH, *TXT2IMG, *FORGE}
    assert set(img2img) == {*BOTH, *IMG2IMG, "scheduler", "distilled_cfg_scale", "hr_distilled_cfg"}
    for call, (shape, table, _) in CALLS.items():
        assert set(table) <= set(shape.__struct_fields__), call
        assert set(shape.__struct_fields__) - set(table) == {"model", "clip_skip"}, "what others of the family have besides"
    assert set(EXTRAS) == set(asked.Extras.__struct_fields__)


@pytest.mark.parametrize(
    ("call", "name"), [(call, name) for call, (_, table, _) in CALLS.items() for name in table], ids=lambda value: str(value)
)
def test_each_field_is_honoured_or_harmless_or_refused(call: str, name: str) -> None:
    shape, table, base = CALLS[call]
    field = table[name]
    without = {key: value for key, value in {**base, **field.beside}.items() if key != name}
    if field.kind == "refused":
        with pytest.raises(InvalidInput) as raised:
            outcome(shape, {**without, name: field.value})
        assert NAMES.get(raised.value.field, raised.value.field) == name
        return
    before = outcome(shape, without) if name not in ("prompt", "init_images") else None
    after = outcome(shape, {**without, name: field.value})
    assert (before == after) == (field.kind == "harmless")
    assert bool(field.why) == (field.kind == "harmless")


def outcome(shape: Any, body: dict[str, Any]) -> tuple[Any, ...]:
    """All that a body decides: the submission, what is done to its pictures, and what the answer shows."""
    read = understood(body, shape)
    assert read.ignored == ()
    given = meaning.with_infotext(read.asked)
    meaning.check_alone(given)
    chosen = {name: settings.checked(name, value) for name, value in (given.override_settings or {}).items()}
    told = words(
        given.prompt or "", given.negative_prompt or "", given.styles or (), {"photo": PHOTO},
        networks=not given.disable_extra_networks,
    )  # fmt: skip
    changes = isinstance(given, asked.Img2Img)
    plan = meaning.plan(given, SOURCE) if changes else None
    pictures = meaning.Pictures(SOURCE, SOURCE if given.mask else None) if changes else meaning.Pictures()
    wanted = meaning.submission(given, told, pictures, OFFER, chosen, model=None, bulk=False)
    if wanted.hires is None:
        cards.check(wanted, CARD, "oil")
    shown = given.send_images, getattr(given, "include_init_images", None)
    return wanted, plan, shown


def test_the_second_pass_is_translated_and_refused_by_the_card() -> None:
    body = {"prompt": "a", "enable_hr": True, "hr_scale": 1.5, "hr_upscaler": "Latent", "hr_second_pass_steps": 9, "hr_cfg": 3,
            "denoising_strength": 0.4, "hr_resize_x": 512, "hr_sampler_name": "Euler", "hr_prompt": "b"}  # fmt: skip
    wanted, *_ = outcome(asked.Txt2Img, body)
    assert structs.asdict(wanted.hires) == {
        "scale": 1.5, "width": 512, "height": None, "upscaler": "Latent", "steps": 9, "strength": 0.4, "guidance_scale": 3.0,
        "model": None, "sampler": "Euler", "prompt": "b", "negative_prompt": "",
    }  # fmt: skip
    with pytest.raises(InvalidInput) as raised:
        cards.check(wanted, CARD, "oil")
    assert NAMES[raised.value.field] == "enable_hr"


def test_loras_are_translated() -> None:
    wanted, *_ = outcome(asked.Txt2Img, {"prompt": "a <lora:detail:0.8> cat <lyco:flat>"})
    assert wanted.prompt == "a  cat"
    assert [(each.name, each.weight) for each in wanted.loras] == [("detail", 0.8), ("flat", 1.0)]


@pytest.mark.parametrize("name", EXTRAS)
def test_fields_of_enlarging(name: str) -> None:
    refused = {"gfpgan_visibility": 1, "codeformer_visibility": 1, "extras_upscaler_2_visibility": 1, "resize_mode": 2}
    if name in refused:
        with pytest.raises(InvalidInput) as raised:
            accepted.refuse(understood({name: refused[name]}, asked.Extras).asked, accepted.EXTRAS)
        assert raised.value.field == name
        return
    harmless = {"show_extras_results": False, "codeformer_weight": 0.5, "upscale_first": True, "upscaler_2": "Lanczos"}
    honoured = {"upscaling_resize", "upscaling_resize_w", "upscaling_resize_h", "upscaling_crop", "upscaler_1"}
    assert name in harmless or name in honoured, "test_lists sees what the others do"
    if name in harmless:
        accepted.refuse(understood({name: harmless[name]}, asked.Extras).asked, accepted.EXTRAS)


@pytest.mark.parametrize("name", OPTIONS)
def test_each_option_decides_or_is_fixed_or_is_kept(name: str) -> None:
    kind = settings.kind(name)
    assert kind is not None
    if kind == "fixed":
        for value in settings.FIXED[name]:
            assert settings.checked(name, value) == value
        with pytest.raises(InvalidInput) as raised:
            settings.checked(name, "something else")
        assert raised.value.field == name
    if kind == "kept":
        assert settings.checked(name, "something") == "something"


def test_options_that_nobody_knows() -> None:
    with pytest.raises(InvalidInput, match="no option"):
        settings.checked("sd_model_chekpoint", "a")
    assert settings.checked("forge_additional_modules", [], lenient=True) is None
    with pytest.raises(InvalidInput):
        settings.checked("forge_additional_modules", ["ae"], lenient=True)


@pytest.mark.parametrize(
    ("said", "sampler"),
    [
        ({}, None),
        ({"sampler_name": "Euler", "scheduler": "Karras"}, "Euler Karras"),
        ({"sampler_name": "Euler Karras", "scheduler": "karras"}, "Euler Karras"),
        ({"sampler_name": "Euler Karras", "scheduler": "automatic"}, "Euler Karras"),
        ({"scheduler": "karras"}, "Euler Karras"),
        ({"sampler_name": "Heun of the server", "scheduler": "whatever"}, "Heun of the server"),
    ],
)
def test_samplers_and_schedules(said: dict[str, str], sampler: str | None) -> None:
    assert meaning.sampler_of(asked.Txt2Img(**said), CARD) == sampler


@pytest.mark.parametrize(
    "said", [{"sampler_name": "Euler Karras", "scheduler": "beta"}, {"sampler_name": "DDIM", "scheduler": "beta"}]
)
def test_schedules_that_a_sampler_is_not_run_with(said: dict[str, str]) -> None:
    with pytest.raises(InvalidInput) as raised:
        meaning.sampler_of(asked.Txt2Img(**said), CARD)
    assert raised.value.field == "scheduler"
