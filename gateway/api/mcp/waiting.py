"""Waiting for a job, and telling meanwhile how far it is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from gateway.api.tasks.wire import TaskProgress, progress_of
from gateway.db import Database
from gateway.events import Bus, Event, ImageStored, JobChanged, JobProgress, JobQueued
from gateway.jobs import records
from gateway.jobs.records import Job
from gateway.scheduling.loop import Scheduler

LOOK_SECONDS = 2.0
"""How often it is seen whether a queued job has moved up."""
TELL_SECONDS = 0.5
"""No more often than that: each notification is shown to somebody."""
SILENT_SECONDS = 10.0
"""No longer than that nothing is said: clients give up a call that is silent, some after half a minute."""
_LEAST = 0.01
"""Per cent. What is told must grow each time (MCP, "Progress")."""
Tell = Callable[[float, str], Awaitable[None]]
"""Told per cent, and words."""


async def watched(db: Database, bus: Bus, scheduler: Scheduler, job: Job, seconds: float, tell: Tell) -> Job:
    """The job once it is finished, or as it stands after so many seconds; it goes on whoever waits or leaves."""

    def wants(event: Event) -> bool:
        return event.job_id == job.id

    teller, until = Teller(tell), time.monotonic() + seconds
    last: JobProgress | None = None
    stored = 0
    # Listen first, then read: an end that comes in between is told by both.
    with bus.subscribe(wants) as inbox:
        async with db.read() as connection:
            job = await records.get(connection, job.team_id, job.id)
        while not job.finished and (left := until - time.monotonic()) > 0:
            await teller.say(job, progress_of(job, scheduler, last), max(stored, job.stored))
            try:
                async with asyncio.timeout(min(left, LOOK_SECONDS)):
                    event = await inbox.get()
            except TimeoutError:
                continue
            match event:
                case JobChanged() | JobQueued():
                    job, last = event.job, None
                case JobProgress():
                    last = event
                case ImageStored():
                    stored = max(stored, event.ordinal + 1)
    return job


class Teller:
    """Tells what has changed, not too often and not too seldom."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._percent = 0.0
        self._words = ""
        self._told_at = -SILENT_SECONDS

    async def say(self, job: Job, progress: TaskProgress, stored: int) -> None:
        """How the job stands; `stored` pictures of it are there."""
        now, words = time.monotonic(), in_words(job, progress)
        silent = now - self._told_at
        if silent < TELL_SECONDS or (words == self._words and silent < SILENT_SECONDS):
            return
        share = progress.step / progress.steps if progress.step and progress.steps else 0.0
        wanted = 100.0 * max(share, stored / max(1, job.pictures))
        # The last per cent is its end's.
        self._percent = max(min(wanted, 99.0), self._percent + _LEAST)
        self._words, self._told_at = words, now
        await self._tell(round(self._percent, 2), words)


def in_words(job: Job, progress: TaskProgress) -> str:
    """Where a job stands, for a person."""
    about = "" if progress.eta_seconds is None else f", about {progress.eta_seconds:.0f} s"
    if job.state == "queued":
        place = "" if progress.queue_position is None else f", place {progress.queue_position}"
        why = f" ({progress.reason})" if progress.reason else ""
        return f"queued{place}{about}{why}"
    if progress.reason:
        return f"{progress.reason}{about}"
    if progress.step is not None and progress.steps:
        return f"step {progress.step} of {progress.steps}{about}"
    return f"{job.state}{about}"
