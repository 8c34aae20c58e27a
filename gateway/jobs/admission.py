"""Whether one job more may come: how many of each key, user and team are live, as [settings.limits] or an
administrator allows.

One gateway works on a database, so what it counts in memory is the truth; counting and taking is one step of the event
loop, so that of a thousand submits at once no more come in than may.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple
from weakref import WeakKeyDictionary

from sqlalchemy import select

from gateway.accounts.own_limits import NOBODYS, OwnLimits, Whose
from gateway.catalog.settings import Limits
from gateway.db import Database, across_teams
from gateway.errors import TooManyJobs
from gateway.events import Bus, Event, JobChanged, JobQueued
from gateway.jobs.records import FINISHED, Job
from gateway.jobs.tables import LIVE, jobs

RETRY_SECONDS = 10
"""When a refused client may ask again: about as long as a picture takes, so that a place may be free."""


class _Live(NamedTuple):
    whose: tuple[tuple[Whose, str], ...]
    """(`key`, its id), (`user`, …), (`team`, …)."""
    interactive: bool
    queued: bool

    def counted(self) -> Iterator[tuple[str, str, str]]:
        for whose, id_ in self.whose:
            if self.queued:
                yield "queued", whose, id_
            if self.interactive:
                yield "interactive", whose, id_


class Admission:
    """Hears of every job by the bus; `rebuild` at the start."""

    def __init__(self) -> None:
        self._live: dict[str, _Live] = {}
        self._counts: Counter[tuple[str, str, str]] = Counter()

    async def rebuild(self, db: Database) -> None:
        """Count what an earlier start left live."""
        columns = (jobs.c.id, jobs.c.key_id, jobs.c.user_id, jobs.c.team_id, jobs.c.bulk, jobs.c.state)
        query = across_teams(select(*columns)).where(LIVE)
        async with db.read() as connection:
            for row in await connection.execute(query):
                whose = _whose(row.key_id, row.user_id, row.team_id)
                self._set(row.id, _Live(whose, not row.bulk, row.state == "queued"))

    def hear(self, event: Event) -> None:
        match event:
            case JobQueued():
                self._set(event.job_id, _live(event.job, queued=True))
            case JobChanged() if event.state in FINISHED:
                self._drop(event.job_id)
            case JobChanged():
                self._set(event.job_id, _live(event.job, queued=event.state == "queued"))

    def live(self) -> list[str]:
        """The ids of all jobs that are counted."""
        return list(self._live)

    def __contains__(self, job_id: str) -> bool:
        return job_id in self._live

    @contextmanager
    def place(self, job: Job, own: OwnLimits = NOBODYS) -> Iterator[Callable[[Limits], None]]:
        """A function that takes a place for a new job, or raises TooManyJobs; when the block raises it is given back.

        `own` goes before what the function is called with.
        """

        def take(limits: Limits) -> None:
            self._see_that_it_may(job, limits, own)
            self._set(job.id, _live(job, queued=True))

        try:
            yield take
        except BaseException:
            self._drop(job.id)
            raise

    def _see_that_it_may(self, job: Job, limits: Limits, own: OwnLimits) -> None:
        for whose, id_ in _whose(job.key_id, job.user_id, job.team_id):
            most = own.most(limits, whose, "queued_jobs")
            if most and self._counts["queued", whose, id_] >= most:
                raise _refused(whose, most, "waiting", own.place(whose, "queued_jobs"), "ask again when some have ended")
            if job.bulk:
                continue
            most = own.most(limits, whose, "interactive_jobs")
            if most and self._counts["interactive", whose, id_] >= most:
                cure = "ask again when one has ended, or now with priority bulk"
                raise _refused(whose, most, "interactive", own.place(whose, "interactive_jobs"), cure)

    def _set(self, job_id: str, live: _Live) -> None:
        self._drop(job_id)
        self._live[job_id] = live
        self._counts.update(live.counted())

    def _drop(self, job_id: str) -> None:
        live = self._live.pop(job_id, None)
        for name in live.counted() if live else ():
            self._counts[name] -= 1
            if not self._counts[name]:
                del self._counts[name]


_of_bus: WeakKeyDictionary[Bus, Admission] = WeakKeyDictionary()


def admission(bus: Bus) -> Admission:
    """The one that hears this bus."""
    known = _of_bus.get(bus)
    if known is None:
        known = _of_bus[bus] = Admission()
        bus.listen(known.hear)
    return known


def _live(job: Job, *, queued: bool) -> _Live:
    return _Live(_whose(job.key_id, job.user_id, job.team_id), not job.bulk, queued)


def _whose(key_id: str | None, user_id: str, team_id: str) -> tuple[tuple[Whose, str], ...]:
    own: tuple[tuple[Whose, str], ...] = (("user", user_id), ("team", team_id))
    return (("key", key_id), *own) if key_id else own


def _refused(whose: Whose, most: int, kind: str, place: str, cure: str) -> TooManyJobs:
    message = f"This {whose} has {most} {kind} jobs, as many as it may ({place}); {cure}."
    return TooManyJobs(message, retry_after=RETRY_SECONDS, whose=whose, limit=most)
