"""What happens to one job, for a stream of this surface: how its first picture looks so far, and then its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import ExitStack, asynccontextmanager, suppress

from msgspec import Struct

from gateway.accounts import Principal
from gateway.api.streams import KEEP_ALIVE_SECONDS, Streams
from gateway.db import Database
from gateway.errors import DarkroomError
from gateway.events import Bus, Event, JobChanged, JobProgress
from gateway.jobs import records
from gateway.jobs.cancel import cancel
from gateway.jobs.records import Job


class Partial(Struct, frozen=True):
    """How the first picture looks so far: a small JPEG. Of each number one at most, in their order."""

    index: int
    jpeg: bytes


class StillThere(Struct, frozen=True):
    """Nothing happened for a while: time to say something, before a proxy cuts the connection."""


class Ended(Struct, frozen=True):
    """The last that comes."""

    job: Job


Seen = Partial | StillThere | Ended


async def follow(db: Database, bus: Bus, job: Job, partials: int) -> AsyncGenerator[Seen, None]:
    """At most so many `Partial`, at even shares of the way, then `Ended`; fewer where the engine shows fewer."""

    def wants(event: Event) -> bool:
        return isinstance(event, JobChanged | JobProgress) and event.job_id == job.id

    # Listen first, then read: an end that comes in between is told by both.
    with bus.subscribe(wants) as inbox, ExitStack() as watching:
        if partials:
            watching.enter_context(bus.watch(job.id))
        async with db.read() as connection:
            job = await records.get(connection, job.team_id, job.id)
        told = 0
        while not job.finished:
            try:
                async with asyncio.timeout(KEEP_ALIVE_SECONDS):
                    event = await inbox.get()
            except TimeoutError:
                yield StillThere()
                continue
            if isinstance(event, JobChanged):
                job = event.job
            elif isinstance(event, JobProgress) and told < partials and _is_due(event, told, partials):
                yield Partial(told, event.preview or b"")
                told += 1
    yield Ended(job)


def _is_due(event: JobProgress, told: int, partials: int) -> bool:
    return event.preview is not None and event.step * (partials + 1) >= event.steps * (told + 1)


@asynccontextmanager
async def canceled_when_left(
    db: Database, bus: Bus, streams: Streams, principal: Principal, job: Job, *, goes_on: bool
) -> AsyncGenerator[None, None]:
    """Around a stream: who closes it has no use for the rest, so the job is canceled.

    It `goes_on` where the request had an Idempotency-Key, for then its client may come back for it; and where it is the
    gateway that ends.
    """
    try:
        yield
    except (asyncio.CancelledError, GeneratorExit):
        if not goes_on and not streams.ending:
            with suppress(DarkroomError):
                await cancel(db, bus, principal, job.id)
        raise
