"""A model's card from its workflows: read from files, so that a server that is away takes no model off the offer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from engines.comfyui import mapping
from engines.comfyui.sampling import choosable, name_of
from engines.comfyui.workflows import Workflow
from engines.contract import Capability, ModelCard, Span


def card_of(workflows: Sequence[Workflow]) -> ModelCard:
    """Sizes and numbers are those of the first workflow that has them."""
    first = workflows[0]
    smallest, largest, native = mapping.sizes(first.mapping.limits)
    drawn = next((each for each in workflows if "text_to_image" in each.mapping.capabilities), first)
    if native and "text_to_image" in drawn.mapping.capabilities and not (drawn.maps("width") and drawn.maps("height")):
        native, smallest, largest = native[:1], native[0], native[0]  # the graph makes this one size
    return ModelCard(
        capabilities=_capabilities(workflows),
        native_sizes=native,
        min_size=smallest,
        max_size=largest,
        size_multiple=first.mapping.limits.size_multiple,
        max_images=first.mapping.limits.max_images,
        max_batch=1,
        max_references=max(len(each.mapping.inputs.places("references")) for each in workflows),
        samplers=_samplers(workflows),
        steps=_span(workflows, "steps"),
        guidance_scale=_span(workflows, "guidance_scale"),
        strength=_span(workflows, "strength"),
        negative_prompt=any(each.maps("negative_prompt") for each in workflows),
        seeds=any(each.maps("seed") for each in workflows),
        max_prompt=first.mapping.limits.max_prompt,
        max_loras=max((each.mapping.loras.most for each in workflows if each.mapping.loras), default=0),
        replay="reconcile",
    )


def serving(workflows: Iterable[Workflow], capability: Capability) -> Workflow | None:
    return next((each for each in workflows if capability in each.mapping.capabilities), None)


def _capabilities(workflows: Sequence[Workflow]) -> tuple[Capability, ...]:
    return tuple(dict.fromkeys(capability for each in workflows for capability in each.mapping.capabilities))


def _samplers(workflows: Sequence[Workflow]) -> tuple[str, ...]:
    for each in workflows:
        if each.maps("sampler"):
            own = name_of(each.literal("sampler"), each.literal("scheduler"))
            return choosable(each.mapping.defaults.sampler or own, scheduled=each.maps("scheduler"))
    return ()


def _span(workflows: Sequence[Workflow], role: str) -> Span | None:
    for each in workflows:
        if each.maps(role):
            limits = getattr(each.mapping.limits, role)
            said, own = getattr(each.mapping.defaults, role), each.literal(role)
            return mapping.span(limits, _number(said, own, limits[0]))
    return None


def _number(*candidates: Any) -> float:
    return next(float(each) for each in candidates if isinstance(each, int | float) and not isinstance(each, bool))
