"""Cancel: at once for a queued job, at the next step for a running one."""

from __future__ import annotations

from gateway.accounts import Principal
from gateway.db import Database
from gateway.events import Bus, JobChanged
from gateway.jobs import changes, records
from gateway.jobs.records import Job


async def cancel(db: Database, bus: Bus, principal: Principal, job_id: str) -> Job:
    """The job as it stands afterwards; a finished one is left as it is. Raises NotFound."""
    async with db.write() as connection:
        job = await changes.cancel(connection, principal.team_id, job_id)
        if job is None:
            return await records.get(connection, principal.team_id, job_id)
    bus.publish(changed(job))
    return job


def changed(job: Job) -> JobChanged:
    """The event that tells of a job's committed row."""
    return JobChanged(job.id, job.team_id, job.user_id, job.state, job.version, job)
