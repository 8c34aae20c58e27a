"""The scheduler: keeps the index, asks the policy, drives the lanes."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from contextlib import suppress

from gateway.db import Database
from gateway.errors import StorageUnavailable
from gateway.events import Bus, Event, JobChanged, JobProgress, JobQueued
from gateway.jobs import changes, records
from gateway.jobs.cancel import changed
from gateway.jobs.records import FINISHED, Job
from gateway.models import Models
from gateway.scheduling.caps import Caps
from gateway.scheduling.estimates import Estimates
from gateway.scheduling.explain import Place, place
from gateway.scheduling.fleet import fleet
from gateway.scheduling.index import QueueIndex, Waiting
from gateway.scheduling.keeping import Keeper
from gateway.scheduling.lanes import Lane, LaneView
from gateway.scheduling.policy import Assignment, decide
from gateway.scheduling.recovery import interrupted
from gateway.scheduling.running import Runner
from gateway.scheduling.waiting import waiting
from gateway.storage.blobs import BlobStore
from gateway.workers.devices import Device

log = logging.getLogger(__name__)
PROBE_SECONDS = 2.0
IDLE_SECONDS = 30.0
STOP_SECONDS = 20.0


class Scheduler:
    """Start it after the catalog was read; stop it before the database is closed."""

    def __init__(self, db: Database, bus: Bus, models: Models, blobs: BlobStore, machine: Sequence[Device]) -> None:
        self._db = db
        self._bus = bus
        self._models = models
        self._blobs = blobs
        self._machine = machine
        self._lanes = fleet(models, machine)
        self._index = QueueIndex()
        self._estimates = Estimates()
        self._keeper = Keeper(db, bus, blobs, marking=lambda: models.catalog.settings.marking.enabled)
        self._runner = Runner(db, bus, models, self._keeper, self._estimates, self._block)
        self._progress: dict[str, JobProgress] = {}
        self._bell = asyncio.Event()
        self._batches: set[asyncio.Task[None]] = set()
        self._claimed: set[str] = set()
        """Ids that a batch of this process holds, from the decision to the end of its storing."""
        self.blocked: str | None = None
        """Why no lane claims now."""
        self._loop: asyncio.Task[None] | None = None

    # ------------------------------------------------------------------------------------------ life

    async def start(self) -> None:
        """Put back what a crash left running, read the queue, and begin."""
        self._bus.listen(self._hear)
        async with self._db.read() as connection:
            interrupted = await records.live(connection, "running")
            queued = await records.live(connection, "queued")
        for job in queued:
            self._admit(JobQueued(job.id, job.team_id, job.user_id, job.version, job, alone=job.failures > 0))
        for job in interrupted:
            await self._recover(job)
        self._loop = asyncio.create_task(self._run(), name="scheduler")

    async def stop(self) -> None:
        """Stop at the next step; what is unfinished goes back into the queue and runs at the next start."""
        self._runner.closing = True
        if self._loop:
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)
        for lane in self._lanes.values():
            if lane.batch:
                lane.batch.cancel_all()
        if self._batches:
            await asyncio.wait(self._batches, timeout=STOP_SECONDS)
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS):
                await self._runner.drain()
        await asyncio.gather(*(lane.host.close() for lane in self._lanes.values()))
        await asyncio.to_thread(self._keeper.close)

    def models_changed(self) -> None:
        """The catalog was read anew: queued jobs are looked at again."""
        for job in list(self._index):
            offer = self._models.offers.get(job.model[0])
            if offer is None or offer.spec.revision != job.model[1]:
                self._index.remove(job.job_id)
                task = asyncio.ensure_future(self._readmit(job.job_id))
                self._keep(task)
        before, self._lanes = self._lanes, fleet(self._models, self._machine, self._lanes)
        for lane in before.values():
            if lane not in self._lanes.values():
                self._keep(asyncio.ensure_future(_close_when_idle(lane)))
        self._bell.set()

    # ------------------------------------------------------------------------------------------ views

    def lanes(self) -> list[LaneView]:
        return [lane.view() for lane in self._lanes.values()]

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

    def place(self, job_id: str) -> Place | None:
        """Where a queued job stands and what it waits for; None where it is not queued."""
        return place(self._index, self._lanes.values(), self._estimates, self.blocked, job_id, self._caps())

    # ------------------------------------------------------------------------------------------ events

    def _hear(self, event: Event) -> None:
        match event:
            case JobQueued():
                self._progress.pop(event.job_id, None)
                self._claimed.discard(event.job_id)
                self._admit(event)
            case JobProgress():
                if event.job_id in self._claimed:
                    self._progress[event.job_id] = event
            case JobChanged() if event.state in FINISHED:
                self._progress.pop(event.job_id, None)
                self._index.remove(event.job_id)
                self._index.ended(event.job_id)
                self._claimed.discard(event.job_id)
                if self._caps():
                    self._bell.set()  # another of its owner's may start now
                for lane in self._lanes.values():
                    lane.cancel(event.job_id)

    def _admit(self, event: JobQueued) -> None:
        job: Job = event.job
        offer = self._models.offers.get(job.model)
        if offer is None:
            self._keep(asyncio.ensure_future(self._refuse(job)))
            return
        self._index.add(waiting(job, offer, event))
        self._bell.set()

    async def _refuse(self, job: Job) -> None:
        why = self._models.problems.get(job.model, "it is no longer in models.toml")
        async with self._db.write() as connection:
            told = f"The model {job.model} cannot be used: {why}"
            failed = await changes.fail_queued(connection, job.id, "model_removed", told)
        if failed:
            self._bus.publish(changed(failed))

    async def _readmit(self, job_id: str) -> None:
        async with self._db.read() as connection:
            job = await records.get(connection, None, job_id)
        if job.state == "queued" and job.id not in self._claimed:
            self._admit(JobQueued(job.id, job.team_id, job.user_id, job.version, job, alone=job.failures > 0))

    def _block(self, reason: str) -> None:
        if not self.blocked:
            log.error("no lane claims any more: %s", reason)
        self.blocked = reason
        self._bell.set()

    # ------------------------------------------------------------------------------------------ the loop

    async def _run(self) -> None:
        while True:
            if self.blocked and not await self._unblocked():
                await asyncio.sleep(PROBE_SECONDS)
                continue
            self._bell.clear()
            self._assign()
            try:
                async with asyncio.timeout(self._patience()):
                    await self._bell.wait()
            except TimeoutError:
                continue

    def _assign(self) -> None:
        now = time.time()
        free = [lane.free() for lane in self._lanes.values() if lane.available(now)]
        for assignment in decide(self._index, free, self._estimates, now, self._caps()) if free else ():
            for job in assignment.jobs:
                self._index.take(job, self._estimates.seconds(job.model, job.pictures), now)
                self._claimed.add(job.job_id)
            lane = self._lanes[assignment.lane]
            lane.idle.clear()
            self._keep(asyncio.create_task(self._batch(lane, assignment)))

    def _caps(self) -> Caps:
        limits = self._models.catalog.settings.limits
        return Caps(limits.key.running_jobs, limits.user.running_jobs, limits.team.running_jobs)

    async def _batch(self, lane: Lane, assignment: Assignment) -> None:
        pictures = sum(job.pictures for job in assignment.jobs)
        guesses = {job.job_id: self._estimates.seconds(job.model, job.pictures) for job in assignment.jobs}
        try:
            spent = await self._runner.run(lane, assignment)
            for job in assignment.jobs:
                self._index.charge(job, spent * job.pictures / pictures - guesses[job.job_id])
        except StorageUnavailable as error:
            self._claimed.difference_update(guesses)
            self._block(error.message)
        finally:
            lane.idle.set()
            self._bell.set()

    def _patience(self) -> float:
        """Until the next moment at which something could change by itself."""
        now = time.time()
        moments = [job.ready_at for job in self._index if job.ready_at > now] if len(self._index) < 1000 else [now + 1]
        moments += [lane.rests_until for lane in self._lanes.values() if lane.rests_until > now]
        return max(0.01, min([*moments, now + IDLE_SECONDS]) - now)

    async def _unblocked(self) -> bool:
        """Whether bytes and rows can be written again; if so, what was lost sight of meanwhile is put back."""
        try:
            await self._blobs.check()
            async with self._db.read() as connection:
                running = await records.live(connection, "running")
                queued = await records.live(connection, "queued")
            self.blocked = None
            for job in running:
                if job.id not in self._claimed:
                    await self._recover(job)
            for job in queued:
                if job.id not in self._index and job.id not in self._claimed:
                    self._admit(JobQueued(job.id, job.team_id, job.user_id, job.version, job))
        except StorageUnavailable as error:
            self.blocked = error.message
            return False
        log.info("lanes claim again")
        return True

    async def _recover(self, job: Job) -> None:
        """A running row that nobody runs: what becomes of it is said by its model's `replay`."""
        offer = self._models.offers.get(job.model)
        replay = offer.card.replay if offer else None
        fatal = interrupted(job, replay, self._models.catalog.settings.jobs.max_attempts)
        async with self._db.write() as connection:
            if fatal:
                moved = await changes.finish(connection, job, error=(fatal.code, fatal.message))
            else:
                moved = await changes.put_back(connection, job, failed=True)
        if moved is None:
            return
        if fatal:
            self._bus.publish(changed(moved))
        else:
            self._bus.publish(JobQueued(job.id, job.team_id, job.user_id, moved.version, moved, alone=True))

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._batches.add(task)
        task.add_done_callback(self._batches.discard)


async def _close_when_idle(lane: Lane) -> None:
    await lane.idle.wait()
    await lane.host.close()
