"""SwarmUI's JSON (docs/Image Metadata Format.md there): numbers may be text, and no key is sure to be there."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from engines.contract import Lora
from gateway.images.reading.a1111 import without_loras
from gateway.images.reading.recipe import (
    MOST_LORAS,
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

PARAMS = "sui_image_params"
_EXTRA = "sui_extra_data"
_USED = (
    "prompt", "negativeprompt", "steps", "cfgscale", "sampler", "scheduler", "seed", "width", "height", "model", "loras",
    "loraweights", "vae", "clipstopatlayer", "swarm_version", "date",
)  # fmt: skip


def read(said: dict[str, Any]) -> Recipe:
    params = said[PARAMS] if isinstance(said.get(PARAMS), dict) else {}
    extra = said[_EXTRA] if isinstance(said.get(_EXTRA), dict) else {}
    prompt, inside = without_loras(text(params.get("prompt")))
    guided, distilled = guidance(params.get("cfgscale")), guidance(params.get("fluxguidancescale"))
    strength = share(params.get("initimagecreativity")) if "initimage" in params else None
    return Recipe(
        format="swarmui",
        software=f"SwarmUI {text(params.get('swarm_version'), 40)}".strip(),
        prompt=prompt,
        negative_prompt=text(params.get("negativeprompt")),
        steps=steps(params.get("steps")),
        guidance_scale=distilled if distilled is not None and guided in (None, 1) else guided,
        sampler=sampler(params.get("sampler"), params.get("scheduler")),
        seed=seed(params.get("seed")),
        width=side(params.get("width")),
        height=side(params.get("height")),
        model=model(params.get("model"), _hash(said)),
        loras=(*_loras(params), *inside)[:MOST_LORAS],
        strength=strength,
        vae=weights(params.get("vae")),
        clip_skip=clip_skip(params.get("clipstopatlayer")),
        created_at=_day(extra.get("date") or params.get("date")),
        more=others({**extra, **params}, *_USED),
    )


def _loras(params: dict[str, Any]) -> tuple[Lora, ...]:
    names, given = _several(params.get("loras")), _several(params.get("loraweights"))
    found = [lora(name, given[index] if index < len(given) else 1) for index, name in enumerate(names[:MOST_LORAS])]
    return tuple(each for each in found if each)


def _several(value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    said = text(value)
    return said.split(",") if said else []


def _hash(said: dict[str, Any]) -> str:
    listed = said.get("sui_models")
    for each in listed[:100] if isinstance(listed, list) else []:
        if isinstance(each, dict) and each.get("param") == "model":
            return text(each.get("hash"), 200).removeprefix("0x")
    return ""


def _day(value: Any) -> int | None:
    try:
        moment = datetime.fromisoformat(text(value, 40))
        seconds = int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp())
    except (ValueError, OverflowError):
        return None
    return seconds * 1_000_000 if seconds > 0 else None
