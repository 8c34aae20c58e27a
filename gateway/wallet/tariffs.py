"""What a picture costs: the model's tariff, else the surface's in models.toml, else the surface's default."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, cast

from engines.contract import Capability, Size
from gateway.catalog import SURFACES, Catalog, ModelEntry, Quality, Resolution, Tariff
from gateway.catalog.problems import Place, Problems
from gateway.catalog.tariffs import find, read_tariff
from gateway.errors import ConfigurationError

_CHANGES = {"quality": {"standard": 60, "hd": 320}}
WRITTEN: Mapping[str, Any] = {
    "gallery": {"text_to_image": 5, "otherwise": 10},
    "tasks": {"text_to_image": {"quality": {"standard": 50, "hd": 300}}, **_CHANGES},
    "studio": {"resolution": {"low": 1, "standard": 1, "high": 2, "4k": 4}},
    "openwebui": 0,
    "openai": 0,
    "a1111": 0,
    "mcp": 0,
}
"""The defaults, as they would stand in models.toml."""
DEFAULTS: dict[str, Tariff] = {name: read_tariff(name, written, Place(Problems(""))) for name, written in WRITTEN.items()}
RESOLUTION_MEGAPIXELS: dict[Resolution, float] = {"low": 0.25, "standard": 1.0, "high": 4.0, "4k": 16.0}


def price(
    catalog: Catalog, surface: str, entry: ModelEntry, capability: Capability, quality: Quality, resolution: Resolution
) -> int:
    """For one picture, in ten-thousandths of a credit.

    What a tariff leaves out is looked up in the next. Raises ConfigurationError where none has a price: it is never
    taken for zero.
    """
    own = catalog.tariffs.get(entry.tariff or entry.id, ()) if (entry.tariff or entry.id) not in SURFACES else ()
    for tariff in (own, catalog.tariffs.get(surface, ()), DEFAULTS.get(surface, ())):
        found = find(tariff, surface=surface, capability=capability, quality=quality, resolution=resolution)
        if found is not None:
            return found
    raise ConfigurationError(
        f"models.toml, [tariffs]: there is no price for {capability} by {entry.id} on the surface {surface}; give {surface} one"
    )


def graded(entry: ModelEntry, size: Size, quality: Quality | None, resolution: Resolution | None) -> tuple[Quality, Resolution]:
    """Both grades of a picture: what the request did not say is the one whose area is nearest to the picture's."""
    qualities: dict[Quality, float] = {"standard": entry.megapixels.standard or 1.0, "hd": entry.megapixels.hd}
    area = size.width * size.height / 2**20
    return (
        quality or cast("Quality", _nearest(area, qualities)),
        resolution or cast("Resolution", _nearest(area, RESOLUTION_MEGAPIXELS)),
    )


def _nearest(area: float, areas: Mapping[Any, float]) -> Any:
    return min(areas, key=lambda word: abs(math.log(area / areas[word])))
