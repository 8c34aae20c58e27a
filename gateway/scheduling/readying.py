"""Before a batch runs: its lane is woken, and its model made resident."""

from __future__ import annotations

import time

from engines.contract import OutOfMemory
from gateway.events import Bus, JobProgress
from gateway.models import Offer
from gateway.scheduling.attempt import Attempt
from gateway.scheduling.estimates import Estimates
from gateway.scheduling.lanes import Lane
from gateway.scheduling.policy import Assignment


class Readying:
    """What takes its time is told to those who wait for the batch's jobs."""

    def __init__(self, bus: Bus, estimates: Estimates) -> None:
        self._bus = bus
        self._estimates = estimates

    async def wake(self, lane: Lane, attempt: Attempt) -> bool:
        """Whether the lane is awake; not if everybody has left meanwhile. Raises EngineUnavailable."""
        if lane.asleep:
            self.tell_of_loading(attempt)
        began = time.monotonic()
        try:
            return await lane.wake()
        finally:
            attempt.woke = time.monotonic() - began

    async def load(self, lane: Lane, offer: Offer, engine: object, assignment: Assignment, attempt: Attempt) -> None:
        """Make the model resident; if memory runs out, everything else makes room and it is tried once more."""
        key = (offer.spec.id, offer.spec.revision)
        if attempt.saving:
            await lane.evict_others(key)
        if lane.engine is None and not lane.holds(key):
            lane.state = "loading"
            self.tell_of_loading(attempt)
            await lane.evict(assignment.evict)
            try:
                size = await lane.load(engine, offer.spec)
            except OutOfMemory:
                await lane.evict_others(key)
                size = await lane.load(engine, offer.spec)
            self._estimates.learn_bytes(key, size)
        lane.use(key)

    def tell_of_loading(self, attempt: Attempt) -> None:
        """Their jobs run, and no step is made yet."""
        for job in attempt.jobs.values():
            self._bus.publish(JobProgress(job.id, job.team_id, job.user_id, 0, 0, None, "loading"))
