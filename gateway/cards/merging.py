"""An engine's card and a model's entry -> the card that everything reads. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from engines import samplers
from engines.contract import ModelCard, Size, Span
from gateway.catalog import ModelEntry, Range
from gateway.errors import CatalogError
from gateway.nearest import did_you_mean, listed


def merge(card: ModelCard, entry: ModelEntry) -> ModelCard:
    """The card, narrowed by the entry and with its defaults. Raises CatalogError with every key that would widen it."""
    told = _Problems(entry.id)
    limits, defaults = entry.limits, entry.defaults
    min_size, max_size, multiple = _sizes(card, entry, told)
    merged = msgspec.structs.replace(
        card,
        capabilities=_chosen("capabilities", entry.capabilities, card.capabilities, told),
        native_sizes=_native_sizes(card, entry, min_size, max_size, multiple, told),
        min_size=min_size,
        max_size=max_size,
        size_multiple=multiple,
        samplers=_samplers(card, entry, told),
        steps=_span("steps", card.steps, limits.steps, defaults.steps, told),
        guidance_scale=_span("guidance_scale", card.guidance_scale, limits.guidance_scale, defaults.guidance_scale, told),
        strength=_span("strength", card.strength, limits.strength, defaults.strength, told),
        negative_prompt=_negative_prompt(card, entry, told),
        memory_bytes=entry.memory_bytes or card.memory_bytes,
        **{
            key: _at_most(key, getattr(limits, key), getattr(card, key), told)
            for key in ("max_images", "max_batch", "max_references", "max_loras", "max_prompt")
        },
    )
    if told.messages:
        raise CatalogError(told.messages)
    return merged


class _Problems:
    def __init__(self, model: str) -> None:
        self.model = model
        self.messages: list[str] = []

    def add(self, key: str, message: str) -> None:
        self.messages.append(f'[[models]] "{self.model}" {key}: {message}')


def _at_most(key: str, limit: int | None, engine: int, told: _Problems) -> int:
    if limit is None:
        return engine
    if limit > engine:
        told.add(f"limits.{key}", f"{limit} is more than the engine allows, {engine}")
    return limit


def _chosen(key: str, wanted: Sequence[Any] | None, engine: Sequence[Any], told: _Problems) -> tuple[Any, ...]:
    if wanted is None:
        return tuple(engine)
    for word in wanted:
        if word not in engine:
            near = did_you_mean(word, engine) or ";"
            told.add(
                key, f'"{word}" is nothing that the engine can do with this model{near} it can: {listed(engine) or "nothing"}'
            )
    return tuple(wanted)


def _samplers(card: ModelCard, entry: ModelEntry, told: _Problems) -> tuple[str, ...]:
    """In the canonical spelling, the default first."""
    wanted = entry.samplers and [samplers.resolve(name) or name for name in entry.samplers]
    chosen = _chosen("samplers", wanted, card.samplers, told)
    if entry.defaults.sampler is None:
        return chosen
    default = samplers.resolve(entry.defaults.sampler) or entry.defaults.sampler
    if default not in chosen:
        near = did_you_mean(default, chosen) or ";"
        told.add(
            "defaults.sampler",
            f'"{default}" is none of the model\'s samplers{near} they are {listed(chosen) or "not to be chosen"}',
        )
    return (default, *(name for name in chosen if name != default))


def _span(key: str, engine: Span | None, limit: Range | None, default: float | None, told: _Problems) -> Span | None:
    if engine is None:
        for table, given in (("limits", limit), ("defaults", default)):
            if given is not None:
                told.add(f"{table}.{key}", "the engine says that this model has no such parameter; take the key out")
        return None
    low, high = (limit.low, limit.high) if limit else (engine.low, engine.high)
    if low < engine.low or high > engine.high:
        told.add(f"limits.{key}", f"{low:g} to {high:g} is more than the engine allows, {engine.low:g} to {engine.high:g}")
    if default is None:
        # The engine's own default may lie outside of what the entry leaves.
        return Span(low, high, min(max(engine.default, low), high))
    if not low <= default <= high:
        told.add(f"defaults.{key}", f"{default:g} is not allowed; give a number from {low:g} to {high:g}")
    return Span(low, high, default)


def _negative_prompt(card: ModelCard, entry: ModelEntry, told: _Problems) -> bool:
    offered = card.negative_prompt if entry.limits.negative_prompt is None else entry.limits.negative_prompt
    if offered and not card.negative_prompt:
        told.add("limits.negative_prompt", "the engine says that this model takes none; take the key out")
    if entry.defaults.negative_prompt and not offered:
        told.add("defaults.negative_prompt", "this model takes no negative prompt; take the key out")
    return offered


def _sizes(card: ModelCard, entry: ModelEntry, told: _Problems) -> tuple[Size, Size, int]:
    limits = entry.limits
    low, high = limits.min_size or card.min_size, limits.max_size or card.max_size
    multiple = limits.size_multiple or card.size_multiple
    if low.width < card.min_size.width or low.height < card.min_size.height:
        told.add("limits.min_size", f"{_written(low)} is smaller than the engine allows, {_written(card.min_size)}")
    if high.width > card.max_size.width or high.height > card.max_size.height:
        told.add("limits.max_size", f"{_written(high)} is larger than the engine allows, {_written(card.max_size)}")
    if multiple % card.size_multiple:
        told.add("limits.size_multiple", f"{multiple} is no multiple of the engine's, {card.size_multiple}")
    if low.width > high.width or low.height > high.height:
        told.add("limits", f"no size is left between {_written(low)} and {_written(high)}")
    return low, high, multiple


def _native_sizes(
    card: ModelCard, entry: ModelEntry, low: Size, high: Size, multiple: int, told: _Problems
) -> tuple[Size, ...]:
    def fits(size: Size) -> bool:
        within = low.width <= size.width <= high.width and low.height <= size.height <= high.height
        return within and size.width % multiple == size.height % multiple == 0

    for size in entry.native_sizes:
        if not fits(size):
            bounds = f"{_written(low)} to {_written(high)}, both sides multiples of {multiple}"
            told.add("native_sizes", f"{_written(size)} cannot be made; what can: {bounds}")
    return entry.native_sizes or tuple(size for size in card.native_sizes if fits(size))


def _written(size: Size) -> str:
    return f"{size.width}x{size.height}"
