"""The scheduler: keeps the index, asks the policy, drives the lanes."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Coroutine, Iterable, Sequence
from contextlib import suppress

from gateway.accounts.own_limits import running_jobs
from gateway.db import Database
from gateway.errors import StorageUnavailable
from gateway.events import Bus, Event, JobChanged, JobProgress, JobQueued
from gateway.jobs.records import FINISHED, Job
from gateway.models import Models
from gateway.scheduling import tending
from gateway.scheduling.caps import Caps
from gateway.scheduling.errands import Errands
from gateway.scheduling.estimates import Estimates
from gateway.scheduling.explain import Place, place
from gateway.scheduling.failing_over import LOOK_SECONDS, FailOver
from gateway.scheduling.fleet import Fleet
from gateway.scheduling.index import QueueIndex, Waiting
from gateway.scheduling.keeping import Keeper
from gateway.scheduling.lanes import Lane, LaneView
from gateway.scheduling.policy import Assignment, decide
from gateway.scheduling.reconciling import MINUTE, Reconciler
from gateway.scheduling.running import Runner
from gateway.scheduling.tending import busy, due, given_up
from gateway.scheduling.waiting import waiting
from gateway.storage.blobs import BlobStore
from gateway.workers.devices import Device

log = logging.getLogger(__name__)
PROBE_SECONDS = 2.0
IDLE_SECONDS = 30.0
RECONCILE_SECONDS = 60.0
STOP_SECONDS = 20.0
LEAVE_SECONDS = 5.0


class Scheduler:
    """Start it after the catalog was read; stop it before the database is closed."""

    def __init__(self, db: Database, bus: Bus, models: Models, blobs: BlobStore, machine: Sequence[Device]) -> None:
        self._db = db
        self._bus = bus
        self._models = models
        self._blobs = blobs
        self._errands = Errands(self._block)
        self._lanes = Fleet(models, machine, self._errands)
        self._index = QueueIndex()
        self._estimates = Estimates()
        self._keeper = Keeper(db, bus, blobs, marking=lambda: models.catalog.settings.marking.enabled)
        self._fail_over = FailOver(db, bus, models, self.lanes, self.seconds_ahead)
        self._runner = Runner(db, bus, models, self._keeper, self._estimates, self._block, self._let_go, self._fail_over)
        self._progress: dict[str, JobProgress] = {}
        self._bell = asyncio.Event()
        self._tending = Errands(self._block)
        """Questions to lanes, and lanes that fall asleep: nothing that a stop waits for."""
        self._held: dict[str, Assignment] = {}
        """Jobs that a batch of this process holds, from the decision to the end of its storing."""
        self._reconciler = Reconciler(db, bus, models, self._fail_over, self._is_ours)
        self._reconcile_at = 0.0
        """When memory and table are compared next, on the monotonic clock."""
        self._relieve_at = 0.0
        """When it is looked next what waits for lanes that are not well, on the same clock."""
        self.blocked: str | None = None
        """Why no lane claims now."""
        self._loop: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Put back what a crash left running, read the queue, and begin."""
        self._bus.listen(self._hear)
        await self._reconcile()
        self._loop = asyncio.create_task(self._run(), name="scheduler")

    async def stop(self) -> None:
        """Stop at the next step; what is unfinished goes back into the queue and runs at the next start."""
        self._runner.closing = True
        if self._loop:
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)
        await self._tending.cancel()
        # What was paid for is waited for; then it is left too, and its jobs end as of unknown outcome.
        for seconds, paid_too in ((STOP_SECONDS, False), (LEAVE_SECONDS, True)):
            self._lanes.stop_batches(paid_too=paid_too)
            await self._errands.wait(seconds)
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS):
                await self._runner.drain()
        await self._lanes.close()
        await asyncio.to_thread(self._keeper.close)

    def models_changed(self) -> None:
        """The catalog was read anew, or a model came onto offer: queued jobs are looked at again."""
        stale = [job.job_id for job in self._index if not self._is_offered(job)]
        for job_id in stale:
            self._index.remove(job_id)
        self._errands.begin(self._reconciler.enqueue(stale))
        self._lanes.settle()
        self._reconcile_at = 0.0  # what waited for its model is queued now
        self._bell.set()

    def lanes(self) -> list[LaneView]:
        return [lane.view() for lane in self._lanes]

    def engines_asleep(self) -> set[str | None]:
        """Those with a lane that sleeps; None stands for this machine's devices."""
        return {lane.engine for lane in self._lanes if lane.asleep}

    def waiting(self) -> list[Waiting]:
        """Every queued job, oldest first."""
        return sorted(self._index, key=lambda job: job.queued_at)

    def progress(self, job_id: str) -> JobProgress | None:
        """The last that was heard of a running job."""
        return self._progress.get(job_id)

    def average_seconds(self, model_id: str) -> float | None:
        """For a picture of this model, as learned; None before the first."""
        offer = self._models.offers.get(model_id)
        return self._estimates.known((offer.spec.id, offer.spec.revision)) if offer else None

    def seconds_ahead(self) -> float:
        """Of work that waits, over all lanes, as far as is known."""
        return sum(count * (self._estimates.known(model) or 0.0) for model, count in self._index.pictures.items())

    def is_away(self, model_id: str) -> bool:
        """Whether jobs of this model wait outside the queue: its engine could not be asked yet what it can do."""
        return model_id in self._models.away

    def place(self, job_id: str) -> Place | None:
        """Where a queued job stands and what it waits for; None where it is not queued."""
        return place(self._index, self._lanes, self._estimates, self.blocked, job_id, self._caps())

    def _hear(self, event: Event) -> None:
        match event:
            case JobQueued():
                self._progress.pop(event.job_id, None)
                self._held.pop(event.job_id, None)
                self._admit(event)
            case JobProgress():
                if event.job_id in self._held:
                    self._progress[event.job_id] = event
            case JobChanged() if event.state in FINISHED:
                self._progress.pop(event.job_id, None)
                self._index.remove(event.job_id)
                self._index.ended(event.job_id)
                self._held.pop(event.job_id, None)
                if self._caps():
                    self._bell.set()  # another of its owner's may start now
                for lane in self._lanes.everywhere():
                    lane.cancel(event.job_id)

    def _admit(self, event: JobQueued) -> None:
        job: Job = event.job
        offer = self._models.offers.get(job.model)
        if offer is None:
            if job.model not in self._models.away:  # else its row waits until the engine can be asked
                self._errands.begin(self._reconciler.refuse(job))
            return
        self._index.add(waiting(job, offer, event))
        self._bell.set()

    def _is_ours(self, job_id: str) -> bool:
        """Whether it waits in the queue, is held by a batch, or is just given to another model."""
        return job_id in self._index or job_id in self._held or job_id in self._fail_over.moving

    def _is_offered(self, job: Waiting) -> bool:
        offer = self._models.offers.get(job.model[0])
        return offer is not None and offer.spec.revision == job.model[1]

    def _let_go(self, assignment: Assignment, ids: Iterable[str]) -> None:
        """A batch is done with these. One whose end nobody announced is looked up in the table before long."""
        for job_id in ids:
            if self._held.get(job_id) is assignment:
                del self._held[job_id]
                self._progress.pop(job_id, None)
                self._index.ended(job_id)
                self._reconcile_at = min(self._reconcile_at, time.monotonic() + PROBE_SECONDS)
                self._bell.set()

    def _block(self, reason: str) -> None:
        if reason != self.blocked:
            log.error("no lane claims any more: %s", reason)
        self.blocked = reason
        self._bell.set()

    async def _run(self) -> None:
        while True:
            try:
                await self._turn()
            except StorageUnavailable as error:
                self._block(error.message)
                await asyncio.sleep(PROBE_SECONDS)
            except Exception:
                log.exception("the scheduler stumbled; it goes on")
                await asyncio.sleep(PROBE_SECONDS)

    async def _turn(self) -> None:
        """Claim what may be claimed, then wait until something could have changed."""
        if self.blocked:
            await self._db.check()
            await self._blobs.check()
            await self._reconcile()
            self.blocked = None
            log.info("lanes claim again")
        elif time.monotonic() >= self._reconcile_at:
            await self._reconcile()
        self._bell.clear()
        now = time.time()
        self._relieve()
        self._assign(now)
        self._tend(now)
        with suppress(TimeoutError):
            async with asyncio.timeout(self._patience(now)):
                await self._bell.wait()

    async def _reconcile(self) -> None:
        self._reconcile_at = time.monotonic() + RECONCILE_SECONDS
        await self._reconciler.reconcile()
        patience = self._models.catalog.settings.jobs.away_minutes * MINUTE
        for reason, jobs in given_up(self._lanes, self._index, time.time(), patience, self._lanes.since).items():
            for job in jobs:
                self._index.remove(job.job_id)
            self._errands.begin(self._reconciler.give_up([job.job_id for job in jobs], reason))

    def _tend(self, now: float) -> None:
        for work in due(self._lanes, self._index, now):
            self._tending.begin(self._rung(work))

    async def _rung(self, work: Coroutine[None, None, None]) -> None:
        await work
        self._bell.set()

    def _relieve(self) -> None:
        """What waits for lanes that are not well goes to other models, where that is configured."""
        if self._fail_over.is_on and time.monotonic() >= self._relieve_at:
            self._relieve_at = time.monotonic() + LOOK_SECONDS
            self._errands.begin(self._fail_over.relieve(self._index, lambda job_id: self._index.remove(job_id) is not None))

    def _assign(self, now: float) -> None:
        free = [lane.free() for lane in self._lanes if lane.available(now)]
        working = [lane.free() for lane in busy(self._lanes, now)]
        for assignment in decide(self._index, free, self._estimates, now, self._caps(), working) if free else ():
            for job in assignment.jobs:
                self._index.take(job, self._estimates.seconds(job.model, job.pictures), now)
                self._held[job.job_id] = assignment
            lane = self._lanes[assignment.lane]
            lane.idle.clear()
            self._errands.begin(self._batch(lane, assignment))

    def _caps(self) -> Caps:
        limits = self._models.catalog.settings.limits
        return Caps(limits.key.running_jobs, limits.user.running_jobs, limits.team.running_jobs, running_jobs(self._db))

    async def _batch(self, lane: Lane, assignment: Assignment) -> None:
        pictures = sum(job.pictures for job in assignment.jobs)
        guesses = {job.job_id: self._estimates.seconds(job.model, job.pictures) for job in assignment.jobs}
        spent = 0.0
        try:
            spent = await self._runner.run(lane, assignment)
        except BaseException:
            self._let_go(assignment, guesses)
            raise
        finally:
            lane.idle.set()
            self._bell.set()
            for job in assignment.jobs:
                # Where a crash came after the last picture, a job lacks its end and no picture.
                share = job.pictures / pictures if pictures else 0.0
                self._index.charge(job, spent * share - guesses[job.job_id])

    def _patience(self, now: float) -> float:
        """Seconds until the next moment at which something could change by itself; `now` is when was last decided."""
        moments = [job.ready_at for job in self._index if job.ready_at > now] if len(self._index) < 1000 else [now + 1]
        moments.append(now + self._reconcile_at - time.monotonic())
        if self._fail_over.is_on and len(self._index):
            moments.append(now + self._relieve_at - time.monotonic())
        moments += tending.moments(list(self._lanes), self._index, now)
        return max(0.01, min([*moments, now + IDLE_SECONDS]) - time.time())
