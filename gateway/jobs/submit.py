"""Step 1 and 2 of a picture's way: a submission becomes a durable row, or is refused and leaves no trace."""

from __future__ import annotations

import msgspec
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from engines.contract import InvalidRequest
from gateway.accounts import Principal
from gateway.catalog import Catalog
from gateway.db import Database, new_id, now
from gateway.errors import InvalidInput, NotFound, WrongState
from gateway.events import Bus, JobQueued
from gateway.images import records as images
from gateway.jobs import billing, edit_sessions, idempotency, inputs, records
from gateway.jobs.admission import admission
from gateway.jobs.engine_requests import blank_request
from gateway.jobs.records import EXPORT, Job
from gateway.jobs.request import Resolved, Submission
from gateway.jobs.resolving import resolve
from gateway.jobs.tables import jobs
from gateway.models import Offer
from gateway.webhooks.addresses import checked


async def submit(db: Database, bus: Bus, offer: Offer, principal: Principal, asked: Submission, catalog: Catalog) -> Job:
    """Check the submission against the chosen model, keep it, then ring the bell.

    Raises InvalidInput that names the field, TooManyJobs and InsufficientCredits; then nothing is written.
    """
    job = draft(offer, principal, asked, catalog)
    with admission(bus).place(job, principal.limits) as take:
        async with db.write() as connection:
            if asked.idempotency and (earlier := await idempotency.claim(connection, job, asked.idempotency)):
                return earlier
            take(catalog.settings.limits)
            await billing.charge(connection, job, pays=catalog.settings.credits.enabled)
            await connection.execute(insert(jobs), [records.values(job)])
            await inputs.hold(connection, job)
            await edit_sessions.note(connection, job)
    bus.publish(JobQueued(job.id, job.team_id, job.user_id, job.version, job))
    return job


def draft(offer: Offer, principal: Principal, asked: Submission, catalog: Catalog) -> Job:
    """The job that a submission would become, with its price; nothing is written. Raises InvalidInput."""
    job = _job(offer, principal, asked, catalog)
    try:
        offer.engine.check(blank_request(job.id, job.model, job.does, job.request, job.pictures), offer.card)
    except InvalidRequest as error:
        raise InvalidInput(error.message, field=error.field) from error
    return job


async def retried(db: Database, principal: Principal, job_id: str) -> Submission:
    """The submission that runs a failed or canceled job again, with the same seed. Raises NotFound, WrongState."""
    async with db.read() as connection:
        job = await records.get(connection, principal.team_id, job_id)
        await _still_there(connection, principal.team_id, job.request)
    if job.capability == EXPORT:
        raise WrongState("An export is not retried; ask for a new one with POST /v1/images/bulk/export.")
    if job.state not in ("failed", "canceled"):
        raise WrongState(f"Only a failed or canceled task can be retried; this one is {job.state}.")
    return msgspec.structs.replace(as_submitted(job), retry_of=job.id)


def as_submitted(job: Job) -> Submission:
    """What asks for the same of the same model, with all that was left out filled in."""
    kept = job.request
    return Submission(
        surface=job.surface,
        capability=job.does,
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
        output_compression=kept.output_compression,
        exact_format=kept.exact_format,
        choices=kept.choices,
        quality=kept.quality,
        resolution=kept.resolution,
        bulk=job.bulk,
        webhook=job.webhook,
        preset=kept.preset,
        user_prompt=kept.user_prompt,
        public=kept.public,
        title=kept.title,
        tags=kept.tags,
        edit_session_id=kept.edit_session_id,
        shown=kept.shown,
    )


async def _still_there(connection: AsyncConnection, team_id: str, kept: Resolved) -> None:
    for picture in (*kept.pictures, *((kept.mask,) if kept.mask else ())):
        try:
            image = await images.get(connection, team_id, picture.image or "")
        except NotFound:
            raise WrongState("A picture that this task worked on is gone; send a new task with another one.") from None
        if image.deleted_at is not None:
            raise WrongState("A picture that this task worked on is in the trash; restore it first.")


def _job(offer: Offer, principal: Principal, asked: Submission, catalog: Catalog) -> Job:
    kept = resolve(asked, offer.entry, offer.card, catalog.settings.limits.max_pixels)
    price = billing.price(catalog, offer.entry, asked, kept)
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
        request=kept,
        pictures=asked.n,
        stored=0,
        price=price,
        charged=price * asked.n,
        refunded=0,
        attempt=0,
        failures=0,
        sent=False,
        upstream_id=None,
        error_code=None,
        error_message=None,
        retry_of=asked.retry_of,
        webhook=asked.webhook and checked(asked.webhook, "webhook.url"),
        version=1,
        created_at=now(),
        started_at=None,
        finished_at=None,
    )
