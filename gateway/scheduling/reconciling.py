"""What the gateway remembers of live jobs against what the table says; the table is right.

A start remembers nothing. Later the two part when the database is lost at a bad moment: a commit whose answer never came,
or an end that could not be written.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterable
from itertools import islice

from sqlalchemy.ext.asyncio import AsyncConnection

from engines.contract import EngineCrashed, EngineUnavailable
from gateway.db import Database
from gateway.events import Bus, JobQueued
from gateway.jobs import changes, records
from gateway.jobs.admission import admission
from gateway.jobs.attempts import tried
from gateway.jobs.cancel import changed
from gateway.jobs.records import FINISHED, Job
from gateway.models import Models
from gateway.scheduling.failing_over import FailOver
from gateway.scheduling.recovery import interrupted

_BATCH = 500
MINUTE = 60.0
MICROSECONDS = 1_000_000


class Reconciler:
    """`is_ours` says whether a job waits in the queue in memory, or is held by a batch of this process."""

    def __init__(self, db: Database, bus: Bus, models: Models, fail_over: FailOver, is_ours: Callable[[str], bool]) -> None:
        self._db = db
        self._bus = bus
        self._models = models
        self._fail_over = fail_over
        self._is_ours = is_ours
        self._counted = admission(bus)
        self._began = time.time()

    async def reconcile(self) -> None:
        """Queue what nobody knows of, recover what nobody runs, and tell of the ends that nobody was told of.

        Reads the ids of all that wait, and the rows of only what is out of step. Raises StorageUnavailable.
        """
        before = set(self._counted.live())
        async with self._db.read() as connection:
            running = await records.live(connection, "running")
            queued = await records.queued_ids(connection)
        await self.enqueue(queued)
        for job in running:
            if not self._is_ours(job.id):
                await self._recover(job)
        await self._tell_ends(before.difference(queued, (job.id for job in running)))

    async def enqueue(self, ids: Iterable[str]) -> None:
        """Ring the bell for those that are queued and that nobody here knows of, but for those whose engine could not be asked
        yet what it can do: their rows wait for it. Raises StorageUnavailable.
        """
        async for job in self._rows(id_ for id_ in ids if not self._is_ours(id_)):
            if job.state != "queued" or self._is_ours(job.id) or await self._fail_over.relieve_absent(job):
                continue
            if job.model in self._models.away:
                await self._lose_patience(job)
            elif not self._is_ours(job.id):
                self._bus.publish(JobQueued(job.id, job.team_id, job.user_id, job.version, job, alone=job.failures > 0))

    async def refuse(self, job: Job) -> None:
        """The end of a queued job whose model is gone, unless another steps in. Raises StorageUnavailable."""
        why = self._models.problems.get(job.model, "it is no longer in models.toml")
        told = f"The model {job.model} cannot be used: {why}"
        await self._end(job, "model_removed", told)

    async def give_up(self, ids: Iterable[str], reason: str) -> None:
        """The end of queued jobs that have waited for their engine as long as jobs do, unless another model steps in. Raises
        StorageUnavailable.
        """
        minutes = self._models.catalog.settings.jobs.away_minutes
        told = f"{_stopped(reason)} This waited {minutes:g} minutes for its engine, as long as jobs do here."
        async for job in self._rows(ids):
            await self._end(job, EngineUnavailable.code, told)

    async def _end(self, job: Job, code: str, message: str) -> None:
        if await self._fail_over.move(job, code, message):
            return
        async with self._db.write() as connection:
            failed = await changes.fail_queued(connection, job, code, message)
        if failed:
            self._bus.publish(changed(failed))

    async def _lose_patience(self, job: Job) -> None:
        """Its engine has not been there since this gateway began, or the job did."""
        waited = time.time() - max(self._began, job.created_at / MICROSECONDS)
        if waited >= self._models.catalog.settings.jobs.away_minutes * MINUTE:
            await self.give_up([job.id], self._models.problems.get(job.model, "Its engine cannot be reached."))

    async def _recover(self, job: Job) -> None:
        """A running row that nobody runs: what becomes of it is said by its model's `replay`."""
        offer = self._models.offers.get(job.model)
        replay = offer.card.replay if offer else None
        fatal = interrupted(job, replay, self._models.catalog.settings.jobs.max_attempts)
        async with self._db.write() as connection:
            moved = await _moved(connection, job, (fatal.code, fatal.message) if fatal else None)
        if moved is None:
            return
        if fatal:
            self._bus.publish(changed(moved))
        else:
            self._bus.publish(JobQueued(job.id, job.team_id, job.user_id, moved.version, moved, alone=True))

    async def _tell_ends(self, ids: Iterable[str]) -> None:
        async for job in self._rows(ids):
            if job.state in FINISHED and job.id in self._counted:
                self._bus.publish(changed(job))

    async def _rows(self, ids: Iterable[str]) -> AsyncIterator[Job]:
        left = iter(ids)
        while some := list(islice(left, _BATCH)):
            async with self._db.read() as connection:
                found = await records.some(connection, some)
            for job in found:
                yield job


async def _moved(connection: AsyncConnection, job: Job, fatal: tuple[str, str] | None) -> Job | None:
    if fatal:
        return await changes.finish(connection, job, error=fatal)
    stopped = tried(job.attempt, job.model, "", EngineCrashed("The gateway stopped while this ran."))
    return await changes.put_back(connection, job, failed=True, tried=stopped)


def _stopped(reason: str) -> str:
    return reason if reason.endswith((".", "!", "?", "…")) else f"{reason}."
