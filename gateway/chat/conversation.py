"""What a language model is told: the house's words, and what was said before, as the chat completions API has it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gateway.chat.records import Message
from gateway.chat.tools import Call
from gateway.images.image import Image

Turn = dict[str, Any]

SYSTEM = """\
You help a person to make and change pictures. There is one current picture. Use a tool where they ask for a picture or a
change, one tool for a message; answer in words only where they ask something, or where it is unclear what they want. Write
prompts in English, naming what the picture shall show. A tool's picture takes a while; do not describe what you cannot see.
The current picture is {width} x {height} pixels. It was made with the prompt: {prompt}"""
LONGEST_PROMPT = 2000
"""Characters of the current picture's prompt that it is told."""


def opening(image: Image | None) -> Turn:
    """`image` is the current picture; None where it is gone."""
    if image is None:
        return {"role": "system", "content": SYSTEM.partition("\nThe current picture")[0] + "\nThe current picture is gone."}
    told = SYSTEM.format(width=image.width, height=image.height, prompt=image.prompt[:LONGEST_PROMPT] or "(unknown)")
    return {"role": "system", "content": told}


def turns(history: Iterable[Message]) -> Iterable[Turn]:
    """What was said, oldest first, with what became of each tool."""
    for each in history:
        if each.role == "user":
            yield {"role": "user", "content": each.text}
        elif each.tool is not None:
            yield from called(each.tool, each.id, _outcome(each), each.text)
        elif each.text:
            yield {"role": "assistant", "content": each.text}
        elif each.job_id:
            yield {"role": "assistant", "content": _outcome(each)}


def called(call: Call, name: str, outcome: str, text: str = "") -> tuple[Turn, Turn]:
    """A tool's call and its result; `name` stands for its id where its server gave none."""
    call_id = call.id or f"call_{name}"
    function = {"name": call.name, "arguments": call.arguments}
    told = {
        "role": "assistant",
        "content": text or None,
        "tool_calls": [{"id": call_id, "type": "function", "function": function}],
    }
    return told, {"role": "tool", "tool_call_id": call_id, "content": outcome}


def _outcome(each: Message) -> str:
    if each.state == "failed":
        return f"It failed: {each.error_message or 'for a reason that is not known'}"
    return "The picture is done, and is the current picture now." if each.image_id else "No picture came of it."
