"""One batch on one lane: steps 4 to 7 of a picture's way."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable

import msgspec

from engines.contract import (
    Done,
    EngineCrashed,
    EngineError,
    Event,
    Failed,
    ImageReady,
    ImageRequest,
    Loading,
    Pixels,
    Progress,
    UpstreamOutcomeUnknown,
)
from gateway.db import Database
from gateway.errors import DarkroomError, InvalidInput, NotFound, StorageUnavailable
from gateway.events import Bus, JobProgress
from gateway.jobs import changes
from gateway.jobs.cancel import changed
from gateway.jobs.records import Job
from gateway.models import Models, Offer
from gateway.scheduling.attempt import Attempt
from gateway.scheduling.ends import Ends, ModelRemoved, PictureGone
from gateway.scheduling.estimates import Estimates
from gateway.scheduling.failing_over import FailOver
from gateway.scheduling.keeping import Keeper
from gateway.scheduling.lanes import Lane
from gateway.scheduling.policy import Assignment
from gateway.scheduling.previews import to_jpeg
from gateway.scheduling.readying import Readying
from gateway.scheduling.recovery import STOPPED, Again, only_found
from gateway.workers.host import RunningBatch

log = logging.getLogger(__name__)


class Runner:
    """Runs assignments.

    `on_blocked` is told when nothing can be stored, so that no lane claims any more; `let_go` which jobs of an assignment
    are in its hands no more, whatever became of them.
    """

    def __init__(
        self,
        db: Database,
        bus: Bus,
        models: Models,
        keeper: Keeper,
        estimates: Estimates,
        on_blocked: Callable[[str], None],
        let_go: Callable[[Assignment, Iterable[str]], None],
        fail_over: FailOver,
    ) -> None:
        self._db = db
        self._bus = bus
        self._models = models
        self._keeper = keeper
        self._estimates = estimates
        self._readying = Readying(bus, estimates)
        self._ends = Ends(db, bus, models, fail_over)
        self._on_blocked = on_blocked
        self._let_go = let_go
        self._settling: set[asyncio.Task[None]] = set()
        self.closing = False

    async def run(self, lane: Lane, assignment: Assignment) -> float:
        """Returns the device seconds spent, as soon as the device is free again; storing goes on behind it.

        When it raises, nothing was claimed, or nothing is known of it.
        """
        jobs = await self._claim(assignment)
        self._let_go(assignment, {job.job_id for job in assignment.jobs}.difference(job.id for job in jobs))
        if not jobs:
            return 0.0
        saving = any(job.saving for job in assignment.jobs)
        attempt = Attempt(jobs, saving, lane.name, {job.job_id: job.away_since for job in assignment.jobs})
        await lane.storing.acquire()
        began = time.monotonic()
        error: EngineError | None = None
        try:
            await self._on_lane(lane, assignment, attempt)
            if attempt.shown:
                lane.went_well()
            elif attempt.trouble:
                lane.failed(attempt.trouble)
        except EngineError as raised:
            error = raised
            lane.failed(raised)
        except StorageUnavailable as raised:
            attempt.blocked = raised.message
        except Exception as raised:
            log.exception("a batch ended in a way that nobody foresaw")
            error = EngineCrashed(f"The gateway could not run this ({type(raised).__name__}); the log has the details.")
        finally:
            lane.end()
            self._behind(self._settle(lane, assignment, attempt, error))
        spent = time.monotonic() - began
        if error is None and attempt.shown and not attempt.blocked:
            self._estimates.learn_run(assignment.jobs[0].model, spent - attempt.woke, sum(job.pictures for job in jobs))
        return spent

    async def drain(self) -> None:
        """Wait until everything that was made is stored."""
        while self._settling:
            await asyncio.gather(*self._settling, return_exceptions=True)

    async def _claim(self, assignment: Assignment) -> list[Job]:
        offer = self._models.offers.get(assignment.jobs[0].model[0])
        sent = offer is not None and offer.card.replay == "never"
        async with self._db.write() as connection:
            jobs = await changes.claim(connection, [job.job_id for job in assignment.jobs], sent=sent)
        order = {job.job_id: place for place, job in enumerate(assignment.jobs)}
        jobs.sort(key=lambda job: order[job.id])
        for job in jobs:
            self._bus.publish(changed(job))
        return jobs

    async def _on_lane(self, lane: Lane, assignment: Assignment, attempt: Attempt) -> None:
        offer = self._offered(assignment)
        engine = self._models.catalog.engines[offer.entry.engine]
        requests = await self._requests(attempt, offer)
        if not requests:
            return
        batch = RunningBatch(offer.spec, requests, saving=attempt.saving, watched=self._bus.is_watched)
        lane.begin(batch)
        if self.closing:
            batch.cancel_all()
        if not await self._readying.wake(lane, attempt) or self.closing:
            return
        self._offered(assignment)  # waking takes its time, and nothing is sent for a model that is gone
        await self._readying.load(lane, offer, engine, assignment, attempt)
        lane.state, attempt.asked = "running", True
        lane.holds_now(assignment.jobs[0].held)
        async for event in lane.host.run(engine, batch):
            await self._take(event, offer, attempt, batch)

    def _offered(self, assignment: Assignment) -> Offer:
        id_, _ = assignment.jobs[0].model
        if (offer := self._models.offers.get(id_)) is None:
            raise ModelRemoved(f"The model {id_} is no longer on offer.")
        return offer

    async def _requests(self, attempt: Attempt, offer: Offer) -> list[ImageRequest]:
        """What the engine shall make; a job whose pictures an earlier attempt stored, all of them, only ends."""
        requests = []
        allowed = self._models.catalog.settings.jobs.max_attempts
        attempt.only_found = {job.id for job in attempt.jobs.values() if only_found(job, offer.card.replay, allowed)}
        for job in attempt.jobs.values():
            missing = await self._keeper.missing(job)
            attempt.wanted[job.id] = len(missing)
            if not missing:
                attempt.ends[job.id] = asyncio.create_task(self._end(attempt, Done(job.id)))
                continue
            try:
                request = await self._keeper.request(job, missing)
                requests.append(msgspec.structs.replace(request, found_only=job.id in attempt.only_found))
            except (NotFound, InvalidInput) as error:
                gone = PictureGone(f"A picture that this works on can be read no more. {error.message}")
                attempt.ends[job.id] = asyncio.create_task(self._end(attempt, Failed(job.id, gone)))
        return requests

    async def _take(self, event: Event, offer: Offer, attempt: Attempt, batch: RunningBatch) -> None:
        match event:
            case Loading():
                self._readying.tell_of_loading(attempt)
            case Progress():
                preview = None if event.preview is None else await self._preview(attempt, event.request, event.preview)
                self._progress(attempt.jobs[event.request], event.step, event.total, preview)
            case ImageReady():
                attempt.shown = True
                store = asyncio.create_task(self._store(attempt, offer, event, batch))
                attempt.stores[event.request].append(store)
            case Failed() | Done():
                attempt.note(event)
                attempt.ends[event.request] = asyncio.create_task(self._end(attempt, event))

    async def _preview(self, attempt: Attempt, job_id: str, frame: Pixels) -> bytes | None:
        """Marked as the picture will be; None where that cannot be told now: a preview may be missed."""
        if job_id not in attempt.marks:
            try:
                attempt.marks[job_id] = await self._keeper.mark(attempt.jobs[job_id])
            except DarkroomError:
                return None
        return await asyncio.to_thread(to_jpeg, frame, attempt.marks[job_id])

    async def _store(self, attempt: Attempt, offer: Offer, event: ImageReady, batch: RunningBatch) -> None:
        try:
            await self._keeper.keep(attempt.jobs[event.request], offer, event)
        except StorageUnavailable as error:
            attempt.blocked = error.message
            batch.cancel_all()
            log.warning("a picture could not be stored: %s", error.message)
        except InvalidInput as error:
            attempt.spoiled[event.request] = EngineCrashed(f"The engine did not deliver a picture. {error.message}")
        except Exception as error:
            log.exception("a picture could not be kept, for a reason that nobody foresaw")
            told = f"The picture could not be kept ({type(error).__name__}); the log has the details."
            attempt.spoiled[event.request] = EngineCrashed(told)

    async def _end(self, attempt: Attempt, event: Failed | Done) -> None:
        """One job's last word, once its pictures are stored."""
        await asyncio.gather(*attempt.stores[event.request])
        job = attempt.jobs[event.request]
        stopped = self.closing and len(attempt.stores[job.id]) < attempt.wanted[job.id]
        if attempt.blocked or stopped:
            return  # it goes back into the queue
        error = event.error if isinstance(event, Failed) else attempt.spoiled.get(job.id)
        if error is None and job.id in attempt.only_found and len(attempt.stores[job.id]) < attempt.wanted[job.id]:
            error = EngineCrashed(STOPPED.format(job.failures))
        if error:
            await self._ends.fail(attempt, job, error)
        else:
            assert isinstance(event, Done)
            await self._ends.done(job, event)

    async def _settle(self, lane: Lane, assignment: Assignment, attempt: Attempt, error: EngineError | None) -> None:
        """After the device is free: wait for what is being stored, then give every job that is left its end."""
        try:
            await _all(store for stores in attempt.stores.values() for store in stores)
            await _all(attempt.ends.values())
            if attempt.blocked:
                self._on_blocked(attempt.blocked)
            for job in attempt.jobs.values():
                if attempt.blocked or self.closing:
                    await self._stop(attempt, job, error)
                elif job.id not in attempt.ends:
                    await self._ends.fail(attempt, job, error or EngineCrashed("The engine ended without a word about this."))
                    if error:
                        error.usage = None  # it is counted once, whoever else the error is for
        except StorageUnavailable as unavailable:
            log.warning("what ran is found again when this is over: %s", unavailable.message)
            self._on_blocked(unavailable.message)
        except Exception:
            log.exception("a batch could not be settled; what is left of it is looked up again")
        finally:
            lane.storing.release()
            self._let_go(assignment, attempt.jobs)

    async def _stop(self, attempt: Attempt, job: Job, error: EngineError | None) -> None:
        """Back into the queue; but what an upstream may have been paid for is not sent again."""
        refused = error is not None and error.retried and not isinstance(error, EngineCrashed)
        if job.sent and attempt.asked and not refused:
            why = f" ({attempt.blocked})" if attempt.blocked else ""
            told = f"The gateway stopped{why} while the upstream worked on this; it is not sent again."
            await self._ends.fail(attempt, job, error if error and not error.retried else UpstreamOutcomeUnknown(told))
        else:
            await self._ends.again(job, Again(counted=False))

    def _progress(self, job: Job, step: int, steps: int, preview: bytes | None) -> None:
        self._bus.publish(JobProgress(job.id, job.team_id, job.user_id, step, steps, preview))

    def _behind(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)


async def _all(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Wait for every one of them; then raise what the first that failed raised."""
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    for outcome in outcomes:
        if outcome is not None:
            raise outcome
