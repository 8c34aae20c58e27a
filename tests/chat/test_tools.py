"""What a language model may choose, and how its choice is read."""

from __future__ import annotations

import json

import msgspec
import pytest

from gateway.api.chat import wire
from gateway.chat.tools import LONGEST_PROMPT, TOOLS, BadCall, Call, Edit, Generate, Upscale, Wish, wish


@pytest.mark.parametrize(
    ("name", "arguments", "meant"),
    [
        ("edit", '{"prompt": "blue"}', Edit("blue")),
        ("edit", '{"prompt": "blue", "strength": 1, "mood": "calm"}', Edit("blue", 1.0)),  # models add what they like
        ("edit", '{"prompt": "blue", "strength": null}', Edit("blue")),
        ("generate", '{"prompt": "a star", "aspect_ratio": "16:9"}', Generate("a star", "16:9")),
        ("upscale", "", Upscale()),
        ("upscale", '{"scale": 4}', Upscale(4.0)),
    ],
)
def test_what_is_called_rightly(name: str, arguments: str, meant: Wish) -> None:
    assert wish(Call(name, arguments)) == meant
    assert wire.tool(Call(name, arguments)).arguments == json.loads(arguments or "{}")


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("", "{}"),
        ("delete", "{}"),
        ("edit", "{}"),
        ("edit", "blue"),
        ("edit", '{"prompt": "blue"'),
        ("edit", '{"prompt": 1}'),
        ("edit", json.dumps({"prompt": "x" * (LONGEST_PROMPT + 1)})),
        ("edit", '{"prompt": "blue", "strength": 2}'),
        ("edit", '{"prompt": "\\ud800"}'),
        ("generate", '{"prompt": "a", "aspect_ratio": "5:7"}'),
        ("upscale", '{"scale": 1}'),
        ("upscale", '{"scale": NaN}'),
        ("upscale", "[" * 100_000),
        # What is passed over is shown all the same, so that it must be what can be shown.
        ("edit", '{"prompt": "blue", "mood": 1e999}'),
        ("edit", '{"prompt": "blue", "mood": ' + "9" * 6000 + "}"),
        ("edit", '{"prompt": "blue", "mood": ' + "[" * 5_000 + "]" * 5_000 + "}"),
        ("edit", '{"prompt": "a\\u0000b"}'),
    ],
)
def test_what_is_called_wrongly(name: str, arguments: str) -> None:
    with pytest.raises(BadCall):
        wish(Call(name, arguments))


def test_every_tool_is_described_as_it_is_read() -> None:
    shapes = {"edit": Edit, "generate": Generate, "upscale": Upscale}
    assert [tool["function"]["name"] for tool in TOOLS] == list(shapes)
    for tool in TOOLS:
        parameters = tool["function"]["parameters"]
        fields = msgspec.structs.fields(shapes[tool["function"]["name"]])
        assert list(parameters["properties"]) == [field.name for field in fields]
        assert parameters["required"] == [field.name for field in fields if field.required]
