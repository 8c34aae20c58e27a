"""A batch's jobs while they run."""

from __future__ import annotations

import asyncio

from engines.contract import EngineError
from gateway.jobs.records import Job


class Attempt:
    """What each job of a batch still waits for."""

    def __init__(self, jobs: list[Job], saving: bool) -> None:
        self.jobs = {job.id: job for job in jobs}
        self.saving = saving
        self.asked = False
        """Whether the engine was given the batch."""
        self.stores: dict[str, list[asyncio.Task[None]]] = {job.id: [] for job in jobs}
        self.wanted: dict[str, int] = {}
        """Pictures that this attempt shall make, by job."""
        self.ends: dict[str, asyncio.Task[None]] = {}
        self.spoiled: dict[str, EngineError] = {}
        """Why a picture that an engine handed over could not be kept, by job."""
        self.blocked: str | None = None
        """Why pictures cannot be kept now: a full disk, a lost database."""
