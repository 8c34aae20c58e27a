"""A lane as it runs: its worker, what is loaded there, and how it is."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Literal

from msgspec import Struct

from engines.contract import EngineError, EngineUnavailable, ModelSpec, OutOfMemory, UpstreamRateLimited
from gateway.scheduling.index import ModelKey
from gateway.scheduling.policy import FreeLane
from gateway.scheduling.residency import Resident
from gateway.workers.host import Host, RunningBatch

BATCHES_IN_STORE = 4
"""Between device and store; then the lane waits, so that pictures do not pile up in memory."""
CRASHES_ALLOWED = 3
LONGEST_REST = 30.0
"""Seconds."""

State = Literal["idle", "loading", "running", "resting"]


class LaneView(Struct, frozen=True):
    """What an operator sees of a lane."""

    name: str
    engine: str | None
    state: State
    healthy: bool
    reason: str
    jobs: tuple[str, ...]
    residents: tuple[Resident, ...]
    budget: int | None


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
        self.reason = ""
        self.batch: RunningBatch | None = None
        self._canceled_early: set[str] = set()
        """Jobs that ended while their batch was claimed but not yet made."""
        self.storing = asyncio.Semaphore(BATCHES_IN_STORE)
        self._loaded: dict[ModelKey, _Loaded] = {}
        self._strikes = 0
        self._rests_until = 0.0

    def available(self, now: float) -> bool:
        return self.idle.is_set() and now >= self._rests_until

    def free(self) -> FreeLane:
        """As the policy sees it."""
        return FreeLane(name=self.name, engine=self.engine, residents=self._residents(), budget=self.budget)

    def view(self) -> LaneView:
        resting = time.time() < self._rests_until
        jobs = tuple(request.id for request in self.batch.requests) if self.batch else ()
        return LaneView(
            name=self.name,
            engine=self.engine,
            state="resting" if resting else self.state,
            healthy=not resting,
            reason=self.reason,
            jobs=jobs,
            residents=self._residents(),
            budget=self.budget,
        )

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

    def begin(self, batch: RunningBatch) -> None:
        """The batch runs from here on; who was canceled on the way to it does not."""
        self.batch = batch
        for job_id in self._canceled_early:
            batch.cancel(job_id)

    def end(self) -> None:
        self.batch, self.state = None, "idle"
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
        self._strikes, self.reason = 0, ""

    def failed(self, error: EngineError) -> None:
        """After an error that says something about the lane, it rests: it would only spoil more jobs.

        As long as the upstream asks for, longer each time that the engine is away, and after several crashes in a row.
        """
        if not error.retried or isinstance(error, OutOfMemory):
            return
        self.reason = error.message
        self._strikes += 1
        if isinstance(error, UpstreamRateLimited):
            self._rests_until = time.time() + error.retry_after
        elif isinstance(error, EngineUnavailable):
            self._rests_until = time.time() + min(LONGEST_REST, 2.0 ** (self._strikes - 1))
        elif self._strikes >= CRASHES_ALLOWED:
            self._rests_until = time.time() + LONGEST_REST

    @property
    def rests_until(self) -> float:
        return self._rests_until

    def _residents(self) -> tuple[Resident, ...]:
        return tuple(Resident(model, loaded.bytes, loaded.used_at) for model, loaded in self._loaded.items())
