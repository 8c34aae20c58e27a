"""models.toml, the operator's one file: settings, engines, devices, tariffs, models."""

from gateway.catalog.entries import (
    Catalog,
    DeviceEntry,
    EngineEntry,
    LaneTable,
    Megapixels,
    ModelDefaults,
    ModelEntry,
    ModelLimits,
    settle_devices,
)
from gateway.catalog.file import CatalogFile
from gateway.catalog.kinds import AUTO, CAPABILITIES, Range
from gateway.catalog.loading import Plugins, load, parse
from gateway.catalog.packaged import ensure_models_file, packaged_models_file
from gateway.catalog.settings import Settings
from gateway.catalog.tariffs import SURFACES, Quality, Resolution, Surface, Tariff

__all__ = [
    "AUTO",
    "CAPABILITIES",
    "SURFACES",
    "Catalog",
    "CatalogFile",
    "DeviceEntry",
    "EngineEntry",
    "LaneTable",
    "Megapixels",
    "ModelDefaults",
    "ModelEntry",
    "ModelLimits",
    "Plugins",
    "Quality",
    "Range",
    "Resolution",
    "Settings",
    "Surface",
    "Tariff",
    "ensure_models_file",
    "load",
    "packaged_models_file",
    "parse",
    "settle_devices",
]
