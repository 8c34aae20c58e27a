"""Prompts as this family writes them: `<lora:name:weight>` within, and styles around. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from msgspec import Struct

from engines.contract import Lora
from gateway.errors import InvalidInput, NotFound
from gateway.nearest import did_you_mean, listed
from gateway.presets import template
from gateway.presets.filling import fill
from gateway.presets.presets import Preset, Used

_NETWORK = re.compile(r"<(lora|lyco|hypernet):([^<>]*)>")
PROMPT = "prompt"
"""The blank of a preset that the request's own prompt goes into, as into A1111's `{prompt}`."""
NONE = "None"
"""The style that is none."""


class Words(Struct, frozen=True, kw_only=True):
    """What the model is told."""

    prompt: str
    negative_prompt: str
    loras: tuple[Lora, ...] = ()
    used: Used | None = None
    """The preset, where there was one style."""


def words(
    prompt: str, negative_prompt: str, styles: Sequence[str], presets: Mapping[str, Preset], *, networks: bool = True
) -> Words:
    """`presets` by name; `networks` false leaves out what the prompt names of them. Raises InvalidInput, MissingVariable."""
    wanted = [_style(name, presets) for name in styles if name not in ("", NONE)]
    used = None
    for preset in wanted:
        prompt, negative_prompt, used = _styled(preset, prompt, negative_prompt)
    plain, loras = without_networks(prompt)
    return Words(
        prompt=plain,
        negative_prompt=negative_prompt,
        loras=loras if networks else (),
        used=used if len(wanted) == 1 else None,
    )


def without_networks(prompt: str) -> tuple[str, tuple[Lora, ...]]:
    """The prompt without what it names of LoRAs, and those. Raises InvalidInput for one that cannot be read."""
    return _NETWORK.sub("", prompt).strip(), tuple(_lora(*found.groups()) for found in _NETWORK.finditer(prompt))


def with_networks(prompt: str, loras: Sequence[Lora]) -> str:
    """The prompt as it was written."""
    return prompt + "".join(f" <lora:{lora.name}:{lora.weight:g}>" for lora in loras)


def shown(content: str) -> str:
    """A preset's template as A1111 writes a style."""
    return content.replace(f"{{{{{PROMPT}}}}}", "{prompt}")


def _style(name: str, presets: Mapping[str, Preset]) -> Preset:
    if name in presets:
        return presets[name]
    near = did_you_mean(name, presets) or (f"; there are {listed(presets)}." if presets else "; there are none.")
    raise NotFound(f'There is no style "{name}"{near} Styles are the team\'s presets.', field="styles")


def _styled(preset: Preset, prompt: str, negative_prompt: str) -> tuple[str, str, Used]:
    takes_prompt = PROMPT in template.keys(preset.content.prompt_template)
    variables = {PROMPT: prompt} if takes_prompt else {}
    done = fill(preset, variables, "" if takes_prompt else prompt, negative_prompt)
    return done.prompt, done.negative_prompt, done.used


def _lora(kind: str, said: str) -> Lora:
    whole = f"<{kind}:{said}>"
    if kind == "hypernet":
        raise InvalidInput(f"{whole}: hypernetworks are not here; leave it out.", field="prompt")
    name, _, rest = said.partition(":")
    try:
        weights = {float(weight) for weight in rest.split(":")} if rest else {1.0}
    except ValueError:
        weights = set()
    if not name.strip() or len(weights) != 1 or not all(abs(weight) <= 100 for weight in weights):
        raise InvalidInput(f"{whole[:200]}: write <lora:name:weight>, with one weight for all of it.", field="prompt")
    return Lora(name.strip(), weights.pop())
