"""What becomes of a job whose attempt came to nothing. Pure."""

from __future__ import annotations

from msgspec import Struct

from engines.contract import EngineCrashed, EngineError, OutOfMemory, Replay, UpstreamOutcomeUnknown, UpstreamRateLimited
from gateway.jobs.records import Job

FIRST_DELAY = 1.0
LONGEST_DELAY = 60.0


class Again(Struct, frozen=True):
    """Back into the queue, not before `delay` seconds have passed."""

    delay: float = 0.0
    counted: bool = True
    """Whether this was a failure that `max_attempts` counts."""
    alone: bool = False
    saving: bool = False


class Never(Struct, frozen=True):
    """The end: the caller is told this."""

    code: str
    message: str


def after(
    error: EngineError, *, mates: int, saving: bool, failures: int, max_attempts: int, sent: bool = False
) -> Again | Never:
    """The contract's table of errors, applied to one job of a batch that had `mates` others.

    `sent` is a job that an upstream may have been paid for: after a crash nobody knows, and it is not sent again.
    """
    if sent and isinstance(error, EngineCrashed):
        return Never(UpstreamOutcomeUnknown.code, f"{error.message} It may have been paid for, and is not sent again.")
    if isinstance(error, OutOfMemory):
        if mates:
            return Again(counted=False, alone=True)
        return Never(error.code, error.message) if saving else Again(alone=True, saving=True)
    if not error.retried or failures + 1 >= max_attempts:
        return Never(error.code, error.message)
    if isinstance(error, UpstreamRateLimited):
        return Again(delay=error.retry_after, counted=False)
    if isinstance(error, EngineCrashed):
        return Again(alone=True, delay=_delay(failures))
    return Again(delay=_delay(failures))


def interrupted(job: Job, replay: Replay | None, max_attempts: int) -> Never | None:
    """A running job that nobody runs, after a crash: None when it may be run again. `replay` is its model's, if it is known."""
    if job.sent and replay in (None, "never"):
        told = "The gateway stopped while the upstream worked on this; it is not sent again."
        return Never(UpstreamOutcomeUnknown.code, told)
    if job.failures + 1 >= max_attempts and job.stored < job.pictures:
        return Never(EngineCrashed.code, f"The gateway stopped {max_attempts} times while this ran.")
    return None


def _delay(failures: int) -> float:
    return min(LONGEST_DELAY, FIRST_DELAY * 2.0**failures)
