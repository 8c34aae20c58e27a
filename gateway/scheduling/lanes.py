"""A lane as it runs: its worker, what is loaded there, and how it is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Hashable
from contextlib import suppress
from typing import Any, Literal

from msgspec import Struct

from engines.contract import EngineError, ModelSpec
from gateway.scheduling import breaker
from gateway.scheduling.breaker import Breaker
from gateway.scheduling.index import ModelKey
from gateway.scheduling.policy import FreeLane
from gateway.scheduling.residency import Resident
from gateway.scheduling.sleeping import Left, Sleeper
from gateway.workers.host import Host, RunningBatch

BATCHES_IN_STORE = 4
"""Between device and store; then the lane waits, so that pictures do not pile up in memory."""

State = Literal["idle", "waking", "loading", "running", "resting", "asleep"]


class LaneView(Struct, frozen=True):
    """A lane as it is at a moment: what an operator sees, and what routing goes by. Moments are seconds since the epoch."""

    name: str
    engine: str | None
    state: State
    healthy: bool
    """Whether it is given work; one that sleeps is."""
    reason: str
    """Why not; of one that is well, what it remarked."""
    jobs: tuple[str, ...]
    residents: tuple[Resident, ...]
    budget: int | None
    breaker: breaker.State = "closed"
    unwell_since: float | None = None
    asked_at: float | None = None
    """When it was last asked how it is."""
    free_memory: int | None = None
    """Bytes, as it last said."""
    asleep: bool = False
    trouble: str = ""
    """Why it could not be woken, or not put to sleep; for operators only, as commands and servers say it."""
    wake_seconds: float = 0.0
    """That waking will take: as learned, or guessed; nought for one that is awake."""


class _Loaded(Struct):
    engine: Any
    spec: ModelSpec
    bytes: int
    used_at: float


class Lane:
    """One place that runs one batch at a time."""

    def __init__(self, name: str, host: Host, *, engine: str | None = None, budget: int | None = None) -> None:
        self.name = name
        self.host = host
        self.engine = engine
        self.budget = budget
        self.idle = asyncio.Event()
        self.idle.set()
        self.state: State = "idle"
        self.batch: RunningBatch | None = None
        self._canceled_early: set[str] = set()
        """Jobs that ended while their batch was claimed but not yet made."""
        self.storing = asyncio.Semaphore(BATCHES_IN_STORE)
        self._loaded: dict[ModelKey, _Loaded] = {}
        self._held: Hashable | None = None
        """What a remote server has loaded for us, as the engine calls it."""
        self.breaker = Breaker(asks=host.asks)
        self.sleeper: Sleeper | None = None
        self.idle_since = time.time()
        self.asking = False
        """Its health is asked just now: set by who begins that."""

    def available(self, now: float) -> bool:
        return self.idle.is_set() and self.breaker.state(now) != "open"

    def free(self) -> FreeLane:
        """As the policy sees it."""
        return FreeLane(
            name=self.name,
            engine=self.engine,
            residents=self._residents(),
            held=None if self.asleep else self._held,
            budget=self.budget,
            trial=self.breaker.unwell_since is not None,
            wake_seconds=self.wake_seconds,
        )

    def view(self) -> LaneView:
        state = self.breaker.state(time.time())
        shown = self.state
        if shown == "idle":
            shown = "asleep" if self.asleep else "resting" if state == "open" else shown
        return LaneView(
            name=self.name,
            engine=self.engine,
            state=shown,
            healthy=state != "open",
            reason=self.reason,
            jobs=tuple(request.id for request in self.batch.requests) if self.batch else (),
            residents=self._residents(),
            budget=self.budget,
            breaker=state,
            unwell_since=self.breaker.unwell_since,
            asked_at=self.breaker.asked_at,
            free_memory=self.breaker.free_memory,
            asleep=self.asleep,
            trouble=self.sleeper.trouble if self.sleeper else "",
            wake_seconds=self.wake_seconds,
        )

    @property
    def reason(self) -> str:
        return self.breaker.reason

    @property
    def asleep(self) -> bool:
        return self.sleeper is not None and self.sleeper.asleep is True

    @property
    def wake_seconds(self) -> float:
        return self.sleeper.guess if self.sleeper else 0.0

    # ------------------------------------------------------------------------------------------ asked how it is

    @property
    def asks_at(self) -> float | None:
        """When it is to be asked for its health; None: not now. One that works shows it, and one that sleeps would wake."""
        if self.asking or self.asleep or not self.idle.is_set():
            return None
        return self.breaker.asks_at

    async def ask(self) -> None:
        """What it says of itself decides whether it is given work. Raises nothing."""
        try:
            health = await self.host.health()
        finally:
            self.asking = False
        if not self.idle.is_set():
            return  # it works by now, which tells more
        if self.sleeper and self.sleeper.heard(health):
            self.breaker.sleeps(time.time())
        else:
            self.breaker.heard(health, time.time())

    # ------------------------------------------------------------------------------------------ asleep and awake

    @property
    def sleeps_at(self) -> float | None:
        """When it is to be put to sleep, if nothing comes; None: not now."""
        return self.sleeper.sleeps_at(self.idle_since) if self.sleeper and self.idle.is_set() else None

    async def sleep(self) -> None:
        """What is loaded goes, then it is put to sleep. It takes no job meanwhile: who begins this clears `idle` and sets the
        state. Raises nothing."""
        try:
            for model in tuple(self._loaded):
                with suppress(EngineError):  # it is gone from the list in any case, and the log has the details
                    await self.evict((model,))
            self._held = None
            if self.sleeper:
                await self.sleeper.sleep()
            if self.asleep:
                self.breaker.sleeps(time.time())
        finally:
            self.state = "idle"
            self.idle.set()

    async def wake(self) -> bool:
        """Whether it is awake, and anybody still waits for it. Raises EngineUnavailable."""
        if self.sleeper is None or self.sleeper.asleep is False:
            return True
        self.state = "waking"
        try:
            await self.sleeper.wake(lambda: self.batch is None or not self.batch.is_over())
        except Left:
            return False
        return True

    # ------------------------------------------------------------------------------------------ what is loaded

    def holds(self, model: ModelKey) -> bool:
        return model in self._loaded

    async def load(self, engine: Any, spec: ModelSpec) -> int:
        """Bring a model onto the lane. Returns its bytes. Raises an EngineError."""
        footprint = await self.host.load(engine, spec)
        self._loaded[spec.id, spec.revision] = _Loaded(engine, spec, footprint.bytes, time.time())
        return footprint.bytes

    async def evict(self, models: tuple[ModelKey, ...]) -> None:
        for model in models:
            loaded = self._loaded.pop(model, None)
            if loaded:
                await self.host.unload(loaded.engine, loaded.spec)

    async def evict_others(self, model: ModelKey) -> None:
        await self.evict(tuple(other for other in self._loaded if other != model))

    def holds_now(self, held: Hashable | None) -> None:
        """A remote server loads this for the batch that it is given."""
        if held is not None:
            self._held = held

    # ------------------------------------------------------------------------------------------ what runs

    def begin(self, batch: RunningBatch) -> None:
        """The batch runs from here on; who was canceled on the way to it does not."""
        self.batch = batch
        for job_id in self._canceled_early:
            batch.cancel(job_id)

    def end(self) -> None:
        self.batch, self.state = None, "idle"
        self.idle_since = time.time()
        self._canceled_early.clear()

    def cancel(self, job_id: str) -> None:
        """Stop with this job at the next step, or before the first; one that is not here is no error."""
        if self.batch:
            self.batch.cancel(job_id)
        elif not self.idle.is_set():
            self._canceled_early.add(job_id)

    async def close_when_idle(self) -> None:
        """Its worker ends, after the batch that runs there."""
        await self.idle.wait()
        await self.host.close()

    def use(self, model: ModelKey) -> None:
        if model in self._loaded:
            self._loaded[model].used_at = time.time()

    def went_well(self) -> None:
        self.breaker.went_well(time.time())

    def failed(self, error: EngineError) -> None:
        """A batch ended so; what that says of the lane keeps others from it."""
        self.breaker.failed(error, time.time(), sleeps=self.asleep)

    def _residents(self) -> tuple[Resident, ...]:
        return tuple(Resident(model, loaded.bytes, loaded.used_at) for model, loaded in self._loaded.items())
