"""What a job costs, taken in the transaction that queues it and given back in the one that ends it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.catalog import Catalog, ModelEntry
from gateway.jobs.records import EXPORT, Job
from gateway.jobs.request import Resolved, Submission
from gateway.wallet import ledger, tariffs, usage

MOST_USD = 1_000_000
"""Of one job; a stranger's engine may say anything."""


def price(catalog: Catalog, entry: ModelEntry, asked: Submission, kept: Resolved) -> int:
    """Of one picture, in ten-thousandths of a credit."""
    quality, resolution = tariffs.graded(entry, kept.size, asked.quality, asked.resolution)
    return tariffs.price(catalog, asked.surface, entry, asked.capability, quality, resolution)


async def charge(connection: AsyncConnection, job: Job, *, pays: bool) -> None:
    """Count the job's charge, and take it from the team's wallet where it `pays`. Raises InsufficientCredits."""
    if pays and job.charged:
        await ledger.charge(connection, job.team_id, job.user_id, job.id, job.charged, _reason(job))
    await usage.count(connection, _whose(job), jobs=1, charged=job.charged)


async def move(connection: AsyncConnection, before: Job, now: Job) -> None:
    """Count the job under the model that has it now, for the charge that it came with."""
    await usage.count(connection, _whose(before), jobs=-1, charged=-before.charged)
    await usage.count(connection, _whose(now), jobs=1, charged=now.charged)


async def settle(connection: AsyncConnection, job: Job) -> None:
    """Count what an ended job delivered, and give back the rest to the wallet that paid for it."""
    if job.capability == EXPORT:
        return  # it costs nothing and makes nothing
    if job.refunded:
        await ledger.refund(connection, job.team_id, job.user_id, job.id, job.refunded, _reason(job))
    await usage.count(connection, _whose(job), pictures=job.stored, refunded=job.refunded)


async def spent(connection: AsyncConnection, job: Job, told: Mapping[str, Any] | None) -> None:
    """Count what an attempt's upstream was paid, as its usage says, whatever came of it."""
    if (millionths := upstream(told)) > 0:
        await usage.count(connection, _whose(job), upstream=millionths)


def upstream(told: Mapping[str, Any] | None) -> int:
    """What an engine's usage says that its upstream was paid (`cost_usd`), in millionths of a US dollar."""
    cost = (told or {}).get("cost_usd")
    return round(cost * usage.MILLION) if isinstance(cost, int | float) and 0 <= cost < MOST_USD else 0


def _whose(job: Job) -> usage.Whose:
    return usage.Whose(usage.day_of(job.created_at), job.team_id, job.user_id, job.model)


def _reason(job: Job) -> str:
    done = "" if job.state == "queued" else f", {job.state}"
    return f"{job.capability} by {job.model}: {job.stored if done else job.pictures} of {job.pictures}{done}"
