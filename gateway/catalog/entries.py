"""What models.toml says, as values."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from msgspec import Meta, Struct

from engines.contract import Capability
from gateway.catalog.kinds import (
    AUTO,
    Area,
    Call,
    Count,
    CountOrNone,
    Device,
    Guidance,
    Memory,
    ModelId,
    Multiple,
    Share,
    Steps,
    Text,
    Upscaler,
    WrittenRange,
    WrittenSize,
)
from gateway.catalog.settings import Settings
from gateway.catalog.tariffs import Tariff


class ModelDefaults(Struct, frozen=True, kw_only=True):
    """`defaults` of a model: what is taken where the request says nothing."""

    steps: Steps | None = None
    guidance_scale: Guidance | None = None
    sampler: Text | None = None
    negative_prompt: str = ""
    strength: Share | None = None


class ModelLimits(Struct, frozen=True, kw_only=True):
    """`limits` of a model: they narrow what its engine's card allows; None leaves that as it is."""

    max_images: Count | None = None
    """Pictures per request."""
    max_batch: Count | None = None
    """Pictures per forward pass."""
    max_references: CountOrNone | None = None
    max_loras: CountOrNone | None = None
    max_prompt: Count | None = None
    """Characters."""
    min_size: WrittenSize | None = None
    max_size: WrittenSize | None = None
    size_multiple: Multiple | None = None
    steps: WrittenRange | None = None
    guidance_scale: WrittenRange | None = None
    strength: WrittenRange | None = None
    negative_prompt: bool | None = None
    """False for a distilled model, which would not hear it."""


class Megapixels(Struct, frozen=True, kw_only=True):
    """`megapixels` of a model: how large a picture of each quality is, where a request gives no size."""

    standard: Area | None = None
    """None: 1 where the quality or a ratio is asked for, and the model's own size where nothing is."""
    hd: Area = 4.0


class ModelTable(Struct, frozen=True, kw_only=True):
    """The keys of a `[[models]]` table that are the gateway's; the rest are its engine's."""

    id: ModelId
    title: str = ""
    engine: str = ""
    """The name of an `[engines.<name>]` table."""
    source: str = ""
    """A path, a hub id, `bundled:shapes`, or whatever the engine's models are called by."""
    capabilities: tuple[Capability, ...] | None = None
    """None: all that the engine says."""
    defaults: ModelDefaults = ModelDefaults()
    limits: ModelLimits = ModelLimits()
    native_sizes: tuple[WrittenSize, ...] = ()
    """What it makes best, the default first; empty: as the engine says."""
    megapixels: Megapixels = Megapixels()
    samplers: tuple[Text, ...] | None = None
    upscaler: Upscaler | None = None
    """What enlarges a picture past the sizes that the model makes; None: such sizes are refused."""
    memory_bytes: Memory | None = None
    """What it takes on its device, where that is known better than the engine can tell."""
    tariff: Text | None = None
    """A name of `[tariffs]`; None: the one that is called as the model is, if there is one."""
    teams: tuple[Text, ...] = ()
    """The teams that see it, by name or id; empty: all."""
    tags: tuple[Text, ...] = ()
    aliases: tuple[Text, ...] = ()
    """Other names that it answers to; one may be the id of a retired model."""
    retired: Text | None = None
    """The id of the model that took its place. A retired model runs no more and needs no engine."""
    retired_on: date | None = None
    """When that was, for whoever asks."""
    licence: str = ""
    commercial: bool | None = None
    """Whether its pictures may be used commercially; None: as the licence's name says."""


class ModelEntry(ModelTable, frozen=True, kw_only=True):
    """One model."""

    options_table: dict[str, Any] = {}
    """The engine's own keys, as they are written."""
    options: Any = None
    """The same as the engine's `ModelOptions`; None where the engine's plugin did not load."""
    revision: str = ""
    """16 hexadecimal digits of the hash of this entry and its engine's table: another one, another resident."""


class EngineEntry(Struct, frozen=True, kw_only=True):
    """One `[engines.<name>]` table."""

    name: str
    plugin: str
    options_table: dict[str, Any] = {}
    """The plugin's own keys, as they are written."""
    options: Any = None
    """The same as the plugin's `Options`; None where the plugin did not load."""
    problem: str | None = None
    """Why the plugin did not load."""


class DeviceTable(Struct, frozen=True, kw_only=True):
    """The keys of a `[devices.<name>]` table."""

    device: Device = AUTO
    """`cpu`, `cuda:0` and so on, or `auto`."""
    memory_bytes: Memory | None = None
    """How much of the device's memory models may take; None: what the device has."""


class DeviceEntry(DeviceTable, frozen=True, kw_only=True):
    """A lane for local engines."""

    name: str


class LaneTable(Struct, frozen=True, kw_only=True):
    """The keys of a `[lanes.<name>]` table: a lane that sleeps while nobody needs it."""

    wake: Call | None = None
    """Before its first job, and whenever it was put to sleep or has gone away by itself; does no harm to one that is awake."""
    sleep: Call | None = None
    idle_seconds: Annotated[float, Meta(ge=1, le=604_800)] = 300.0
    """Without a job, until it is put to sleep."""
    wake_seconds: Annotated[float, Meta(ge=1, le=3600)] = 120.0
    """At most, until it is well."""
    key: str = ""
    """The name of the secret that addresses are called with, as a bearer token; empty: none."""


class Catalog(Struct, frozen=True, kw_only=True):
    """models.toml, valid as a whole; made by `load`."""

    settings: Settings = Settings()
    engines: dict[str, EngineEntry] = {}
    devices: dict[str, DeviceEntry] = {}
    """Empty: the first CUDA device, else the CPU. See `settle_devices`."""
    lanes: dict[str, LaneTable] = {}
    """By the name of a lane, or of an engine for all its lanes."""
    tariffs: dict[str, Tariff] = {}
    """By the name of a surface, of a model, or one that a model's `tariff` says."""
    models: dict[str, ModelEntry] = {}
    """In the file's order, the retired ones among them."""
    defaults: dict[Capability, str] = {}
    """The model that is preferred where a request names none."""
    aliases: dict[str, str] = {}
    """Alias -> id."""


def settle_devices(devices: dict[str, DeviceEntry], cuda_devices: int) -> dict[str, DeviceEntry]:
    """The lanes of this machine: `auto` is made the first CUDA device, or the CPU where there is none.

    Without any entry there is one lane, called as its device is. An `auto` that comes down to a device that another
    entry names is left out.
    """
    first = "cuda:0" if cuda_devices else "cpu"
    if not devices:
        return {first: DeviceEntry(name=first, device=first)}
    named = {entry.device for entry in devices.values()}
    return {
        name: DeviceEntry(name=name, device=first, memory_bytes=entry.memory_bytes) if entry.device == AUTO else entry
        for name, entry in devices.items()
        if entry.device != AUTO or first not in named
    }
