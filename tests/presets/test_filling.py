"""Which presets can be, and what the model is told when one is used."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.errors import InvalidInput
from gateway.presets.filling import check, fill
from gateway.presets.presets import Content, Preset
from gateway.presets.requirements import MissingVariable, Requirement


def preset(template: str, *requirements: Requirement, negative: str = "") -> Preset:
    content = Content(name="Shoe", prompt_template=template, negative_prompt=negative, requirements=requirements)
    return Preset(id="p", team_id="t", version=3, content=content, created_at=1, updated_at=2)


@pytest.mark.parametrize(
    ("template", "variables", "prompt", "told"),
    [
        ("a {{colour}} shoe", {"colour": "red"}, "", "a red shoe"),
        ("a {{colour}} shoe", {"colour": "red"}, "on a beach", "a red shoe\non a beach"),
        ("a shoe", {}, "  ", "a shoe"),
        ("", {}, "a shoe", "a shoe"),
        ("{{x}}", {"x": "{{y}}"}, "{{x}}", "{{y}}\n{{x}}"),
    ],
)
def test_the_prompt(template: str, variables: dict[str, Any], prompt: str, told: str) -> None:
    words = fill(preset(template), variables, prompt, "")
    assert words.prompt == told
    assert (words.used.id, words.used.version, words.used.name, words.used.variables) == ("p", 3, "Shoe", variables)


@pytest.mark.parametrize(("theirs", "ours", "told"), [("", "", ""), ("a", "", "a"), ("", "b", "b"), ("a", "b", "a, b")])
def test_the_negative_prompt(theirs: str, ours: str, told: str) -> None:
    assert fill(preset("a shoe", negative=theirs), {}, "", ours).negative_prompt == told


def test_a_missing_variable() -> None:
    with pytest.raises(MissingVariable, match='"colour"'):
        fill(preset("a {{colour}} shoe"), {}, "", "")


def test_presets_that_nobody_could_use() -> None:
    with pytest.raises(InvalidInput) as caught:
        check(preset("{{photo}}", Requirement(key="photo", type="file")).content, frozenset())
    assert caught.value.field == "promptTemplate"
    with pytest.raises(InvalidInput, match="100 are the most"):
        check(preset("".join(f"{{{{k{number}}}}}" for number in range(101))).content, frozenset())
    with pytest.raises(InvalidInput, match="another key"):
        check(preset("", Requirement(key="prompt")).content, frozenset({"prompt"}))
    check(preset("a {{colour}} shoe", Requirement(key="photo", type="file")).content, frozenset({"prompt"}))


def test_a_blank_that_stands_often_does_not_grow_to_gigabytes() -> None:
    often = preset("{{a}}" * 6, Requirement(key="a", type="text", label="A"))
    assert len(fill(often, {"a": "x" * 10_000}, "", "").prompt) == 60_000
    with pytest.raises(InvalidInput, match="100000 characters") as caught:
        fill(often, {"a": "x" * 20_000}, "", "")
    assert caught.value.field == "variables"
