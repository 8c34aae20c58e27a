"""A model's card from its configuration files and the headers of its weights: read in milliseconds, never with torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from msgspec import Struct

from engines import samplers
from engines.contract import ModelCard, ModelSpec, ModelUnusable, Size, Span
from engines.diffusers.families import HUB, Family, family_of
from engines.diffusers.options import ModelOptions, Options
from engines.diffusers.sources import Index, find, read_index, read_json
from engines.diffusers.weights import Stored, inspect, stored

MAX_IMAGES = 10
"""Pictures per request; as many as any surface may ask for. The engine makes them in passes of `max_batch`."""
_WIDTHS = {"bfloat16": 2, "float16": 2, "float32": 4}


class Facts(Struct, frozen=True):
    """What is known of a model without loading it; `folder` is None where its files are not here yet."""

    family: Family
    folder: Path | None = None
    index: Index | None = None
    denoiser: dict[str, Any] = {}
    vae: dict[str, Any] = {}
    scheduler: dict[str, Any] = {}
    weights: dict[str, Stored] = {}


def facts_of(model: ModelSpec, options: Options) -> Facts:
    """Raises ModelUnusable."""
    mine: ModelOptions = model.options or ModelOptions()
    source = find(model.source, options.cache, mine.hub_revision)
    if source.folder is None:
        if options.offline:
            raise ModelUnusable(f"{model.source} is not in the cache, and the engine is set to be offline.")
        known = mine.family or HUB.get(model.source)
        if known is None:
            raise ModelUnusable(
                f"{model.source} is not in the local cache, so that nothing is known of it."
                " Download it, or name its pipeline class as `family` in its entry."
            )
        return Facts(family_of(known))
    index = read_index(source.folder)
    return Facts(
        family=family_of(index.class_name, mine.family),
        folder=source.folder,
        index=index,
        denoiser=_config(source.folder, "transformer") or _config(source.folder, "unet"),
        vae=_config(source.folder, "vae"),
        scheduler=_config(source.folder, "scheduler", "scheduler_config.json"),
        weights=stored(source.folder, index, mine.variant),
    )


def is_here(model: ModelSpec, options: Options, known: set[tuple[Path, str | None]]) -> bool:
    """Whether nothing is to be downloaded; `known` keeps what was found whole, for that takes reading all headers.

    Of a download that broke off the index is there, and weights are missing.
    """
    mine: ModelOptions = model.options or ModelOptions()
    source = find(model.source, options.cache, mine.hub_revision)
    if source.folder is None:
        return False
    if source.hub is None or options.offline or (source.folder, mine.variant) in known:
        return True
    try:
        index = read_index(source.folder)
        inspect(source.folder, index, variant=mine.variant, without=mine.without, allow_pickle=True, trust_remote_code=True)
    except ModelUnusable:
        return False
    known.add((source.folder, mine.variant))
    return True


def card_of(facts: Facts, mine: ModelOptions) -> ModelCard:
    family = facts.family
    smallest, largest, multiple, native = _sizes(facts)
    distilled = _distilled(facts)
    guided = family.guidance is not None and not distilled and not _unguided(facts)
    return ModelCard(
        capabilities=tuple(family.modes),
        native_sizes=native,
        min_size=smallest,
        max_size=largest,
        size_multiple=multiple,
        max_images=MAX_IMAGES,
        max_batch=mine.max_batch or family.max_batch,
        max_references=family.references,
        samplers=choosable(facts),
        steps=_steps(family, distilled),
        guidance_scale=family.guidance.span if family.guidance and guided else None,
        strength=family.strength,
        negative_prompt=family.negative_prompt and not distilled,
        replay="safe",
        memory_bytes=_memory(facts, mine),
    )


def choosable(facts: Facts) -> tuple[str, ...]:
    """Samplers, the model's own first; none where the model's own is of no known name, for another would not suit it."""
    family = facts.family
    own = samplers.named(str(facts.scheduler.get("_class_name", "")), facts.scheduler) if facts.scheduler else None
    if facts.folder is not None and own is None:
        return ()
    if own is None:
        return family.samplers
    return (own, *(name for name in family.samplers if name != own)) if family.samplers else ()


def _sizes(facts: Facts) -> tuple[Size, Size, int, tuple[Size, ...]]:
    """Smallest, largest, multiple, native ones; where the family's list does not hold, by the denoiser's `sample_size`."""
    family, blocks = facts.family, facts.vae.get("block_out_channels")
    scale = 2 ** (len(blocks) - 1) if isinstance(blocks, list) and blocks else 8
    multiple = max(family.multiple, scale)
    side = facts.denoiser.get("sample_size")
    square = side * scale if isinstance(side, int) else 0
    # SDXL's kin may be trained for other sizes (SDXL-Turbo: 512); the number means other things in flow models.
    if not square or (family.native and (family.flow or square == family.native[0].width)):
        return family.smallest, family.largest, multiple, family.native
    half, double = _down(square // 2, multiple), min(_down(square * 2, multiple), family.largest.width)
    long = _down(square * 3 // 2, multiple)
    native = (Size(square, square), Size(square, long), Size(long, square))
    return Size(half, half), Size(double, double), multiple, native


def _down(number: int, multiple: int) -> int:
    return max(multiple, number // multiple * multiple)


def _distilled(facts: Facts) -> bool:
    return bool(facts.index and facts.index.values.get("is_distilled"))


def _unguided(facts: Facts) -> bool:
    """Guidance is an input of the network, and this network was distilled without it (FLUX.1-schnell)."""
    guidance = facts.family.guidance
    return bool(guidance and guidance.embedded and facts.denoiser.get("guidance_embeds") is False)


def _steps(family: Family, distilled: bool) -> Span:
    few = family.distilled_steps if distilled else None
    return Span(family.steps.low, family.steps.high, few) if few else family.steps


def _memory(facts: Facts, mine: ModelOptions) -> int | None:
    """Weights on the device. What the pictures take while they are made is on top; a CPU's float32 is not known here."""
    sizes = [
        weights.size(_WIDTHS.get(mine.dtype, 2)) for name, weights in facts.weights.items() if name not in mine.without
    ]  # fmt: skip
    if not sizes or mine.offload in ("sequential", "group"):
        return None
    return max(sizes) if mine.offload == "model" else sum(sizes)


def _config(folder: Path, component: str, name: str = "config.json") -> dict[str, Any]:
    file = folder / component / name
    return read_json(file) if file.is_file() else {}
