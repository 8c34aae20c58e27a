"""Step 1 and 2 of a picture's way: a submission becomes a durable row, or is refused and leaves no trace."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import insert

from engines.contract import InvalidRequest
from gateway.accounts import Principal
from gateway.catalog import Settings
from gateway.db import Database, new_id, now
from gateway.errors import InvalidInput, WrongState
from gateway.events import Bus, JobQueued
from gateway.jobs import records
from gateway.jobs.records import Job
from gateway.jobs.request import Submission, engine_request, resolve
from gateway.jobs.tables import jobs
from gateway.models import Offer


async def submit(db: Database, bus: Bus, offer: Offer, principal: Principal, asked: Submission, settings: Settings) -> Job:
    """Check the submission against the chosen model, keep it, then ring the bell.

    Raises InvalidInput that names the field, before anything is written.
    """
    job = _job(offer, principal, asked, settings)
    try:
        offer.engine.check(
            engine_request(job.id, offer.entry.id, asked.capability, job.request, tuple(range(job.pictures))), offer.card
        )
    except InvalidRequest as error:
        raise InvalidInput(error.message, field=error.field) from error
    async with db.write() as connection:
        await connection.execute(insert(jobs), [_values(job)])
    bus.publish(JobQueued(job.id, job.team_id, job.user_id, job.version, job))
    return job


async def retried(db: Database, principal: Principal, job_id: str) -> Submission:
    """The submission that runs a failed or canceled job again, with the same seed. Raises NotFound, WrongState."""
    async with db.read() as connection:
        job = await records.get(connection, principal.team_id, job_id)
    if job.state not in ("failed", "canceled"):
        raise WrongState(f"Only a failed or canceled task can be retried; this one is {job.state}.")
    kept = job.request
    return Submission(
        surface=job.surface,
        capability=job.capability,
        prompt=kept.prompt,
        model=job.model,
        negative_prompt=kept.negative_prompt,
        width=kept.size.width,
        height=kept.size.height,
        n=job.pictures,
        steps=kept.steps,
        guidance_scale=kept.guidance_scale,
        sampler=kept.sampler,
        strength=kept.strength,
        seed=kept.seed,
        source=kept.source,
        mask=kept.mask,
        references=kept.references,
        loras=kept.loras,
        output_format=kept.output_format,
        bulk=job.bulk,
        retry_of=job.id,
        shown=kept.shown,
    )


def _job(offer: Offer, principal: Principal, asked: Submission, settings: Settings) -> Job:
    return Job(
        id=new_id(),
        team_id=principal.team_id,
        user_id=principal.user_id,
        key_id=principal.key_id,
        surface=asked.surface,
        capability=asked.capability,
        model=offer.entry.id,
        engine=offer.entry.engine,
        revision=offer.entry.revision,
        state="queued",
        bulk=asked.bulk,
        request=resolve(asked, offer.entry, offer.card, settings.limits.max_pixels),
        pictures=asked.n,
        stored=0,
        price=0,
        charged=0,
        refunded=0,
        attempt=0,
        failures=0,
        sent=False,
        upstream_id=None,
        error_code=None,
        error_message=None,
        retry_of=asked.retry_of,
        version=1,
        created_at=now(),
        started_at=None,
        finished_at=None,
    )


def _values(job: Job) -> Mapping[str, object]:
    values = {field: getattr(job, field) for field in Job.__struct_fields__}
    return {**values, "request": records.encode_request(job.request)}
