"""What language models are asked for and a model of pictures cannot give: refused by name, for it would be missed. Pure.

Parameters that only say how words are chosen (temperature, stop, a bound on tokens) are none of these: no words are
chosen, so that they are kept to whatever they say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

from msgspec import Struct

from gateway.errors import InvalidInput

TOOL: Literal["image_generation"] = "image_generation"


class Rule(NamedTuple):
    """A value that `missed` is true of would be missed, and why."""

    missed: Callable[[Any], bool]
    why: str


def refuse(asked: Struct, rules: Mapping[str, Rule]) -> None:
    """Raises InvalidInput, naming the first field that asks for what cannot be given."""
    for field, rule in rules.items():
        if (value := getattr(asked, field)) is not None and rule.missed(value):
            raise InvalidInput(f"{field} {rule.why}", field=field)


def _given(_: Any) -> bool:
    return True


def _not_text(value: Any) -> bool:
    return _type(value) not in (None, "text")


def _shaped(value: Any) -> bool:
    return isinstance(value, dict) and _not_text(value.get("format"))


def _forced(value: Any) -> bool:
    """A tool must be called, and that is not the one for pictures."""
    if isinstance(value, str):
        return value not in ("auto", "none")
    return bool(_type(value) != TOOL)


def _other_tool(value: Any) -> bool:
    """The tool for pictures must not be called, or another must."""
    if isinstance(value, str):
        return value not in ("auto", "required")
    if _type(value) == "allowed_tools":
        return TOOL not in [_type(each) for each in value.get("tools") or ()]
    return bool(_type(value) != TOOL)


def _type(value: Any) -> Any:
    return value.get("type") if isinstance(value, dict) else None


_AUDIO = Rule(_given, "asks for sound, and here are pictures; leave it out.")
_PROBABILITIES = Rule(bool, "asks for the probabilities of words, and no words are chosen; leave it out.")
_MODERATION = Rule(_given, "asks for results of a moderation, and none is run here; leave it out.")
CHAT: dict[str, Rule] = {
    "audio": _AUDIO,
    "logprobs": _PROBABILITIES,
    "top_logprobs": _PROBABILITIES,
    "modalities": Rule(lambda value: "audio" in value, "asks for sound, and here are pictures; leave audio out."),
    "moderation": _MODERATION,
    "response_format": Rule(_not_text, "asks for words of a form, and the answer is a picture; leave it out."),
    "tool_choice": Rule(_forced, "forces a tool, and a model of pictures calls none; leave it out, or say auto."),
    "function_call": Rule(_forced, "forces a function, and a model of pictures calls none; leave it out, or say auto."),
    "web_search_options": Rule(_given, "asks for a search of the web, and none is made here; leave it out."),
}
RESPONSES: dict[str, Rule] = {
    "top_logprobs": _PROBABILITIES,
    "moderation": _MODERATION,
    "text": Rule(_shaped, "asks for words of a form, and the answer is a picture; leave it out."),
    "tool_choice": Rule(_other_tool, "leaves no way to make a picture; leave it out, or choose image_generation."),
    "conversation": Rule(_given, "names what is not kept here; send the input whole, or a previous_response_id."),
    "prompt": Rule(_given, "names a template that is not kept here; send its words as the input."),
    "access_programs": Rule(_given, "is for models of OpenAI's own; leave it out."),
    "image": Rule(
        lambda value: not isinstance(value, dict) or value.get("context_compression") == "enabled",
        "asks that pictures be compressed as they are looked at, and they are not; leave it out.",
    ),
}
