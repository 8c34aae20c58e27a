"""Prompts with LoRAs and styles, and bodies that are read leniently."""

from __future__ import annotations

from typing import Any

import pytest

from engines.contract import Lora
from gateway.api.a1111.asked import Txt2Img
from gateway.api.a1111.bodies import understood
from gateway.api.a1111.prompts import shown, with_networks, without_networks, words
from gateway.errors import InvalidInput, NotFound
from gateway.presets.presets import Content, Preset


def preset(name: str, template: str, negative: str = "") -> Preset:
    content = Content(name=name, prompt_template=template, negative_prompt=negative)
    return Preset(id=name, team_id="1", version=1, content=content, created_at=0, updated_at=0)


STYLES = {"photo": preset("photo", "a photo of {{prompt}}", "blur"), "oil": preset("oil", "oil on canvas")}


@pytest.mark.parametrize(
    ("written", "prompt", "loras"),
    [
        ("a cat", "a cat", ()),
        ("a cat <lora:detail:0.8>", "a cat", (Lora("detail", 0.8),)),
        ("<lora:detail> a cat", "a cat", (Lora("detail", 1.0),)),
        ("a <lora:some name:-1> cat <lyco:b:.5:.5>", "a  cat", (Lora("some name", -1.0), Lora("b", 0.5))),
        ("a (cat:1.2) <3 [dog|cow]", "a (cat:1.2) <3 [dog|cow]", ()),
        ("a <wildcard:x>", "a <wildcard:x>", ()),
    ],
)
def test_loras_within_a_prompt(written: str, prompt: str, loras: tuple[Lora, ...]) -> None:
    assert without_networks(written) == (prompt, loras)
    assert without_networks(with_networks(prompt, loras)) == (prompt, loras)


@pytest.mark.parametrize(
    "written",
    ["<lora:>", "<lora::1>", "<lora:a:b>", "<lora:a:0.5:0.7>", "<lora:a:te=1>", "<lora:a:1e9>", "<lora:a:nan>", "<hypernet:a>"],
)
def test_loras_that_cannot_be_read(written: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        without_networks(f"a cat {written}")
    assert raised.value.field == "prompt"


def test_styles() -> None:
    one = words("a cat <lora:x>", "mud", ["photo"], STYLES)
    assert (one.prompt, one.negative_prompt, one.loras) == ("a photo of a cat", "blur, mud", (Lora("x"),))
    assert one.used is not None
    assert one.used.name == "photo"
    both = words("a cat", "", ["None", "photo", "oil"], STYLES, networks=False)
    assert (both.prompt, both.used) == ("oil on canvas\na photo of a cat", None)
    assert words("a cat <lora:x>", "", [], STYLES, networks=False).loras == ()
    with pytest.raises(NotFound, match='did you mean "photo"') as raised:
        words("a cat", "", ["foto"], STYLES)
    assert raised.value.field == "styles"
    assert shown("a {{prompt}} of {{thing}}") == "a {prompt} of {{thing}}"


@pytest.mark.parametrize(
    ("body", "ignored"),
    [
        ({"prompt": "a"}, ()),
        ({"url": "http://x", "auth": "", "hr_nothing": None, "extras": []}, ("url",)),
        ({"na,me\n": 1, "x" * 99: True}, ("na?me?", "x" * 60)),
    ],
)
def test_what_nobody_knows_is_passed_over_and_told(body: dict[str, Any], ignored: tuple[str, ...]) -> None:
    assert understood(body, Txt2Img).ignored == ignored


@pytest.mark.parametrize("name", ["promt", "cfg_scle", "sampler_nam", "overide_settings"])
def test_what_is_nearly_a_field_was_meant(name: str) -> None:
    with pytest.raises(InvalidInput, match="did you mean") as raised:
        understood({name: 1}, Txt2Img)
    assert raised.value.field == name
    assert understood({name: None}, Txt2Img).ignored == ()
