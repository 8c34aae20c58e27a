"""How a job leaves a batch: finished, failed, or back in the queue. The row first, then the event."""

from __future__ import annotations

import time

from engines.contract import Done, EngineError, InvalidRequest, ModelUnusable
from gateway.db import Database
from gateway.events import Bus, JobQueued
from gateway.jobs import changes
from gateway.jobs.cancel import changed
from gateway.jobs.records import Job
from gateway.models import Models
from gateway.scheduling.attempt import Attempt
from gateway.scheduling.recovery import Again, after


class Ends:
    """Each raises StorageUnavailable; a job that was canceled, or runs under another attempt by now, is left as it is."""

    def __init__(self, db: Database, bus: Bus, models: Models) -> None:
        self._db = db
        self._bus = bus
        self._models = models

    async def done(self, job: Job, event: Done) -> None:
        async with self._db.write() as connection:
            ended = await changes.finish(connection, job, upstream_id=event.upstream_id, usage=event.usage)
        if ended:
            self._bus.publish(changed(ended))

    async def fail(self, attempt: Attempt, job: Job, error: EngineError) -> None:
        """Again, where the error and the job's earlier failures allow it; else the end."""
        limit = self._models.catalog.settings.jobs.max_attempts
        verdict = after(
            error,
            mates=len(attempt.jobs) - 1,
            saving=attempt.saving,
            failures=job.failures,
            max_attempts=limit,
            sent=job.sent and attempt.asked,
        )
        if isinstance(verdict, Again):
            await self.again(job, verdict)
            return
        async with self._db.write() as connection:
            ended = await changes.finish(connection, job, error=(verdict.code, verdict.message))
        if ended:
            self._bus.publish(changed(ended))

    async def again(self, job: Job, verdict: Again) -> None:
        async with self._db.write() as connection:
            queued = await changes.put_back(connection, job, failed=verdict.counted)
        if queued:
            ready_at = time.time() + verdict.delay
            event = JobQueued(job.id, job.team_id, job.user_id, queued.version, queued, ready_at, verdict.alone, verdict.saving)
            self._bus.publish(event)


class ModelRemoved(ModelUnusable):
    """The model was taken off the offer between the decision and the run."""

    code = "model_removed"


class PictureGone(InvalidRequest):
    """A picture that the job works on can be read no more."""

    code = "picture_gone"
