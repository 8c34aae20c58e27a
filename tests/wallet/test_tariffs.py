"""Prices: as each surface's document says, and as models.toml says otherwise."""

from __future__ import annotations

import pytest

from engines.contract import Size
from gateway.catalog import CAPABILITIES, SURFACES, Catalog, parse
from gateway.catalog.tariffs import GRADES
from gateway.errors import ConfigurationError
from gateway.wallet.tariffs import DEFAULTS, graded, price
from tests.wallet.till import REGISTRY

HEAD = '[engines.fake]\nplugin = "fake"\n'
MODEL = '[[models]]\nid = "m"\nengine = "fake"\nsource = "fake:m"\n'


def catalog(tariffs: str = "", model: str = "") -> Catalog:
    return parse(f"{HEAD}[tariffs]\n{tariffs}\n{MODEL}{model}", REGISTRY)


def cost(
    where: Catalog, surface: str, capability: str = "text_to_image", quality: str = "standard", resolution: str = "low"
) -> float:
    return price(where, surface, where.models["m"], capability, quality, resolution) / 10_000  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("case", "credits"),
    [
        (("gallery", "text_to_image"), 5),
        (("gallery", "image_to_image"), 10),
        (("gallery", "inpaint"), 10),
        (("gallery", "upscale"), 10),
        (("tasks", "text_to_image", "standard"), 50),
        (("tasks", "text_to_image", "hd"), 300),
        (("tasks", "image_to_image", "standard"), 60),
        (("tasks", "image_to_image", "hd"), 320),
        (("tasks", "inpaint", "hd"), 320),
        (("studio", "text_to_image", "hd", "low"), 1),
        (("studio", "image_to_image", "standard", "standard"), 1),
        (("studio", "text_to_image", "standard", "high"), 2),
        (("studio", "image_to_image", "standard", "4k"), 4),
        (("openwebui",), 0),
        (("openai",), 0),
        (("a1111",), 0),
        (("mcp",), 0),
    ],
)
def test_each_surface_costs_what_its_document_says(case: tuple[str, ...], credits: float) -> None:
    assert cost(catalog(), *case) == credits


@pytest.mark.parametrize("surface", SURFACES)
def test_every_surface_has_a_price_for_everything(surface: str) -> None:
    for capability in CAPABILITIES:
        for quality in GRADES["quality"]:
            for resolution in GRADES["resolution"]:
                assert cost(Catalog(models=catalog().models), surface, capability, quality, resolution) >= 0
    assert set(DEFAULTS) == set(SURFACES)


@pytest.mark.parametrize(
    ("tariffs", "model", "case", "credits"),
    [
        ("tasks = 7", "", ("tasks", "upscale", "hd"), 7),
        ("tasks = { quality = { hd = 7 } }", "", ("tasks", "text_to_image", "hd"), 7),
        ("tasks = { quality = { hd = 7 } }", "", ("tasks", "text_to_image", "standard"), 50),
        ("tasks = 7", "", ("gallery",), 5),
        ("m = 3", "", ("tasks",), 3),
        ("m = 3", "", ("openai",), 3),
        ("m = { quality = { hd = 3 } }", "", ("tasks",), 50),
        ("m = { quality = { hd = 3 } }\ntasks = 8", "", ("tasks",), 8),
        ("m = { quality = { hd = 3 } }\ntasks = 8", "", ("tasks", "text_to_image", "hd"), 3),
        ("m = { studio = 2 }", "", ("studio", "text_to_image", "standard", "4k"), 2),
        ("large = 12.5", 'tariff = "large"', ("tasks",), 12.5),
        ("large = 12.5\nm = 3", 'tariff = "large"', ("tasks",), 12.5),
        # A surface's tariff under a model's `tariff` would be another surface's price.
        ("studio = 9", 'tariff = "studio"', ("tasks",), 50),
        ("m = 0", "", ("tasks",), 0),
    ],
)
def test_what_is_written_goes_before(tariffs: str, model: str, case: tuple[str, ...], credits: float) -> None:
    assert cost(catalog(tariffs, model), *case) == credits


def test_an_unknown_surface_is_not_free() -> None:
    with pytest.raises(ConfigurationError, match=r"no price for text_to_image by m on the surface carrier-pigeon"):
        cost(catalog(), "carrier-pigeon")


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((1024, 1024), ("standard", "standard")),
        ((1344, 768), ("standard", "standard")),
        ((1536, 1024), ("standard", "standard")),
        ((2048, 2048), ("hd", "high")),
        ((1920, 1600), ("hd", "high")),
        ((4096, 4096), ("hd", "4k")),
        ((512, 512), ("standard", "low")),
        ((64, 64), ("standard", "low")),
    ],
)
def test_what_was_not_said_is_known_by_the_size(size: tuple[int, int], expected: tuple[str, str]) -> None:
    entry = catalog().models["m"]
    assert graded(entry, Size(*size), None, None) == expected
    assert graded(entry, Size(*size), "hd", "4k") == ("hd", "4k")


def test_a_models_own_areas_count() -> None:
    entry = catalog(model="megapixels = { standard = 0.25, hd = 1 }").models["m"]
    assert graded(entry, Size(512, 512), None, None)[0] == "standard"
    assert graded(entry, Size(1024, 1024), None, None)[0] == "hd"
