"""InvokeAI's three ways, the newest first: `invokeai_metadata` (since 3), `sd-metadata` (2), and `Dream` (1 and before)."""

from __future__ import annotations

import re
from typing import Any

from engines.contract import Lora
from gateway.images.reading.recipe import (
    LONGEST_PROMPT,
    MOST_LORAS,
    ModelName,
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
)

_USED = (
    "positive_prompt", "negative_prompt", "steps", "cfg_scale", "scheduler", "seed", "width", "height", "model", "loras",
    "vae", "clip_skip", "app_version",
)  # fmt: skip
_LOCAL = {"s": "steps", "S": "seed", "W": "width", "H": "height", "C": "cfg_scale", "A": "sampler", "f": "strength"}
_SWITCH = re.compile(r'(?:^|(?<=\s))-(?P<switch>[a-zA-Z]) ?(?P<value>"[^"]*"|\S+)')
_NEGATIVE = re.compile(r"\[([^\[\]]*)\]")


def read(said: dict[str, Any]) -> Recipe:
    """`invokeai_metadata`."""
    guided, distilled = guidance(said.get("cfg_scale")), guidance(said.get("guidance"))
    is_distilled = distilled is not None and guided in (None, 1)
    has_source = said.get("init_image") is not None or "img2img" in text(said.get("generation_mode"), 60)
    strength = share(said.get("strength")) if has_source else None
    used = [*_USED, *(["guidance"] if is_distilled else []), *(["strength"] if strength is not None else [])]
    return Recipe(
        format="invokeai",
        software=f"InvokeAI {text(said.get('app_version'), 40)}".strip(),
        prompt=text(said.get("positive_prompt")),
        negative_prompt=text(said.get("negative_prompt")),
        steps=steps(said.get("steps")),
        guidance_scale=distilled if is_distilled else guided,
        sampler=_sampler(said.get("scheduler")),
        seed=seed(said.get("seed")),
        width=side(said.get("width")),
        height=side(said.get("height")),
        model=_model(said.get("model")),
        loras=_loras(said.get("loras")),
        strength=strength,
        vae=_model(said.get("vae")).name,
        clip_skip=clip_skip(said.get("clip_skip")),
        more=others(said, *used),
    )


def read_second(said: dict[str, Any]) -> Recipe:
    """`sd-metadata`."""
    image = said["image"] if isinstance(said.get("image"), dict) else {}
    prompt, negative = _split(_weighted(image.get("prompt")))
    used = ("prompt", "steps", "cfg_scale", "sampler", "seed", "width", "height", "strength")
    return Recipe(
        format="invokeai",
        software=f"InvokeAI {text(said.get('app_version'), 40)}".strip(),
        prompt=prompt,
        negative_prompt=negative,
        steps=steps(image.get("steps")),
        guidance_scale=guidance(image.get("cfg_scale")),
        sampler=_sampler(image.get("sampler")),
        seed=seed(image.get("seed")),
        width=side(image.get("width")),
        height=side(image.get("height")),
        model=model(said.get("model_weights") or said.get("model"), said.get("model_hash")),
        strength=share(image.get("strength")) if image.get("type") == "img2img" else None,
        more=others(image, *used),
    )


def read_first(said: str) -> Recipe:
    """`Dream`: the line that was typed, such as `"a cat [blurry]" -s 50 -S 42 -W 512 -H 512 -C 7.5 -A k_lms`."""
    said = said[:LONGEST_PROMPT].strip()
    quoted = re.match(r'"((?:\\.|[^"\\])*)"', said)
    first = _SWITCH.search(said)
    typed = quoted[1] if quoted else said[: first.start()] if first else said
    rest = said[quoted.end() :] if quoted else said[first.start() :] if first else ""
    switches = {match["switch"]: match["value"].strip('"') for match in _SWITCH.finditer(rest)}
    values = {name: switches.pop(switch, None) for switch, name in _LOCAL.items()}
    prompt, negative = _split(text(typed))
    return Recipe(
        format="invokeai",
        software="InvokeAI 1",
        prompt=prompt,
        negative_prompt=negative,
        steps=steps(values["steps"]),
        guidance_scale=guidance(values["cfg_scale"]),
        sampler=_sampler(values["sampler"]),
        seed=seed(values["seed"]),
        width=side(values["width"]),
        height=side(values["height"]),
        strength=share(values["strength"]) if "I" in switches else None,
        more=others(dict(switches)),
    )


def _sampler(name: Any) -> str | None:
    """`dpmpp_2m_sde_k` is our "DPM++ 2M SDE Karras", `euler_a` our "Euler a"."""
    said = text(name, 100).lower().removeprefix("k_")
    schedule = "Karras" if said.endswith("_k") else None
    said = said.removesuffix("_k")
    said = {"kdpm_2": "dpm_2", "kdpm_2_a": "dpm_2_ancestral", "k_dpm_2": "dpm_2", "dpmpp_2s": "dpmpp_2s_ancestral"}.get(
        said, said
    )
    return sampler(said, schedule)


def _model(value: Any) -> ModelName:
    """With `name` and `hash` since 4, with `model_name` before."""
    if not isinstance(value, dict):
        return model(value)
    called = text(value.get("name") or value.get("model_name"), 200)
    return ModelName(called, text(value.get("hash"), 200))


def _loras(value: Any) -> tuple[Lora, ...]:
    found = []
    for each in value if isinstance(value, list) else []:
        if isinstance(each, dict):
            found.append(lora(_model(each.get("model") or each.get("lora")).name, each.get("weight")))
    return tuple(one for one in found if one)[:MOST_LORAS]


def _weighted(value: Any) -> str:
    """A prompt, or several with weights."""
    if isinstance(value, list):
        return ", ".join(text(each.get("prompt")) for each in value[:100] if isinstance(each, dict))
    return text(value)


def _split(prompt: str) -> tuple[str, str]:
    """What stands in brackets is what is not wanted."""
    negative = ", ".join(part.strip() for part in _NEGATIVE.findall(prompt))
    return " ".join(_NEGATIVE.sub(" ", prompt).split()) if negative else prompt, text(negative)
