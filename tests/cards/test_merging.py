"""An entry narrows its engine's card and never widens it."""

from __future__ import annotations

from typing import Any

import pytest

from engines.contract import ModelCard, Size, Span
from gateway.cards import merge
from gateway.catalog import ModelDefaults, ModelEntry, ModelLimits, Range
from gateway.errors import CatalogError

CARD = ModelCard(
    capabilities=("text_to_image", "inpaint"),
    native_sizes=(Size(512, 512), Size(768, 512)),
    min_size=Size(256, 256),
    max_size=Size(1024, 1024),
    size_multiple=8,
    max_images=4,
    max_batch=2,
    max_references=1,
    samplers=("Euler", "Euler a", "DPM++ 2M"),
    steps=Span(1, 100, 30),
    guidance_scale=Span(1, 20, 7),
    strength=Span(0, 1, 0.75),
    negative_prompt=True,
    max_prompt=1000,
)
BARE = ModelCard(capabilities=("text_to_image",))


def entry(limits: dict[str, Any] | None = None, defaults: dict[str, Any] | None = None, **keys: Any) -> ModelEntry:
    return ModelEntry(
        id="oil",
        engine="e",
        source="s",
        limits=ModelLimits(**(limits or {})),
        defaults=ModelDefaults(**(defaults or {})),
        **keys,
    )


def test_an_entry_that_says_nothing_leaves_the_card() -> None:
    assert merge(CARD, entry()) == CARD
    assert merge(BARE, entry()) == BARE


@pytest.mark.parametrize(
    ("given", "key", "merged"),
    [
        ({"capabilities": ("inpaint",)}, "capabilities", ("inpaint",)),
        ({"native_sizes": (Size(640, 512),)}, "native_sizes", (Size(640, 512),)),
        ({"samplers": ("dpmpp_2m", "Euler")}, "samplers", ("DPM++ 2M", "Euler")),
        ({"defaults": {"sampler": "euler_ancestral"}}, "samplers", ("Euler a", "Euler", "DPM++ 2M")),
        ({"memory_bytes": 5}, "memory_bytes", 5),
        ({"limits": {"max_images": 1}}, "max_images", 1),
        ({"limits": {"max_batch": 1}}, "max_batch", 1),
        ({"limits": {"max_references": 0}}, "max_references", 0),
        ({"limits": {"max_prompt": 77}}, "max_prompt", 77),
        ({"limits": {"steps": Range(5, 20)}}, "steps", Span(5, 20, 20)),
        ({"limits": {"steps": Range(5, 20)}, "defaults": {"steps": 8}}, "steps", Span(5, 20, 8)),
        ({"defaults": {"steps": 8}}, "steps", Span(1, 100, 8)),
        ({"defaults": {"guidance_scale": 3.5}}, "guidance_scale", Span(1, 20, 3.5)),
        ({"limits": {"strength": Range(0.2, 0.5)}}, "strength", Span(0.2, 0.5, 0.5)),
        ({"limits": {"min_size": Size(512, 512)}}, "min_size", Size(512, 512)),
        ({"limits": {"size_multiple": 64}}, "size_multiple", 64),
        ({"limits": {"max_size": Size(512, 512)}}, "native_sizes", (Size(512, 512),)),
        ({"limits": {"negative_prompt": False}}, "negative_prompt", False),
        ({"defaults": {"negative_prompt": "mud"}}, "negative_prompt", True),
    ],
)
def test_an_entry_narrows(given: dict[str, Any], key: str, merged: object) -> None:
    assert getattr(merge(CARD, entry(**given)), key) == merged


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"capabilities": ("upscale",)}, 'capabilities: "upscale" is nothing that the engine can do'),
        ({"native_sizes": (Size(2048, 512),)}, "native_sizes: 2048x512 cannot be made; what can: 256x256 to 1024x1024"),
        ({"native_sizes": (Size(500, 512),)}, "multiples of 8"),
        ({"samplers": ("Heun",)}, 'samplers: "Heun"'),
        ({"samplers": ("Eulr",)}, 'did you mean "Euler"'),
        ({"defaults": {"sampler": "Heun"}}, 'defaults.sampler: "Heun" is none of'),
        ({"limits": {"max_images": 5}}, "limits.max_images: 5 is more than the engine allows, 4"),
        ({"limits": {"max_batch": 3}}, "limits.max_batch: 3"),
        ({"limits": {"max_loras": 1}}, "limits.max_loras: 1 is more than the engine allows, 0"),
        ({"limits": {"max_references": 2}}, "limits.max_references"),
        ({"limits": {"max_prompt": 1001}}, "limits.max_prompt"),
        ({"limits": {"steps": Range(0, 20)}}, "limits.steps: 0 to 20 is more than the engine allows, 1 to 100"),
        ({"limits": {"guidance_scale": Range(1, 30)}}, "limits.guidance_scale"),
        ({"defaults": {"steps": 200}}, "defaults.steps: 200 is not allowed; give a number from 1 to 100"),
        ({"limits": {"steps": Range(5, 20)}, "defaults": {"steps": 30}}, "from 5 to 20"),
        ({"limits": {"min_size": Size(128, 256)}}, "limits.min_size: 128x256 is smaller than the engine allows, 256x256"),
        ({"limits": {"max_size": Size(1024, 2048)}}, "limits.max_size: 1024x2048 is larger"),
        ({"limits": {"max_size": Size(128, 128)}}, "no size is left"),
        ({"limits": {"size_multiple": 12}}, "limits.size_multiple: 12 is no multiple of the engine's, 8"),
        ({"limits": {"negative_prompt": False}, "defaults": {"negative_prompt": "mud"}}, "defaults.negative_prompt"),
    ],
)
def test_an_entry_never_widens(given: dict[str, Any], says: str) -> None:
    with pytest.raises(CatalogError) as raised:
        merge(CARD, entry(**given))
    assert says in raised.value.message
    assert raised.value.problems[0].startswith('[[models]] "oil" ')


@pytest.mark.parametrize(
    "given",
    [
        {"defaults": {"steps": 3}},
        {"defaults": {"guidance_scale": 3.0}},
        {"defaults": {"strength": 0.5}},
        {"defaults": {"sampler": "Euler"}},
        {"defaults": {"negative_prompt": "mud"}},
        {"limits": {"steps": Range(1, 2)}},
        {"limits": {"negative_prompt": True}},
        {"samplers": ("Euler",)},
    ],
)
def test_what_a_model_lacks_cannot_be_given_to_it(given: dict[str, Any]) -> None:
    with pytest.raises(CatalogError):
        merge(BARE, entry(**given))


def test_every_widening_key_is_told_at_once() -> None:
    with pytest.raises(CatalogError) as raised:
        merge(CARD, entry(limits={"max_images": 9, "steps": Range(0, 500)}, capabilities=("upscale",)))
    assert len(raised.value.problems) == 3
