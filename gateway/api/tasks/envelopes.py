"""Jobs with all that is shown beside them, for one answer or for everyone who listens."""

from __future__ import annotations

import asyncio
import base64
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple, TypeVar

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.api.links import Links
from gateway.api.streams import frame
from gateway.api.tasks.wire import Task, progress_of, task
from gateway.db import Database
from gateway.events import JobProgress
from gateway.images import records as images
from gateway.images.records import Image
from gateway.jobs import records as jobs
from gateway.jobs.records import Job, State
from gateway.scheduling.loop import Scheduler

REMEMBERED = 256
"""Frames that were made already; a burst of events concerns few jobs, and a preview has some 20 kB."""
MOST_LIVE = 100
"""Of each state, at the beginning of a stream of all jobs; the others come as they change."""
LIVE: tuple[State, ...] = ("running", "queued")
_T = TypeVar("_T")


class Current(NamedTuple):
    """A job as it stands, ready to be sent."""

    job: Job
    frame: bytes


class Envelopes:
    """Reads what a `Task` needs; makes each frame of a stream once for all who listen."""

    def __init__(self, db: Database, scheduler: Scheduler, links: Links) -> None:
        self._db = db
        self._scheduler = scheduler
        self._links = links
        self._announced: OrderedDict[Hashable, asyncio.Future[Current]] = OrderedDict()
        self._frames: OrderedDict[tuple[str, str], tuple[object, bytes]] = OrderedDict()

    def show(self, job: Job, pictures: Sequence[Image] = ()) -> Task:
        """Reads nothing: for a job without pictures, or whose pictures are at hand."""
        return task(job, pictures, self._links, progress_of(job, self._scheduler))

    async def fresh(self, job: Job) -> Task:
        """For a job that was just asked for; it may be an older one, which an Idempotency-Key named."""
        return self.show(job) if job.state == "queued" else await self.one(job.team_id, job.id)

    async def one(self, team_id: str, job_id: str) -> Task:
        """Raises NotFound, also for another team's."""
        return self.show(*await self._read(team_id, job_id))

    async def json(self, team_id: str, job_id: str) -> bytes:
        """The same as bytes, for whom it is sent to. Raises NotFound."""
        return msgspec.json.encode(await self.one(team_id, job_id))

    async def many(self, connection: AsyncConnection, found: Sequence[Job]) -> list[Task]:
        with_pictures = [job.id for job in found if job.stored]
        pictures = await images.of_jobs(connection, with_pictures) if with_pictures else {}
        return [self.show(job, pictures.get(job.id, ())) for job in found]

    async def current(self, team_id: str, job_id: str) -> Current:
        """Raises NotFound, also for another team's."""
        job, pictures = await self._read(team_id, job_id)
        return Current(job, frame("task", self.show(job, pictures), job.version))

    async def live(self, team_id: str, user_id: str | None) -> list[Current]:
        """The team's (or one user's) newest jobs that are not finished, oldest first."""
        async with self._db.read() as connection:
            found = [
                job
                for state in LIVE
                for job in await jobs.newest(connection, team_id, limit=MOST_LIVE, user_id=user_id, state=state)
            ]
            found.sort(key=lambda job: job.id)
            shown = await self.many(connection, found)
        return [Current(job, frame("task", each, job.version)) for job, each in zip(found, shown, strict=True)]

    async def announced(self, team_id: str, job_id: str, mark: Hashable) -> Current:
        """The same after an event; all whom the event with this `mark` reaches get one and the same frame."""
        reading = self._announced.get((job_id, mark))
        if reading is None:
            reading = self._announced[job_id, mark] = asyncio.ensure_future(self.current(team_id, job_id))
            _trim(self._announced)
        # One who leaves meanwhile must not take the answer away from the others.
        return await asyncio.shield(reading)

    def progress(self, event: JobProgress, job: Job) -> bytes:
        return self._once("progress", event, job.id, lambda: self.place(job, event))

    def preview(self, event: JobProgress, job: Job) -> bytes:
        def build() -> bytes:
            data = base64.b64encode(event.preview or b"").decode()
            return frame("preview", {"task_id": job.id, "media_type": "image/jpeg", "data": data}, job.version)

        return self._once("preview", event, job.id, build)

    def place(self, job: Job, event: JobProgress | None = None) -> bytes:
        """How far a job is that is not finished. Equal for as long as nothing changed that is worth telling."""
        shown = progress_of(job, self._scheduler, event)
        told = {"task_id": job.id, "status": job.state, **msgspec.structs.asdict(shown)}
        if job.state == "queued" and shown.eta_seconds is not None:
            told["eta_seconds"] = float(round(shown.eta_seconds))
        return frame("progress", told, job.version)

    def _once(self, kind: str, event: object, job_id: str, build: Callable[[], bytes]) -> bytes:
        kept = self._frames.get((kind, job_id))
        if kept is None or kept[0] is not event:
            kept = self._frames[kind, job_id] = (event, build())
            _trim(self._frames)
        return kept[1]

    async def _read(self, team_id: str, job_id: str) -> tuple[Job, list[Image]]:
        async with self._db.read() as connection:
            job = await jobs.get(connection, team_id, job_id)
            return job, await images.of_job(connection, job_id) if job.stored else []


def _trim(kept: OrderedDict[Hashable, _T] | OrderedDict[tuple[str, str], _T]) -> None:
    while len(kept) > REMEMBERED:
        kept.popitem(last=False)
