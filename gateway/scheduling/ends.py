"""How a job leaves a batch: finished, failed, elsewhere, or back in the queue. The row first, then the event."""

from __future__ import annotations

import time

from engines.contract import Done, EngineError, InvalidRequest, ModelUnusable
from gateway.db import Database
from gateway.events import Bus, JobQueued
from gateway.jobs import changes
from gateway.jobs.attempts import Tried, tried
from gateway.jobs.cancel import changed
from gateway.jobs.records import Job
from gateway.models import Models
from gateway.scheduling.attempt import Attempt
from gateway.scheduling.failing_over import FailOver
from gateway.scheduling.recovery import Again, after

MINUTE = 60.0


class Ends:
    """Each raises StorageUnavailable; a job that was canceled, or runs under another attempt by now, is left as it is."""

    def __init__(self, db: Database, bus: Bus, models: Models, fail_over: FailOver) -> None:
        self._db = db
        self._bus = bus
        self._models = models
        self._fail_over = fail_over

    async def done(self, job: Job, event: Done) -> None:
        async with self._db.write() as connection:
            ended = await changes.finish(connection, job, upstream_id=event.upstream_id, usage=event.usage)
        if ended:
            self._bus.publish(changed(ended))

    async def fail(self, attempt: Attempt, job: Job, error: EngineError) -> None:
        """Again, where the error and the job's earlier failures allow it, or by another model; else the end."""
        settings, now = self._models.catalog.settings.jobs, time.time()
        away_since = attempt.away_since.get(job.id) or now
        verdict = after(
            error,
            mates=len(attempt.jobs) - 1,
            saving=attempt.saving,
            failures=job.failures,
            max_attempts=settings.max_attempts,
            sent=job.sent and attempt.asked,
            patience=settings.away_minutes * MINUTE - (now - away_since),
        )
        last = tried(job.attempt, job.model, attempt.lane, error)
        if isinstance(verdict, Again):
            await self.again(job, verdict, last, away_since if verdict.away else 0.0)
        elif not (
            self._fail_over.is_for(error, verdict.code) and await self._fail_over.move(job, verdict.code, verdict.message, last)
        ):
            await self._end(job, verdict.code, verdict.message, error)

    async def again(self, job: Job, verdict: Again, last: Tried | None = None, away_since: float = 0.0) -> None:
        """Back into the queue; `last` is the attempt that came to nothing."""
        async with self._db.write() as connection:
            queued = await changes.put_back(connection, job, failed=verdict.counted, tried=last)
        if queued:
            ready_at = time.time() + verdict.delay
            event = JobQueued(
                job.id,
                job.team_id,
                job.user_id,
                queued.version,
                queued,
                ready_at,
                verdict.alone,
                verdict.saving,
                away_since,
            )
            self._bus.publish(event)

    async def _end(self, job: Job, code: str, message: str, error: EngineError) -> None:
        async with self._db.write() as connection:
            ended = await changes.finish(
                connection, job, error=(code, message), upstream_id=error.upstream_id, usage=error.usage
            )
        if ended:
            self._bus.publish(changed(ended))


class ModelRemoved(ModelUnusable):
    """The model was taken off the offer between the decision and the run."""

    code = "model_removed"


class PictureGone(InvalidRequest):
    """A picture that the job works on can be read no more."""

    code = "picture_gone"
