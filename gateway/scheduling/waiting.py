"""From a job's row to what the policy needs of it."""

from __future__ import annotations

from engines.contract import LocalEngine
from gateway.events import JobQueued
from gateway.jobs.engine_requests import engine_request
from gateway.jobs.records import Job
from gateway.models import Offer
from gateway.scheduling.index import Waiting

MICROSECONDS = 1_000_000


def waiting(job: Job, offer: Offer, event: JobQueued) -> Waiting:
    """The queue's entry for a job; `event` says how it shall be tried."""
    local = isinstance(offer.engine, LocalEngine)
    request = engine_request(job.id, job.model, job.does, job.request, tuple(range(job.pictures)))
    return Waiting(
        job_id=job.id,
        team_id=job.team_id,
        user_id=job.user_id,
        key_id=job.key_id,
        bulk=job.bulk,
        engine=job.engine,
        local=local,
        model=(offer.spec.id, offer.spec.revision),
        batch_key=offer.engine.batch_key(request, offer.card),
        pictures=job.pictures - job.stored,
        max_batch=offer.card.max_batch,
        queued_at=job.created_at / MICROSECONDS,
        ready_at=event.ready_at,
        away_since=event.away_since,
        held=None if local else offer.engine.holds(offer.spec),
        open_model=job.request.said is not None,
        alone=event.alone,
        saving=event.saving,
        memory_bytes=offer.card.memory_bytes,
    )
