"""What a language model may choose to do, in the form of the chat completions API, and how its choice is read. Pure."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias, get_args

import msgspec
from msgspec import Meta, Struct

LONGEST_PROMPT = 8000
Ratio = Literal["1:1", "16:9", "9:16", "4:3", "3:4", "2:1"]
_Prompt = Annotated[str, Meta(min_length=1, max_length=LONGEST_PROMPT)]


class Edit(Struct, frozen=True):
    """Another version of the current picture."""

    prompt: _Prompt
    strength: Annotated[float, Meta(ge=0, le=1)] | None = None


class Generate(Struct, frozen=True):
    """A new picture, from words alone."""

    prompt: _Prompt
    aspect_ratio: Ratio | None = None


class Upscale(Struct, frozen=True):
    """The current picture, larger."""

    scale: Annotated[float, Meta(ge=1.1, le=16)] = 2.0


Wish: TypeAlias = Edit | Generate | Upscale
_WISHES: dict[str, type[Wish]] = {"edit": Edit, "generate": Generate, "upscale": Upscale}


class Call(Struct, frozen=True):
    """A tool by its name, with its arguments as the language model wrote them."""

    name: str
    arguments: str = "{}"
    id: str = ""
    """The server's own; empty where it gave none."""


class BadCall(Exception):
    """No tool, or no arguments that it takes; the text is for the language model."""


def wish(call: Call) -> Wish:
    """What the call asks for. Raises BadCall."""
    shape = _WISHES.get(call.name)
    if shape is None:
        raise BadCall(f"There is no tool {call.name[:60]!r}; there are {', '.join(_WISHES)}.")
    try:
        # All of it first, what the shape passes over too: it is kept as it is, and shown again.
        wanted = msgspec.convert(arguments(call), shape)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise BadCall(f"These arguments cannot be taken: {error}. Call {call.name} again with arguments that can.") from None
    if not isinstance(wanted, Upscale) and "\0" in wanted.prompt:
        raise BadCall(f"Text cannot hold the character U+0000; call {call.name} again without it.")
    return wanted


def arguments(call: Call) -> dict[str, Any]:
    """As they were written; none are no arguments. Raises msgspec.DecodeError, UnicodeError, RecursionError."""
    return msgspec.json.decode(call.arguments or "{}", type=dict[str, Any])


def _tool(name: str, description: str, required: list[str], **properties: dict[str, Any]) -> dict[str, Any]:
    parameters = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    return {"type": "function", "function": {"name": name, "description": description, "parameters": parameters}}


TOOLS: list[dict[str, Any]] = [
    _tool(
        "edit",
        "Change the current picture. The result becomes the current picture.",
        ["prompt"],
        prompt={"type": "string", "description": "What the picture shall show after the change, or the change itself."},
        strength={"type": "number", "minimum": 0, "maximum": 1, "description": "How much is made anew; leave out if unsure."},
    ),
    _tool(
        "generate",
        "Make a new picture from words alone, not from the current picture. The result becomes the current picture.",
        ["prompt"],
        prompt={"type": "string", "description": "What the picture shall show."},
        aspect_ratio={"type": "string", "enum": list(get_args(Ratio)), "description": "Width to height."},
    ),
    _tool(
        "upscale",
        "Make the current picture larger without changing it. The result becomes the current picture.",
        [],
        scale={"type": "number", "minimum": 1.1, "maximum": 16, "description": "How many times as wide and as high."},
    ),
]  # fmt: skip
