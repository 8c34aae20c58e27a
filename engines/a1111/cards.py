"""What a model of a server can do, and which of the server's things a model's `source` names."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from engines.a1111 import names
from engines.a1111.options import ModelOptions, Options
from engines.a1111.probing import Checkpoint, Facts
from engines.contract import Capability, ModelCard, ModelUnusable, Size, Span

UPSCALER = "upscaler:"
"""Begins the source of a model that enlarges pictures; the upscaler's name follows."""
LOADED = "loaded"
"""The source that is whatever the server has loaded: for servers with one model, and those that hide its name."""
MULTIPLE = 8
"""Servers floor sizes to it without a word."""
LARGEST = Size(4096, 4096)
LARGEST_UPSCALED = Size(16_384, 16_384)
MOST_PICTURES = 16
MOST_LORAS = 8
_LONGEST_PROMPT = 100_000
"""Of upscalers: nothing is read of it."""


def card_of(source: str, model: ModelOptions, options: Options, facts: Facts) -> ModelCard:
    """Raises ModelUnusable for what the server does not have."""
    if source.startswith(UPSCALER):
        upscaler_of(source, facts)
        return ModelCard(
            capabilities=("upscale",),
            min_size=Size(16, 16),
            max_size=LARGEST_UPSCALED,
            size_multiple=1,
            max_images=1,
            seeds=False,
            max_prompt=_LONGEST_PROMPT,
        )
    checkpoint_of(source, facts)
    check_hires(model, facts)
    can: tuple[Capability, ...] = ("text_to_image", "image_to_image", "inpaint")
    distilled = model.guidance == "distilled_cfg_scale"
    return ModelCard(
        capabilities=can,
        min_size=Size(64, 64),
        max_size=LARGEST,
        size_multiple=MULTIPLE,
        max_images=MOST_PICTURES,
        max_batch=max(options.group, model.batch_size),
        samplers=tuple(names.offered(facts, model.schedule)),
        steps=Span(1, 150, 20),
        guidance_scale=Span(0, 30, 3.5 if distilled else 7),
        strength=Span(0, 1, 0.75),
        negative_prompt=not distilled,
        max_loras=MOST_LORAS if facts.loras else 0,
    )


def checkpoint_of(source: str, facts: Facts) -> Checkpoint | None:
    """By title, name, file or hash; None for whatever is loaded. Raises ModelUnusable, naming what is near."""
    if source == LOADED:
        return None
    wanted = source.strip().lower()
    for row in facts.checkpoints:
        if wanted in called(row):
            return row
    known = [row.name for row in facts.checkpoints]
    told = f'The server has no checkpoint "{source}".'
    raise ModelUnusable(f"{told}{_nearest(source, known) or _some(known)}")


def called(row: Checkpoint) -> set[str]:
    """All that a checkpoint goes by, in small letters."""
    plain_title = row.title.rpartition(" [")[0] if row.title.endswith("]") else row.title
    stem = row.file.rpartition(".")[0] or row.file
    every = row.title, plain_title, plain_title.rpartition(".")[0], row.name, row.hash, row.sha256, row.file, stem
    return {each.lower() for each in every if each}


def upscaler_of(source: str, facts: Facts) -> str:
    """In the server's spelling. Raises ModelUnusable."""
    if not facts.extras:
        raise ModelUnusable("This server does not enlarge pictures: it has no extra-single-image.")
    return _among(source.removeprefix(UPSCALER).strip(), facts.upscalers)


def check_hires(model: ModelOptions, facts: Facts) -> None:
    if model.hires is not None:
        hires_upscaler(model.hires.upscaler, facts)


def hires_upscaler(name: str, facts: Facts) -> str:
    """In the server's spelling. Raises ModelUnusable."""
    return _among(name, (*facts.latent_upscalers, *facts.upscalers))


def _among(name: str, there: Sequence[str]) -> str:
    found = next((each for each in there if each.lower() == name.lower()), None)
    if found is None:
        raise ModelUnusable(f'The server has no upscaler "{name}".{_nearest(name, there) or _some(there)}')
    return found


def _nearest(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, 3, 0.5)
    return f" Did you mean {' or '.join(near)}?" if near else ""


def _some(known: Sequence[str]) -> str:
    return f" It has {', '.join(known[:8])}{' …' if len(known) > 8 else '.'}" if known else " It has none."
