"""What any tool's metadata comes down to; every field in our terms, and within bounds whatever the file says."""

from __future__ import annotations

import re
from typing import Any, Literal

from msgspec import Struct

from engines import samplers
from engines.contract import Lora

Format = Literal["darkroom", "a1111", "comfyui", "invokeai", "swarmui", "novelai"]

LONGEST_PROMPT = 100_000
"""Characters; no tool takes more."""
LONGEST_NAME = 200
LARGEST_SEED = 2**63 - 1
"""What the database holds. ComfyUI draws up to 2**64: a larger seed is kept in `more`, as text."""
MOST_LORAS = 32
_LONGEST_WORD = 10_000
_MOST_KEPT = 200
_DEEPEST_KEPT = 6
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_WEIGHTS = re.compile(r"\.(?:safetensors|sft|ckpt|pt|pth|bin|gguf)$", re.IGNORECASE)
_WHOLE = re.compile(r"\s*[-+]?[0-9]{1,20}(?:\.0*)?\s*")


class ModelName(Struct, frozen=True):
    """A model as the tool called it, without folder and ending; both are empty where the file does not say."""

    name: str = ""
    hash: str = ""
    """Hexadecimal, of whatever kind the tool writes: ten digits of SHA-256 from A1111, BLAKE3 from InvokeAI."""


class Recipe(Struct, frozen=True, kw_only=True):
    """How a picture was made, as far as its file tells; None and empty mean that it does not."""

    format: Format
    """Whose way of writing it is."""
    software: str = ""
    """What wrote it, with its version where that is told."""
    prompt: str = ""
    negative_prompt: str = ""
    steps: int | None = None
    guidance_scale: float | None = None
    sampler: str | None = None
    """As `engines.samplers` calls it; one that is not in its table as the tool wrote it."""
    seed: int | None = None
    width: int | None = None
    height: int | None = None
    """What was asked for; the picture may be larger, where it was enlarged afterwards."""
    model: ModelName = ModelName()
    loras: tuple[Lora, ...] = ()
    strength: float | None = None
    """How much of a source picture was made anew; None: there was none."""
    vae: str = ""
    clip_skip: int | None = None
    created_at: int | None = None
    """Microseconds since the epoch, where the metadata has a date of its own."""
    more: dict[str, Any] = {}
    """What else was said, by the tool's own keys."""


def text(value: Any, longest: int = LONGEST_PROMPT) -> str:
    """A string as it can be stored, or a number as a string; empty for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return _UNSTORABLE.sub("", str(value))[:longest].strip()


def whole(value: Any, low: int, high: int) -> int | None:
    """An integer, also one that is written as text or with a fraction of nothing; None outside the bounds."""
    if isinstance(value, str):
        value = int(value.split(".")[0]) if _WHOLE.fullmatch(value) else None
    elif isinstance(value, float):
        value = int(value) if value.is_integer() else None
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if low <= value <= high else None


def number(value: Any, low: float, high: float) -> float | None:
    """A number, also one that is written as text; None outside the bounds, and for what is no number."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        found = float(value[:40] if isinstance(value, str) else value)
    except (ValueError, OverflowError):
        return None
    return found if low <= found <= high else None


def steps(value: Any) -> int | None:
    return whole(value, 1, 10_000)


def guidance(value: Any) -> float | None:
    return number(value, 0, 1000)


def seed(value: Any) -> int | None:
    return whole(value, 0, LARGEST_SEED)


def side(value: Any) -> int | None:
    return whole(value, 1, 65_535)


def share(value: Any) -> float | None:
    return number(value, 0, 1)


def clip_skip(value: Any) -> int | None:
    """Counted from 1 as A1111 does; ComfyUI's -2 is its 2."""
    found = whole(value, -24, 24)
    return abs(found) if found else None


def sampler(name: Any, schedule: Any = None) -> str | None:
    """The canonical name where there is one; else the tool's, with its schedule behind it."""
    said, spread = text(name, LONGEST_NAME), text(schedule, LONGEST_NAME)
    if not said:
        return None
    known = samplers.resolve(said, spread or None)
    return known or samplers.resolve(said) or f"{said} {spread}".strip()


def model(name: Any, hash: Any = "") -> ModelName:
    return ModelName(weights(name), text(hash, LONGEST_NAME))


def weights(name: Any) -> str:
    """A file of weights by its name alone."""
    return _WEIGHTS.sub("", text(name, 4 * LONGEST_NAME).replace("\\", "/").rpartition("/")[2])[:LONGEST_NAME]


def lora(name: Any, weight: Any) -> Lora | None:
    called = weights(name)
    if not called or called.casefold() == "none":
        return None
    said = number(weight, -100, 100)
    return Lora(called, 1.0 if said is None else said)


def kept(value: Any, depth: int = 0) -> Any:
    """Any JSON as it can be stored and sent: without what no JSON has, and cut where it is endless."""
    if isinstance(value, str):
        return _UNSTORABLE.sub("", value)[:_LONGEST_WORD]
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return value if abs(value) <= LARGEST_SEED else str(value)[:_LONGEST_WORD]
    if isinstance(value, float):
        return value if abs(value) < float("inf") else None
    if depth >= _DEEPEST_KEPT:
        return None
    if isinstance(value, list):
        return [kept(each, depth + 1) for each in value[:_MOST_KEPT]]
    if isinstance(value, dict):
        some = list(value.items())[:_MOST_KEPT]
        return {text(key, LONGEST_NAME): kept(each, depth + 1) for key, each in some}
    return None


def others(said: dict[str, Any], *used: str) -> dict[str, Any]:
    """What of a tool's keys is left once these were read; keys without a value say nothing."""
    left = {key: value for key, value in said.items() if key not in used and value not in (None, "", [], {})}
    found = kept(left)
    return found if isinstance(found, dict) else {}
