"""The table of families against the diffusers that is installed: by signature only, no weights."""

from __future__ import annotations

import inspect
from typing import Any

import diffusers
import pytest

from engines.contract import Capability, ModelUnusable
from engines.diffusers.families import ALIASES, FAMILIES, HUB, Family, family_of
from engines.samplers import find

MODES = [(name, capability) for name, family in FAMILIES.items() for capability in family.modes]


def takes(name: str) -> dict[str, Any]:
    """Argument -> default; of a modular pipeline, the inputs of its blocks."""
    pipeline = getattr(diffusers, name)
    if issubclass(pipeline, diffusers.ModularPipeline):
        return {entry.name: entry.default for entry in pipeline().blocks.inputs if entry.name}
    return {key: parameter.default for key, parameter in inspect.signature(pipeline.__call__).parameters.items()}


@pytest.mark.parametrize(("name", "capability"), MODES)
def test_the_pipeline_takes_what_it_is_given(name: str, capability: Capability) -> None:
    family = FAMILIES[name]
    missing = family.arguments(capability) - set(takes(family.modes[capability].pipeline))
    assert not missing


@pytest.mark.parametrize(("name", "capability"), MODES)
def test_a_guider_is_there_where_one_is_set(name: str, capability: Capability) -> None:
    family = FAMILIES[name]
    pipeline = getattr(diffusers, family.modes[capability].pipeline)
    if family.guidance and family.guidance.kind == "guider":
        parts = pipeline()._component_specs if family.modular else inspect.signature(pipeline.__init__).parameters
        assert "guider" in parts


@pytest.mark.parametrize("name", FAMILIES)
def test_the_card_of_a_family_makes_sense(name: str) -> None:
    family: Family = FAMILIES[name]
    for size in (*family.native, family.smallest, family.largest):
        assert size.width % family.multiple == 0
        assert size.height % family.multiple == 0
    for size in family.native:
        assert family.smallest.width <= size.width <= family.largest.width
        assert family.smallest.height <= size.height <= family.largest.height
    for span in (family.steps, family.strength, family.guidance and family.guidance.span):
        assert span is None or span.low <= span.default <= span.high
    assert all(find(sampler, flow=family.flow) for sampler in family.samplers)
    sources = [mode for mode in family.modes.values() if mode.source]
    assert family.strength is None or all(mode.strength for mode in sources), "strength is one promise for all modes"
    assert bool(family.references) == any(mode.references for mode in family.modes.values())


def test_every_name_leads_to_a_family() -> None:
    assert set(ALIASES.values()) <= set(FAMILIES)
    assert set(HUB.values()) <= set(FAMILIES)
    for name in (*FAMILIES, *ALIASES):
        assert hasattr(diffusers, name)
        assert family_of(name)


def test_an_unknown_class_names_the_nearest() -> None:
    with pytest.raises(ModelUnusable, match="ZImagePipeline"):
        family_of("ZImagPipeline")


def test_the_entry_may_name_the_family() -> None:
    assert family_of("SomethingNewPipeline", "FluxPipeline").title == "FLUX.1"
    with pytest.raises(ModelUnusable, match="Something"):
        family_of("FluxPipeline", "Something")
