"""NovelAI's: the parameters as JSON in `Comment`, the model in `Source`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.images.reading.recipe import (
    Recipe,
    guidance,
    model,
    others,
    sampler,
    seed,
    share,
    side,
    steps,
    text,
)

_USED = ("prompt", "uc", "steps", "scale", "sampler", "noise_schedule", "seed", "width", "height")


def is_it(said: dict[str, Any], texts: Mapping[str, str]) -> bool:
    return texts.get("Software") == "NovelAI" or {"uc", "scale", "steps"} <= said.keys()


def read(said: dict[str, Any], texts: Mapping[str, str]) -> Recipe:
    name, _, hash = text(texts.get("Source"), 200).rpartition(" ")
    strength = share(said.get("strength")) if text(said.get("request_type"), 60).startswith("Image2Image") else None
    return Recipe(
        format="novelai",
        software="NovelAI",
        prompt=text(said.get("prompt") or texts.get("Description")),
        negative_prompt=text(said.get("uc")),
        steps=steps(said.get("steps")),
        guidance_scale=guidance(said.get("scale")),
        sampler=sampler(said.get("sampler"), said.get("noise_schedule"))
        if "noise_schedule" in said
        else sampler(said.get("sampler")),
        seed=seed(said.get("seed")),
        width=side(said.get("width")),
        height=side(said.get("height")),
        model=model(name, hash) if name else model(hash),
        strength=strength,
        more=others(said, *_USED),
    )
