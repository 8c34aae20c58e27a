"""The lanes that the catalog asks for: one for each device, and those that each remote engine names."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from engines.contract import LocalEngine, RemoteEngine
from gateway.catalog import EngineEntry, settle_devices
from gateway.errors import ConfigurationError
from gateway.models import Models
from gateway.scheduling.errands import Errands
from gateway.scheduling.lanes import Lane
from gateway.scheduling.sleeping import Sleeper
from gateway.workers.devices import Device
from gateway.workers.host import RunningBatch
from gateway.workers.remote import RemoteHost
from gateway.workers.thread import ThreadHost

log = logging.getLogger(__name__)


class Fleet:
    """The lanes as they are, each under its name, and those that are no more until what runs there has ended."""

    def __init__(self, models: Models, machine: Sequence[Device], errands: Errands) -> None:
        self._models = models
        self._machine = machine
        self._errands = errands
        self._lanes = fleet(models, machine)
        self._leaving: set[Lane] = set()
        self.since = time.time()
        """When there were others last."""

    def __iter__(self) -> Iterator[Lane]:
        return iter(self._lanes.values())

    def __getitem__(self, name: str) -> Lane:
        return self._lanes[name]

    def everywhere(self) -> list[Lane]:
        """With those that are about to go."""
        return [*self, *self._leaving]

    def settle(self) -> None:
        """As the catalog has them by now. One that is no more takes no other batch, and closes when it is idle."""
        before, self._lanes = self._lanes, fleet(self._models, self._machine, self._lanes)
        if before.keys() != self._lanes.keys():
            self.since = time.time()
        for lane in before.values():
            if self._lanes.get(lane.name) is not lane:
                self._leaving.add(lane)
                self._errands.begin(self._left(lane))

    def stop_batches(self, *, paid_too: bool) -> None:
        """At their next step; those that an upstream may be paid for only when that is said."""
        for lane in self.everywhere():
            if lane.batch and (paid_too or not self._is_paid(lane, lane.batch)):
                lane.batch.cancel_all()

    async def close(self) -> None:
        await asyncio.gather(*(lane.host.close() for lane in self.everywhere()))

    async def _left(self, lane: Lane) -> None:
        await lane.close_when_idle()
        self._leaving.discard(lane)

    def _is_paid(self, lane: Lane, batch: RunningBatch) -> bool:
        """By now; of a model that is gone nobody knows."""
        offer = self._models.offers.get(batch.model.id)
        paid = lane.engine is not None if offer is None else offer.card.replay == "never"
        return paid and lane.state != "waking"


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
            before = kept.get(entry.name)
            stays = before is not None and isinstance(before.host, ThreadHost) and before.host.device == entry.device
            lanes[entry.name] = before if before and stays else Lane(entry.name, ThreadHost(entry.device, _build(models)))
            lanes[entry.name].budget = entry.memory_bytes or known[entry.device].budget
    for name, engine in models.engines.items():
        if not isinstance(engine, RemoteEngine):
            continue
        for lane in engine.lanes():
            full = f"{name}/{lane}"
            before = kept.get(full)
            same = before is not None and isinstance(before.host, RemoteHost) and before.host.engine is engine
            lanes[full] = before if before and same else Lane(full, RemoteHost(engine, lane), engine=name)
    settle_sleep(lanes, models)
    return lanes


def settle_sleep(lanes: Mapping[str, Lane], models: Models) -> None:
    """As `[lanes.<name>]` says; the table of a lane goes before that of its engine. What was learned is kept."""
    tables = models.catalog.lanes
    for lane in lanes.values():
        table = tables.get(lane.name) or tables.get(lane.engine or "")
        if table is None:
            lane.sleeper = None
        elif lane.sleeper is None:
            lane.sleeper = Sleeper(lane.name, lane.host, table, models.secret)
        else:
            lane.sleeper.table = table
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
