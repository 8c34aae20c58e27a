"""What becomes of a job whose attempt came to nothing. Pure."""

from __future__ import annotations

from msgspec import Struct

from engines.contract import (
    EngineCrashed,
    EngineError,
    EngineUnavailable,
    OutOfMemory,
    Replay,
    UpstreamOutcomeUnknown,
    UpstreamRateLimited,
)
from gateway.jobs.records import Job

FIRST_DELAY = 1.0
LONGEST_DELAY = 60.0
STOPPED = "The gateway stopped {} times while this ran."


class Again(Struct, frozen=True):
    """Back into the queue, not before `delay` seconds have passed."""

    delay: float = 0.0
    counted: bool = True
    """Whether this was a failure that `max_attempts` counts."""
    alone: bool = False
    saving: bool = False
    away: bool = False
    """Its engine was away, and nothing was begun."""


class Never(Struct, frozen=True):
    """The end: the caller is told this."""

    code: str
    message: str


def after(
    error: EngineError,
    *,
    mates: int,
    saving: bool,
    failures: int,
    max_attempts: int,
    sent: bool = False,
    patience: float = 1.0,
) -> Again | Never:
    """The contract's table of errors, applied to one job of a batch that had `mates` others.

    `sent` is a job that an upstream may have been paid for: after a crash nobody knows, and it is not sent again. `patience`
    is how many seconds are left for an engine that is away, where nothing was begun; such a try counts as no failure.
    """
    if sent and isinstance(error, EngineCrashed):
        return Never(UpstreamOutcomeUnknown.code, f"{error.message} It may have been paid for, and is not sent again.")
    if isinstance(error, OutOfMemory):
        if mates:
            return Again(counted=False, alone=True)
        return Never(error.code, error.message) if saving else Again(alone=True, saving=True)
    if isinstance(error, UpstreamRateLimited):
        return Again(delay=error.retry_after, counted=False)
    if isinstance(error, EngineUnavailable) and not error.begun and patience > 0:
        return Again(delay=FIRST_DELAY, counted=False, away=True)
    if isinstance(error, EngineUnavailable) and not error.begun:
        return Never(error.code, f"{error.message} It was waited for as long as jobs wait here.")
    if not error.retried or failures + 1 >= max_attempts:
        return Never(error.code, error.message)
    if isinstance(error, EngineCrashed):
        return Again(alone=True, delay=_delay(failures))
    return Again(delay=_delay(failures))


def interrupted(job: Job, replay: Replay | None, max_attempts: int) -> Never | None:
    """A running job that nobody runs, after a crash: None when it may be run again. `replay` is its model's, if it is known.

    One that can be looked up is looked up once more when it may not be run again: its pictures may be there.
    """
    if job.sent and replay in (None, "never"):
        told = "The gateway stopped while the upstream worked on this; it is not sent again."
        return Never(UpstreamOutcomeUnknown.code, told)
    allowed = max_attempts + 1 if replay == "reconcile" else max_attempts
    if job.failures + 1 >= allowed and job.stored < job.pictures:
        return Never(EngineCrashed.code, STOPPED.format(max_attempts))
    return None


def only_found(job: Job, replay: Replay, max_attempts: int) -> bool:
    """Whether it has failed so often that only what earlier attempts left is taken, and nothing sent."""
    return replay == "reconcile" and job.failures >= max_attempts


def _delay(failures: int) -> float:
    return min(LONGEST_DELAY, FIRST_DELAY * 2.0**failures)
