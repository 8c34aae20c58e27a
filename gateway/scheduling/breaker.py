"""Whether a lane is given work: a circuit breaker that knows what jobs came to there and what the lane says of itself. Pure.

closed      jobs are sent there
open        none are: it failed, or its health says no. A lane that can be asked is asked, again and again; a lane that
            cannot just rests for a while
half_open   it rested, or says that it is well: one job, alone, shows whether that is so

What was seen by jobs ends with a job that goes well; what only its health said ends when that says otherwise.
"""

from __future__ import annotations

from typing import Literal

from engines.contract import EngineCrashed, EngineError, EngineUnavailable, Health, OutOfMemory, UpstreamRateLimited

State = Literal["closed", "open", "half_open"]
CRASHES_ALLOWED = 3
"""In a row; a single job may be what fells the engine."""
LONGEST_REST = 30.0
"""Seconds, of a lane that jobs wait for; the first rest is one second, each further one is twice as long."""
FIRST_ASKED, LAST_ASKED = 30.0, 300.0
"""Seconds between two questions to a lane that is well, the first time and at most: what nobody uses is asked ever less."""
LONGEST_UNWELL = 30.0
"""Seconds between two questions to a lane that is not."""


class Breaker:
    """`asks`: the lane can be asked for its health. Moments are seconds since the epoch."""

    def __init__(self, *, asks: bool) -> None:
        self._asks = asks
        self.reason = ""
        """Why it is not closed; of a lane that is well, what it remarked."""
        self.unwell_since: float | None = None
        """Since when it is not closed."""
        self.asked_at: float | None = None
        self.free_memory: int | None = None
        """Bytes, as last told."""
        self._until = 0.0
        self._limited_until = 0.0
        self._told_no = False
        self._seen_by_jobs = False
        self._failures = 0
        """Of jobs, in a row."""
        self._refusals = 0
        """Of questions, in a row."""
        self._asks_at = 0.0
        self._pause = FIRST_ASKED

    def state(self, now: float) -> State:
        if now < self._until or self._told_no:
            return "open"
        return "closed" if self.unwell_since is None else "half_open"

    @property
    def rests_until(self) -> float:
        """The moment at which it is half open by itself; one that has passed, else."""
        return 0.0 if self._told_no else self._until

    def is_limited(self, now: float) -> bool:
        """Whether its upstream has asked for a rest that is not over: nothing is wrong with it."""
        return now < self._limited_until

    @property
    def asks_at(self) -> float | None:
        """When it is to be asked next; None: never."""
        return self._asks_at if self._asks else None

    def went_well(self, now: float) -> None:
        """A batch did."""
        self._close()
        self._pause = FIRST_ASKED
        self._ask_later(now)

    def failed(self, error: EngineError, now: float, *, sleeps: bool = False) -> None:
        """A batch did. Only what says something about the lane counts: it would spoil more jobs.

        It rests for as long as the upstream asks for, longer each time that the engine is away, and after several crashes
        in a row. One that `sleeps` is not asked how it is: the next job wakes it, or tries to.
        """
        asks = self._asks and not sleeps
        if not error.retried or isinstance(error, OutOfMemory):
            return
        self.reason = error.message
        self._failures += 1
        self._seen_by_jobs = True
        if isinstance(error, UpstreamRateLimited):
            # Asked meanwhile it would say no, and once more when the time has come.
            self._limited_until = now + error.retry_after
            self._open(now, error.retry_after, asks=False)
        elif isinstance(error, EngineUnavailable):
            self._open(now, min(LONGEST_REST, 2.0 ** min(self._failures - 1, 10)), asks=asks)
        elif isinstance(error, EngineCrashed) and self._failures >= CRASHES_ALLOWED:
            self._open(now, LONGEST_REST, asks=asks)

    def heard(self, health: Health, now: float) -> None:
        """What the lane says of itself."""
        self.asked_at, self.free_memory = now, health.free_memory
        if not health.ok:
            self._refusals += 1
            self.reason = health.reason or "it says that it is not well"
            pause = min(LONGEST_UNWELL, 2.0 ** min(self._refusals - 1, 10))
            self._open(now, 0.0, asks=True)
            self._asks_at, self._pause = now + pause, FIRST_ASKED
            return
        self._told_no, self._refusals = False, 0
        if not self._seen_by_jobs:
            self._close()
            self.reason = health.reason
        self._ask_later(now)

    def sleeps(self, now: float) -> None:
        """It does not answer because it sleeps: nobody waits for it to say that it is well."""
        self.asked_at, self._told_no = now, False

    def _open(self, now: float, seconds: float, *, asks: bool) -> None:
        self._until = max(self._until, now + seconds)
        self._told_no = self._told_no or asks
        self._asks_at = self._until
        if self.unwell_since is None:
            self.unwell_since = now

    def _close(self) -> None:
        self.reason, self.unwell_since = "", None
        self._until, self._told_no, self._seen_by_jobs, self._failures, self._refusals = 0.0, False, False, 0, 0

    def _ask_later(self, now: float) -> None:
        self._asks_at = max(now, self._until) + self._pause
        self._pause = min(LAST_ASKED, self._pause * 2)
