"""The lanes that the catalog asks for: one for each device, and those that each remote engine names."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence

from engines.contract import LocalEngine, RemoteEngine
from gateway.catalog import EngineEntry, settle_devices
from gateway.errors import ConfigurationError
from gateway.models import Models
from gateway.scheduling.lanes import Lane
from gateway.scheduling.sleeping import Sleeper
from gateway.workers.devices import Device
from gateway.workers.remote import RemoteHost
from gateway.workers.thread import ThreadHost

log = logging.getLogger(__name__)


def fleet(models: Models, machine: Sequence[Device], present: Mapping[str, Lane] | None = None) -> dict[str, Lane]:
    """All lanes by name; those of `present` that still fit are kept as they are, with what is loaded on them."""
    kept = present or {}
    lanes: dict[str, Lane] = {}
    known = {device.id: device for device in machine}
    if any(isinstance(engine, LocalEngine) for engine in models.engines.values()):
        for entry in settle_devices(models.catalog.devices, len(machine) - 1).values():
            if entry.device not in known:
                log.error("[devices.%s]: this machine has no %s; it has %s", entry.name, entry.device, ", ".join(known))
                continue
            lanes[entry.name] = kept.get(entry.name) or Lane(entry.name, ThreadHost(entry.device, _build(models)))
            lanes[entry.name].budget = entry.memory_bytes or known[entry.device].budget
    for name, engine in models.engines.items():
        if not isinstance(engine, RemoteEngine):
            continue
        for lane in engine.lanes():
            full = f"{name}/{lane}"
            before = kept.get(full)
            same = before is not None and isinstance(before.host, RemoteHost) and before.host.engine is engine
            lanes[full] = before if before and same else Lane(full, RemoteHost(engine, lane), engine=name)
    _settle_sleep(lanes, models)
    return lanes


def _settle_sleep(lanes: Mapping[str, Lane], models: Models) -> None:
    """As `[lanes.<name>]` says; the table of a lane goes before that of its engine. What was learned is kept."""
    tables = models.catalog.lanes
    for lane in lanes.values():
        table = tables.get(lane.name) or tables.get(lane.engine or "")
        before = lane.sleeper
        if table is None:
            lane.sleeper = None
        elif before is None or before.table != table:
            lane.sleeper = Sleeper(lane.name, lane.host, table, models.secret)
            lane.sleeper.seconds = before.seconds if before else None
            lane.sleeper.asleep = before.asleep if before else None
    for name in tables:
        if name not in lanes and all(lane.engine != name for lane in lanes.values()):
            log.warning("[lanes.%s] is the name of no lane and no engine; there are %s", name, ", ".join(lanes) or "none")


def _build(models: Models) -> Callable[[EngineEntry], LocalEngine]:
    def build(entry: EngineEntry) -> LocalEngine:
        engine = models.registry.build(entry, models.secret)
        if not isinstance(engine, LocalEngine):
            raise ConfigurationError(f"The engine {entry.name} runs on no device.")
        return engine

    return build
