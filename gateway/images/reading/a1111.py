"""A1111's `parameters`, as its family writes it: A1111, Forge, SD.Next, ComfyUI's savers; and ours, where only it is left."""

from __future__ import annotations

import re

from engines import infotext
from engines.contract import Lora
from gateway.images.reading.recipe import (
    LONGEST_PROMPT,
    MOST_LORAS,
    Format,
    Recipe,
    clip_skip,
    guidance,
    lora,
    model,
    others,
    sampler,
    seed,
    share,
    side,
    steps,
    text,
    weights,
)

_LORA = re.compile(r"<(?:lora|lyco):([^:<>]{1,200})(?::([^:<>]{0,20}))?(?::[^<>]{0,60})?>")
# Blanks are looked at from their first on only: from each of a hundred thousand it would take half a minute.
_NAMED = re.compile(rf"(?<![\s,])[\s,]*(?:{_LORA.pattern})(?:[\s,]*{_LORA.pattern})*(?:\s*,)?")
"""One or more of them, with the blanks before and the commas around."""
_USED = ("Steps", "Sampler", "Schedule type", "CFG scale", "Seed", "Size", "Model", "Model hash", "VAE", "Clip skip", "Version")
_ENLARGED = ("Hires upscale", "Hires resize", "Hires resize-1", "Hires upscaler")


def read(said: str) -> Recipe:
    """Text without fields is all prompt."""
    found = infotext.parse(said[:LONGEST_PROMPT])
    fields = found.fields
    prompt, loras = without_loras(found.prompt)
    size = infotext.size(fields.get("Size", "")) or (None, None)
    guided, distilled = guidance(fields.get("CFG scale")), guidance(fields.get("Distilled CFG Scale"))
    # Forge runs distilled models at a CFG of 1: their guidance is the other number.
    is_distilled = distilled is not None and guided in (None, 1)
    # With a second pass the number is that of the enlarging, not of a source picture.
    is_enlarged = any(key in fields for key in _ENLARGED)
    strength = None if is_enlarged else share(fields.get("Denoising strength"))
    used = (
        *_USED,
        *(["Denoising strength"] if strength is not None else []),
        *(["Distilled CFG Scale"] if is_distilled else []),
    )
    form, software = _software(fields.get("Version", ""))
    return Recipe(
        format=form,
        software=software,
        prompt=text(prompt),
        negative_prompt=text(found.negative_prompt),
        steps=steps(fields.get("Steps")),
        guidance_scale=distilled if is_distilled else guided,
        sampler=sampler(fields.get("Sampler"), fields.get("Schedule type")),
        seed=seed(fields.get("Seed")),
        width=side(size[0]),
        height=side(size[1]),
        model=model(fields.get("Model"), fields.get("Model hash")),
        loras=loras,
        strength=strength,
        vae=weights(fields.get("VAE")),
        clip_skip=clip_skip(fields.get("Clip skip")),
        more=others(dict(fields), *used),
    )


def without_loras(prompt: str) -> tuple[str, tuple[Lora, ...]]:
    """The prompt without its `<lora:name:weight>`, and those."""
    named = [lora(match[1], match[2]) for match in _LORA.finditer(prompt)]
    return _NAMED.sub(_left, prompt).strip(), tuple(each for each in named if each)[:MOST_LORAS]


def _left(named: re.Match[str]) -> str:
    """One comma where there were some, but none at the prompt's ends."""
    is_between = named.start() > 0 and named.end() < len(named.string)
    return "," if is_between and "," in _LORA.sub("", named[0]) else ""


def _software(version: str) -> tuple[Format, str]:
    said = text(version, 100)
    if said.startswith("Darkroom"):
        return "darkroom", said
    if said.startswith("ComfyUI"):
        return "a1111", said
    family = "Forge" if re.match(r"f\d|neo|classic", said) else "A1111"
    return "a1111", f"{family} {said}".strip()
