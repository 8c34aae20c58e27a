"""Of which fields only some values can be met, and why: everything else is refused by name. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from msgspec import Struct

from gateway.errors import InvalidInput


class Rule(NamedTuple):
    """A value that `met` is true of asks for nothing that is not done."""

    met: Callable[[Any], bool]
    why: str


def refuse(asked: Struct, rules: Mapping[str, Rule]) -> None:
    """Raises InvalidInput for the first field that asks for what is not done."""
    for field, rule in rules.items():
        if not rule.met(getattr(asked, field)):
            raise InvalidInput(f"{field}: {rule.why}.", field=field)


def only(*values: object) -> Callable[[Any], bool]:
    """None, which is what was left out, or one of these; 0 is 0.0, but no False."""
    return lambda given: given is None or any(given == value and _kind(given) == _kind(value) for value in values)


def _kind(value: object) -> type:
    return float if isinstance(value, int) and not isinstance(value, bool) else type(value)


def _at_most_zero(given: Any) -> bool:
    return given is None or given <= 0


def _no_scripts(given: Any) -> bool:
    """A script without arguments, or that is switched off (`[false]`), does nothing."""
    return all(not _arguments(told) for told in (given or {}).values())


def _arguments(told: Any) -> bool:
    args = told.get("args") if isinstance(told, dict) else told
    return bool(args) and args != [False]


_FACES = "no model that restores faces is here; leave it out"
_SIGMAS = "samplers run with their own churn and noise; leave it out"
PROCESSING: dict[str, Rule] = {
    "subseed_strength": Rule(only(0), "a second seed is not mixed in; use another seed, and leave this out"),
    "seed_resize_from_h": Rule(_at_most_zero, "noise is not taken from another size; leave it out"),
    "seed_resize_from_w": Rule(_at_most_zero, "noise is not taken from another size; leave it out"),
    "restore_faces": Rule(only(False), _FACES),
    "tiling": Rule(only(False), "pictures are not made to be tiled; leave it out"),
    # 1 is what ancestral samplers use, 0 DDIM; some clients always send the one or the other.
    "eta": Rule(only(0, 1), "samplers run with their own eta; leave it out"),
    "s_min_uncond": Rule(only(0), _SIGMAS),
    "s_churn": Rule(only(0), _SIGMAS),
    "s_tmax": Rule(only(0), _SIGMAS),
    "s_tmin": Rule(only(0), _SIGMAS),
    "s_noise": Rule(only(1), _SIGMAS),
    "clip_skip": Rule(only(0, 1), "the last layers of the text encoder are always used; leave it out"),
    "refiner_checkpoint": Rule(only("", "None"), "one model makes the whole picture; leave it out"),
    "firstpass_image": Rule(only(""), "there is no first pass to put a picture into; leave it out"),
    "script_name": Rule(only("", "None"), "there is no such script here, and there are no others; leave it out"),
    "alwayson_scripts": Rule(_no_scripts, "there are no scripts and extensions here; leave it out"),
}
"""Of txt2img and img2img."""
CHANGING: dict[str, Rule] = {
    "resize_mode": Rule(only(0, 1, 2), "0 stretches, 1 cuts off, 2 draws the edges out; nothing else is done"),
    "initial_noise_multiplier": Rule(only(1), "the noise is as strong as denoising_strength says; leave it out"),
    "latent_mask": Rule(only(""), "masks are of pictures; send it as mask"),
}
"""Of img2img besides."""
MASKED: dict[str, Rule] = {
    "mask_round": Rule(only(True), "what is half masked is not half painted; leave it out"),
    "inpainting_fill": Rule(only(0, 1), "masked places begin as 0, the colours around them, or 1, what was there"),
    "inpainting_mask_invert": Rule(only(0, 1), "0 paints what is white, 1 what is black"),
}
"""Of img2img with a mask."""
EXTRAS: dict[str, Rule] = {
    "resize_mode": Rule(only(0, 1), "0 enlarges by a factor, 1 to a size"),
    "gfpgan_visibility": Rule(only(0), _FACES),
    "codeformer_visibility": Rule(only(0), _FACES),
    "extras_upscaler_2_visibility": Rule(only(0), "one upscaler makes the picture; leave it out"),
}
