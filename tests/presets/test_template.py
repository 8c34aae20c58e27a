"""Blanks in templates: found, filled, and nothing else touched."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.presets.template import keys, render


@pytest.mark.parametrize(
    ("template", "found"),
    [
        ("", ()),
        ("a cat", ()),
        ("a {{animal}}", ("animal",)),
        ("{{a}}{{b}}{{a}}", ("a", "b")),
        ("{{สินค้า}} and {{été_2}}", ("été_2",)),
        ("{{ a }} {a} {{a}", ()),
        ("{{1a}} {{a-b}} {{a.b}} {{}} {{_a}}", ("_a",)),
        ("{{{a}}}", ("a",)),
        ("${a} %(a)s {0} {% a %} {{#a}}", ()),
    ],
)
def test_keys(template: str, found: tuple[str, ...]) -> None:
    assert keys(template) == found


@pytest.mark.parametrize(
    ("template", "values", "rendered"),
    [
        ("a {{x}} b", {"x": "cat"}, "a cat b"),
        ("{{x}}{{y}}{{x}}", {"x": "1", "y": "2"}, "121"),
        ("{{x}}", {"x": "{{y}}", "y": "no"}, "{{y}}"),
        ("{{x}}", {"x": r"\1 \g<0> $& %s {0}"}, r"\1 \g<0> $& %s {0}"),
        ("{{ x }} {x}", {"x": "no"}, "{{ x }} {x}"),
        ("{{x}}", {"x": "ภาพถ่ายรองเท้าวิ่ง 👟 نص"}, "ภาพถ่ายรองเท้าวิ่ง 👟 نص"),
    ],
)
def test_render(template: str, values: dict[str, str], rendered: str) -> None:
    assert render(template, values) == rendered


@given(st.text())
def test_a_template_without_blanks_stays_as_it_is(template: str) -> None:
    if not keys(template):
        assert render(template, {}) == template


@given(st.text(), st.text(), st.text())
def test_a_value_goes_in_as_it_is(before: str, value: str, after: str) -> None:
    if not keys(before) and not keys(after) and not before.endswith("{") and not after.startswith("}"):
        assert render(before + "{{key}}" + after, {"key": value}) == before + value + after
