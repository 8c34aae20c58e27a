"""Fail-over: a job that left its model to us, and whose model cannot run it, goes to the next one that can."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import partial
from itertools import islice

from engines.contract import EngineCrashed, EngineError, EngineUnavailable, ModelUnusable, OutOfMemory
from gateway.accounts.team_names import team_names
from gateway.db import Database, now
from gateway.errors import InvalidInput
from gateway.events import Bus, JobQueued
from gateway.jobs import changes, records
from gateway.jobs.attempts import Tried
from gateway.jobs.moving import models_tried, moved
from gateway.jobs.open_model import MovedFrom
from gateway.jobs.records import Job
from gateway.models import Models, Offer
from gateway.routing import step_ins
from gateway.scheduling.index import Waiting
from gateway.scheduling.lanes import LaneView
from gateway.scheduling.outlooks import outlook, outlooks, unwell_since

log = logging.getLogger(__name__)
GRACE_SECONDS = 10.0
"""How long a model's lanes may be unwell before what waits for them goes elsewhere: a server that is started anew, or a limit
that passes, is no reason to."""
LOOK_SECONDS = 2.0
AT_ONCE = 200
"""Jobs that are moved in one go; the next follow."""
_OTHERS_MAY = (EngineUnavailable, EngineCrashed, OutOfMemory, ModelUnusable)
"""What another model may do better. Not content that is refused, and not what may have been paid for already."""


def _at_will() -> bool:
    return True


class FailOver:
    """`lanes` tells how they are, `ahead` how many seconds of work wait."""

    def __init__(
        self, db: Database, bus: Bus, models: Models, lanes: Callable[[], Collection[LaneView]], ahead: Callable[[], float]
    ) -> None:
        self._db = db
        self._bus = bus
        self._models = models
        self._lanes = lanes
        self._ahead = ahead
        self._absent_since: dict[str, float] = {}
        """Of models whose engines could not be asked since the start, on the monotonic clock."""
        self._looked_at = 0
        """How many of those that wait for stranded models were looked at, in this round through them."""
        self.moving: set[str] = set()
        """Jobs that are in no queue in memory while they are moved."""

    @property
    def is_on(self) -> bool:
        return bool(self._models.catalog.settings.jobs.fail_over)

    def is_for(self, error: EngineError, code: str) -> bool:
        """Whether another model may do better where an attempt came to this, which the caller would be told by this code."""
        return isinstance(error, _OTHERS_MAY) and code == error.code

    async def move(
        self,
        job: Job,
        code: str,
        message: str,
        last: Tried | None = None,
        *,
        fatal: bool = True,
        take: Callable[[], bool] = _at_will,
    ) -> bool:
        """Give the job, whose row says `queued` or `running`, to the next model that can run it; whether that was done.

        `last` is the attempt that came to nothing, `fatal` says that the job would end here else: then it rather waits for
        another model that is not well either. Nobody else may have it in hand: `take` is called last of all, and takes it out
        of the queue in memory, or says that it is not there any more. Raises StorageUnavailable.
        """
        if not self.is_on or job.request.said is None:
            return False
        fresh = await self._read(job)
        if fresh is None or fresh.stored >= fresh.pictures:
            return False
        why = MovedFrom(model=fresh.model, code=code, message=message, at=now())
        for offer in await self._candidates(fresh, fatal):
            try:
                to = moved(fresh, offer, why, self._models.catalog.settings.limits.max_pixels)
            except InvalidInput as error:
                log.info("%s cannot step in for %s in job %s: %s", offer.entry.id, fresh.model, job.id, error.message)
                continue
            if not take():
                return False
            self.moving.add(job.id)
            try:
                return await self._write(fresh, to, last)
            finally:
                self.moving.discard(job.id)
        return False

    async def relieve(self, waiting: Iterable[Waiting], take: Callable[[str], bool]) -> None:
        """Give away what waits for models whose lanes have all been unwell for some time. Raises StorageUnavailable."""
        stranded = self._stranded()
        ids = [job.job_id for job in waiting if job.open_model and job.model[0] in stranded] if stranded else []
        if not ids:
            return
        # Where the last look ended: those that nobody can take stay, and must not be looked at for ever.
        begin = self._looked_at % len(ids)
        self._looked_at = begin + AT_ONCE
        async with self._db.read() as connection:
            found = await records.some(connection, list(islice((*ids[begin:], *ids[:begin]), AT_ONCE)))
        for job in found:
            if job.state == "queued" and job.model in stranded:
                await self.move(job, EngineUnavailable.code, stranded[job.model], fatal=False, take=partial(take, job.id))

    async def relieve_absent(self, job: Job) -> bool:
        """Give away a queued job of a model whose engine could not be asked for some time, since the start; whether that was
        done. Raises StorageUnavailable.
        """
        if not self.is_on:
            return False
        absent = self._models.away
        self._absent_since = {id_: self._absent_since.get(id_, time.monotonic()) for id_ in absent}
        if job.model not in absent or time.monotonic() - self._absent_since[job.model] < GRACE_SECONDS:
            return False
        return await self.move(job, EngineUnavailable.code, self._models.problems[job.model], fatal=False)

    def _stranded(self) -> dict[str, str]:
        """The models whose lanes have all been unwell for some time, and why."""
        if not self.is_on:
            return {}
        lanes, latest = self._lanes(), time.time() - GRACE_SECONDS
        gone = [offer for offer in self._models.offers.values() if (unwell_since(lanes, offer) or latest) < latest]
        return {offer.entry.id: outlook(lanes, offer).reason or "its lanes are not well" for offer in gone}

    async def _candidates(self, job: Job, unwell_too: bool) -> Sequence[Offer]:
        catalog, offers = self._models.catalog, self._models.offers
        entries = step_ins(
            catalog.settings.jobs.fail_over,
            models_tried(job),
            job.does,
            catalog,
            {id_: offer.card for id_, offer in offers.items()},
            outlooks(self._lanes(), offers, self._ahead()),
            await team_names(self._db, catalog, job.team_id),
            len(job.request.pictures),
            unwell_too=unwell_too,
        )
        return [offers[entry.id] for entry in entries]

    async def _read(self, job: Job) -> Job | None:
        """With the pictures that were stored meanwhile; None where it is another's affair by now."""
        async with self._db.read() as connection:
            found = await records.some(connection, [job.id])
        same = [each for each in found if (each.state, each.attempt, each.model) == (job.state, job.attempt, job.model)]
        return same[0] if same else None

    async def _write(self, job: Job, to: Job, last: Tried | None) -> bool:
        async with self._db.write() as connection:
            queued = await changes.move(connection, job, to, last)
        if queued is None:
            return False
        log.warning("job %s goes from %s to %s: %s", job.id, job.model, queued.model, to.request.moved_from[-1].message)
        self._bus.publish(JobQueued(job.id, job.team_id, job.user_id, queued.version, queued))
        return True
