"""What happens to one job, for a stream of this surface: how its first picture looks so far, and then its end."""

from __future__ import annotations

import asyncio
from collections import deque
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

    latest: deque[JobProgress] = deque(maxlen=1)

    def wants(event: Event) -> bool:
        if not isinstance(event, JobChanged | JobProgress) or event.job_id != job.id:
            return False
        # Engines make a preview every few steps, and of steps only the last one waits to be read.
        if isinstance(event, JobProgress) and event.preview is not None:
            latest.append(event)
        return True

    # Listen first, then read: an end that comes in between is told by both.
    with bus.subscribe(wants) as inbox, ExitStack() as watching:
        if partials:
            watching.enter_context(bus.watch(job.id))
        async with db.read() as connection:
            job = await records.get(connection, job.team_id, job.id)
        told, clock = 0, asyncio.get_running_loop().time
        silent_until = clock() + KEEP_ALIVE_SECONDS
        while not job.finished:
            try:
                # Steps of which nothing is told are no sign of life for the one who listens.
                async with asyncio.timeout_at(silent_until):
                    event = await inbox.get()
            except TimeoutError:
                yield StillThere()
                silent_until = clock() + KEEP_ALIVE_SECONDS
                continue
            if isinstance(event, JobChanged):
                job = event.job
            elif latest and told < partials and _is_due(latest[0], told, partials):
                yield Partial(told, latest.pop().preview or b"")
                told, silent_until = told + 1, clock() + KEEP_ALIVE_SECONDS
    yield Ended(job)


def _is_due(event: JobProgress, told: int, partials: int) -> bool:
    return event.step * (partials + 1) >= event.steps * (told + 1)


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
