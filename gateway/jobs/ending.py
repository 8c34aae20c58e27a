"""Waiting for a job's end."""

from __future__ import annotations

import asyncio

from gateway.db import Database
from gateway.events import Bus, Event, JobChanged
from gateway.jobs import records
from gateway.jobs.records import Job


async def ended(db: Database, bus: Bus, job: Job, seconds: float) -> Job | None:
    """The job once it is finished; None when it is not within so many seconds. It goes on whoever waits or leaves."""

    def wants(event: Event) -> bool:
        return isinstance(event, JobChanged) and event.job_id == job.id

    # Listen first, then read: an end that comes in between is told by both.
    with bus.subscribe(wants) as inbox:
        async with db.read() as connection:
            job = await records.get(connection, job.team_id, job.id)
        try:
            async with asyncio.timeout(seconds):
                while not job.finished:
                    event = await inbox.get()
                    assert isinstance(event, JobChanged)
                    job = event.job
        except TimeoutError:
            return None
    return job
