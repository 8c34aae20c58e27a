"""From a preset and what a request brings to the words for the model. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from gateway.errors import InvalidInput
from gateway.presets import requirements as asks
from gateway.presets import template
from gateway.presets.presets import Content, Preset, Used

MOST_BLANKS = 100
LONGEST_PROMPT = 100_000
"""Characters: a blank that stands often, filled with a long value, must not grow to gigabytes."""


class Words(NamedTuple):
    """What the model is told, and what it came from."""

    prompt: str
    negative_prompt: str
    used: Used


def check(content: Content, reserved: frozenset[str]) -> None:
    """Raises InvalidInput for a preset that nobody could use; `reserved` are the fields of every request."""
    asks.check(content.requirements, reserved)
    blanks = template.keys(content.prompt_template)
    if len(blanks) > MOST_BLANKS:
        raise InvalidInput(f"The template has {len(blanks)} blanks; {MOST_BLANKS} are the most.", field="promptTemplate")
    for one in content.requirements:
        if one.type == "file" and one.key in blanks:
            raise InvalidInput(
                f'"{one.key}" is a file, which becomes a reference picture and no words; take {{{{{one.key}}}}} out.',
                field="promptTemplate",
            )


def fill(preset: Preset, variables: Mapping[str, Any], prompt: str, negative_prompt: str) -> Words:
    """The template with its blanks filled in is the base; the request's own prompt stands behind it, on a line of its own.

    The negative prompts of both are joined. Raises MissingVariable, and InvalidInput for variables that are wrong.
    """
    content = preset.content
    values = asks.texts(content.requirements, template.keys(content.prompt_template), variables)
    if template.rendered_length(content.prompt_template, values) > LONGEST_PROMPT:
        raise InvalidInput(f"The prompt gets longer than {LONGEST_PROMPT} characters; shorten the values.", field="variables")
    base = template.render(content.prompt_template, values)
    return Words(
        prompt="\n".join(part for part in (base.strip(), prompt.strip()) if part),
        negative_prompt=", ".join(part for part in (content.negative_prompt.strip(), negative_prompt.strip()) if part),
        used=Used(id=preset.id, version=preset.version, name=content.name, variables=dict(variables)),
    )
