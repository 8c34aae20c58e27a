"""Our own chunk: everything, exactly."""

from __future__ import annotations

from typing import Any

from gateway.images.reading.recipe import (
    MOST_LORAS,
    Recipe,
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
    "prompt",
    "negative_prompt",
    "steps",
    "guidance_scale",
    "sampler",
    "seed",
    "size",
    "model",
    "loras",
    "strength",
    "version",
)


def read(said: dict[str, Any]) -> Recipe:
    size = said["size"] if isinstance(said.get("size"), dict) else {}
    listed = said["loras"] if isinstance(said.get("loras"), list) else []
    loras = [lora(each.get("name"), each.get("weight")) for each in listed if isinstance(each, dict)]
    return Recipe(
        format="darkroom",
        software=f"Darkroom {text(said.get('version'), 40)}".strip(),
        prompt=text(said.get("prompt")),
        negative_prompt=text(said.get("negative_prompt")),
        steps=steps(said.get("steps")),
        guidance_scale=guidance(said.get("guidance_scale")),
        sampler=sampler(said.get("sampler")),
        seed=seed(said.get("seed")),
        width=side(size.get("width")),
        height=side(size.get("height")),
        model=model(said.get("model"), said.get("revision")),
        loras=tuple(each for each in loras if each)[:MOST_LORAS],
        strength=share(said.get("strength")),
        more=others(said, *_USED),
    )
