"""Exports: archives of pictures, written by the gateway itself beside everything else, a few at a time.

An export is a job like others: a row that outlives a crash, counted among what waits, canceled and followed in the same
way; only no lane runs it, so the scheduler knows nothing of it. One that was running when the gateway ended begins again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence

import msgspec
from msgspec import Struct
from sqlalchemy import insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from gateway.accounts import Principal
from gateway.catalog import Settings
from gateway.db import Database, across_teams, now, of_team
from gateway.errors import DarkroomError, NotFound, StorageUnavailable
from gateway.events import Bus, Event, JobChanged, JobProgress
from gateway.jobs import archives, changes, idempotency, records, standing
from gateway.jobs.admission import admission
from gateway.jobs.cancel import cancel, changed
from gateway.jobs.records import EXPORT, FINISHED, Job
from gateway.jobs.request import Idempotency
from gateway.jobs.tables import LIVE, exports, jobs
from gateway.storage import BlobStore
from gateway.storage.objects import listed

log = logging.getLogger(__name__)
AT_ONCE = 2
"""Archives that are written at a time."""
HOUR = 3_600_000_000
"""Microseconds."""
_TELL_EVERY = 0.2
"""Seconds between two words about how far one is."""
_STOPPED = ("interrupted", "The gateway stopped each time that this was written; ask for a smaller export.")


class Export(Struct, frozen=True):
    """An export as it stands."""

    job: Job
    done: int
    """Pictures that are in the archive so far."""
    bytes: int | None
    """Of the archive, while it can be fetched."""
    expires_at: int | None
    """When that ends, in microseconds since the epoch."""


class Exports:
    """Takes, writes and sweeps them. `start` it after the database, `close` it before."""

    def __init__(self, db: Database, bus: Bus, store: BlobStore, settings: Callable[[], Settings]) -> None:
        self._db = db
        self._bus = bus
        self._store = store
        self._settings = settings
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        """By job, of those that are being written or wait for it."""
        self._done: dict[str, int] = {}
        """By job, of those that are being written."""

    async def start(self) -> None:
        """Begin what waits, and begin again what was running."""
        self._bus.listen(self._hear)
        await self._take_up()

    async def close(self) -> None:
        """Those that are being written wait for the next start; it is no failure of theirs."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        try:
            await self._left(failed=False)
        except (StorageUnavailable, SQLAlchemyError) as error:
            log.warning("exports stay running, and begin again at the next start: %s", error)

    async def ask(self, principal: Principal, ids: Sequence[str], named: Idempotency | None = None) -> tuple[Job, list[str]]:
        """The job that puts the team's pictures into an archive, and the ids that are none of its pictures or in the trash.

        It is an earlier one where an archive of just these pictures, as they are, is kept or on its way.
        Raises NotFound where all of them are, TooManyJobs, TooManyExports, InvalidInput for what could never be kept,
        IdempotencyConflict; then nothing is written.
        """
        async with self._db.read() as connection:
            there = await archives.there(connection, principal.team_id, ids)
        not_found, facts = [each for each in ids if each not in there], list(there.values())
        job, digest = standing.new_job(principal, len(facts)), await asyncio.to_thread(archives.digest, facts)
        expected, settings = sum(each.bytes for each in facts), self._settings()
        with admission(self._bus).place(job, principal.limits) as take:
            async with self._db.write() as connection:
                same = await standing.same(connection, principal.team_id, digest) if facts else None
                if named and (earlier := await idempotency.claim(connection, same or job, named)):
                    return earlier, not_found
                if same:
                    return same, not_found
                if not facts:
                    raise NotFound("None of these pictures is there, or they are in the trash.", field="ids")
                await standing.see_that_it_fits(connection, principal.team_id, expected, settings.gallery.export_bytes_per_team)
                take(settings.limits)
                row = {"images": msgspec.json.encode(list(there)), "digest": digest, "expected_bytes": expected}
                await connection.execute(insert(jobs), [records.values(job)])
                await connection.execute(insert(exports), [{"job_id": job.id, "team_id": job.team_id, **row}])
        self._bus.publish(changed(job))
        self._begin(job.id)
        return job, not_found

    async def find(self, team_id: str, job_id: str) -> Export:
        """Raises NotFound, for a job of another kind too."""
        query = of_team(select(exports), team_id, exports).where(exports.c.job_id == job_id)
        async with self._db.read() as connection:
            row = (await connection.execute(query)).one_or_none()
            if row is None:
                raise NotFound(f"There is no export {job_id[:60]}.")
            job = await records.get(connection, team_id, job_id)
        done = job.stored or self._done.get(job_id, 0)
        return Export(job, done, row.bytes, row.expires_at)

    async def remove(self, principal: Principal, job_id: str) -> None:
        """Cancel it if it is not finished, and delete its archive.

        Raises NotFound, for a job of another kind too, and Forbidden for another's, where somebody only reads.
        """
        export = await self.find(principal.team_id, job_id)
        if export.job.user_id != principal.user_id:
            principal.require("gallery.write")
        await cancel(self._db, self._bus, principal, job_id)
        await self._discard(job_id)

    async def sweep(self) -> int:
        """Delete archives that have expired, and those that nobody came to know of; how many. Begin what was left lying."""
        await self._take_up()
        async with self._db.read() as connection:
            expired = await standing.expired(connection)
        for each in expired:
            await self._discard(each)
        written = await listed(self._store, archives.FOLDER)
        lying = [name for name, at in written.items() if at < now() - HOUR]
        async with self._db.read() as connection:
            known = await standing.known(connection, lying)
        unknown = [name for name in lying if name not in known]
        for name in unknown:
            await self._store.delete(name)
        return len(expired) + len(unknown)

    def _hear(self, event: Event) -> None:
        if isinstance(event, JobChanged) and event.state in FINISHED:
            self._done.pop(event.job_id, None)  # a canceled one is not written on

    async def _discard(self, job_id: str) -> None:
        """The row first: an archive that no row tells of is given to nobody, and the sweep takes it."""
        change = across_teams(update(exports)).where(exports.c.job_id == job_id).values(bytes=None)
        async with self._db.write() as connection:
            await connection.execute(change)
        await self._store.delete(archives.name_of(job_id))

    async def _take_up(self) -> None:
        """What a crash left, or a database that was lost, is begun again; it may be what brought the gateway down."""
        for job in await self._left(failed=True):
            self._begin(job.id)

    async def _left(self, *, failed: bool) -> list[Job]:
        """Those that are not finished and that nobody here writes, each put back."""
        query = across_teams(select(jobs)).where(LIVE, jobs.c.capability == EXPORT)
        async with self._db.write() as connection:
            found = [records.from_row(row) for row in await connection.execute(query.order_by(jobs.c.id))]
            left = [job for job in found if job.id not in self._tasks]
            for job in left:
                if job.state == "running":
                    await changes.put_back(connection, job, failed=failed)
        return left

    def _begin(self, job_id: str) -> None:
        if job_id not in self._tasks:
            task = self._tasks[job_id] = asyncio.create_task(self._run(job_id), name=f"export {job_id}")
            task.add_done_callback(lambda _: self._tasks.pop(job_id))

    async def _run(self, job_id: str) -> None:
        async with self._slots:
            try:
                job = await self._claim(job_id)
                if job is not None:
                    await self._export(job)
                async with self._db.write() as connection:
                    await standing.let_go(connection, job_id)
            except Exception:
                # The database or worse: the row stays `running`, and the next sweep or start begins it again.
                log.exception("the export %s came to no end", job_id)
            finally:
                self._done.pop(job_id, None)

    async def _claim(self, job_id: str) -> Job | None:
        async with self._db.write() as connection:
            claimed = await changes.claim(connection, [job_id], sent=False)
        if not claimed:
            return None
        self._done[job_id] = 0
        self._bus.publish(changed(claimed[0]))
        return claimed[0]

    async def _export(self, job: Job) -> None:
        if job.failures >= self._settings().jobs.max_attempts:
            await self._end(job, error=_STOPPED)
            return
        told = 0.0

        def go_on(done: int) -> bool:
            nonlocal told
            if job.id not in self._done:
                return False
            self._done[job.id] = done
            if time.monotonic() - told > _TELL_EVERY:
                told = time.monotonic()
                self._bus.publish(JobProgress(job.id, job.team_id, job.user_id, done, job.pictures))
            return True

        try:
            written = await archives.write(self._db, self._store, job, go_on)
        except DarkroomError as error:
            await self._end(job, error=(error.code, error.message))
            return
        if written is not None and not await self._end(job, written=written):
            await self._store.delete(archives.name_of(job.id))

    async def _end(
        self, job: Job, *, written: archives.Written | None = None, error: tuple[str, str] | None = None
    ) -> Job | None:
        """None: it was canceled meanwhile."""
        async with self._db.write() as connection:
            if written is not None:
                if await changes.deliver(connection, job, written.pictures) is None:
                    return None
                until = now() + self._settings().gallery.export_hours * HOUR
                kept = {"bytes": written.bytes, "expires_at": until, "digest": written.digest}
                await connection.execute(across_teams(update(exports)).where(exports.c.job_id == job.id).values(kept))
            ended = await changes.finish(connection, job, error=error)
        if ended is not None:
            self._bus.publish(changed(ended))
        return ended
