"""The tools as data: schemas that every client's language model takes, and none that hides anything."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from gateway.api.gallery.asked import EditImage, GenerateImage, UpscaleImage
from gateway.api.mcp.tools import TOOLS, schema

ALL = [shape for tool in TOOLS.values() for shape in (tool.takes, tool.gives) if shape]
ELSEWHERE = {"webhook": "wait_for_job"}
"""Fields of the gallery that the tools have not -> what there is instead; calling with one names that."""


@pytest.mark.parametrize("shape", ALL, ids=lambda shape: shape.__name__)
def test_it_is_plain(shape: Any) -> None:
    made = schema(shape)
    Draft202012Validator.check_schema(made)
    text = json.dumps(made)
    assert made["type"] == "object"
    assert "$ref" not in text
    assert "$defs" not in text


@pytest.mark.parametrize("tool", TOOLS.values(), ids=TOOLS)
def test_every_argument_is_described_and_has_one_type(tool: Any) -> None:
    made = schema(tool.takes)
    assert made["additionalProperties"] is False
    assert list(made["properties"])[: len(made.get("required", []))] == made.get("required", [])
    for name, field in made["properties"].items():
        assert field["description"], name
        assert isinstance(field["type"], str), name
        assert "anyOf" not in field


@pytest.mark.parametrize(
    ("tool", "own"), [("generate_image", GenerateImage), ("edit_image", EditImage), ("upscale_image", UpscaleImage)]
)
def test_what_the_gallery_takes_the_tools_take(tool: str, own: Any) -> None:
    takes = TOOLS[tool].takes
    missing = set(own.__struct_fields__) - set(takes.__struct_fields__)
    assert missing == set(ELSEWHERE)
    for name, instead in ELSEWHERE.items():
        assert instead in takes.elsewhere[name]  # type: ignore[attr-defined]
