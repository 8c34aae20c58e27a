"""Answers that come when the pictures are there: waiting for a job's end, and what its end means for the one who waited."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.api.streams import Streams
from gateway.db import Database
from gateway.errors import DarkroomError, NotAccepting, NotFound
from gateway.events import Bus
from gateway.images.records import Image
from gateway.jobs.ending import ended
from gateway.jobs.records import Job

CALLERS = frozenset({"content_rejected", "invalid_request"})
"""Codes of jobs that failed for what was asked: another request may do."""


class NotDone(DarkroomError):
    """What was accepted came to no picture, or to none so far; `job` is as it was last seen."""

    status = 502
    code = "generation_failed"

    def __init__(self, message: str, job: Job) -> None:
        super().__init__(message)
        self.job = job


class StillAtWork(NotDone):
    """It was waited for as long as [settings.jobs] sync_timeout_seconds says; the job goes on."""

    status = 504
    code = "timed_out"


class GatewayEnding(NotDone):
    """The gateway stops while somebody waits; the job goes on when it is back."""

    status = 503
    code = "unavailable"


class JobFailed(NotDone):
    """It ended without a picture; what it had cost was given back. `code` is the job's own."""


class JobRefused(JobFailed):
    """For what was asked."""

    status = 422


class JobCanceled(JobFailed):
    status = 409
    code = "canceled"


class PicturesDeleted(NotFound):
    """An Idempotency-Key names a job whose pictures are no longer there."""

    code = "pictures_deleted"

    def __init__(self, job_id: str, headers: dict[str, str] | None = None) -> None:
        told = f"The pictures of task {job_id} were deleted since; another Idempotency-Key, or none, makes new ones."
        super().__init__(told, headers=headers, job_id=job_id)


def left_of(job: Job, found: Iterable[Image]) -> list[Image]:
    """The pictures of a job that succeeded, but for those that somebody deleted since. Raises PicturesDeleted for none."""
    left = [image for image in found if image.deleted_at is None]
    if not left:
        raise PicturesDeleted(job.id)
    return left


async def outcome(streams: Streams, db: Database, bus: Bus, job: Job, seconds: float) -> Job:
    """The job once it has succeeded. It goes on whoever waits or leaves. Raises NotDone, as one of its kinds."""
    try:
        end = await streams.hold(ended(db, bus, job, seconds))
    except NotAccepting as error:
        raise GatewayEnding(error.message, job) from error
    if end is None:
        raise StillAtWork(f"The pictures were not there within {seconds:g} s; task {job.id} goes on.", job)
    if end.state != "succeeded":
        raise failure(end)
    return end


def failure(job: Job) -> JobFailed:
    """The error of a job that ended without a picture."""
    if job.state == "canceled":
        return JobCanceled(told(job), job)
    return (JobRefused if job.error_code in CALLERS else JobFailed)(told(job), job)


def told(job: Job) -> str:
    """Why a job ended without a picture."""
    return "canceled" if job.state == "canceled" else job.error_message or "The generation failed."
