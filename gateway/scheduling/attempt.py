"""A batch's jobs while they run."""

from __future__ import annotations

import asyncio

from engines.contract import Done, EngineError, Failed
from gateway.jobs.records import Job


class Attempt:
    """What each job of a batch still waits for."""

    def __init__(self, jobs: list[Job], saving: bool, lane: str = "", away_since: dict[str, float] | None = None) -> None:
        self.jobs = {job.id: job for job in jobs}
        self.saving = saving
        self.lane = lane
        self.away_since = away_since or {}
        """Since when the engine was away at each try, by job; in seconds since the epoch."""
        self.woke = 0.0
        """Seconds that went by until the lane was awake."""
        self.shown = False
        """Whether anything came that shows that the lane is well."""
        self.trouble: EngineError | None = None
        """What the last job came to that failed by itself, for a reason that is the lane's."""
        self.only_found: set[str] = set()
        """Jobs that are looked up and not made."""
        self.asked = False
        """Whether the engine was given the batch."""
        self.stores: dict[str, list[asyncio.Task[None]]] = {job.id: [] for job in jobs}
        self.wanted: dict[str, int] = {}
        """Pictures that this attempt shall make, by job."""
        self.marks: dict[str, bytes | None] = {}
        """What previews say of themselves, by job, once somebody has seen one."""
        self.ends: dict[str, asyncio.Task[None]] = {}
        self.spoiled: dict[str, EngineError] = {}
        """Why a picture that an engine handed over could not be kept, by job."""
        self.blocked: str | None = None
        """Why pictures cannot be kept now: a full disk, a lost database."""

    def note(self, event: Failed | Done) -> None:
        """What one job's end says of the lane: whoever refuses a request is there and well."""
        if isinstance(event, Failed) and event.error.retried:
            self.trouble = event.error
        else:
            self.shown = True
