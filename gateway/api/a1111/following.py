"""What is being made for each key by way of this API, in memory: for /progress, /internal/progress, /interrupt and /skip.

A1111 tells of whatever its one GPU does and stops that; here a key sees, and stops, what was asked for with it. A name that
a client gave its call (`force_task_id`) is known within its team.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import ExitStack

from msgspec import Struct

from gateway.accounts import Principal
from gateway.accounts.options import owner
from gateway.catalog import Surface
from gateway.db import Database
from gateway.events import Bus, Event, JobChanged, JobProgress, JobQueued
from gateway.jobs import records
from gateway.jobs.records import FINISHED, Job, State

SURFACE: Surface = "a1111"
TASK = "task"
"""In `Submission.shown`: what the client calls its call."""
REMEMBERED = 1000
"""Keys whose last call is known, and names of calls that have ended."""
LOOK_SECONDS = 10.0
"""Previews are made for so long after somebody asked for one; clients ask each second or so."""


_UNFINISHED: tuple[State, ...] = ("running", "queued")


class Followed(Struct):
    """A call, as it is known now."""

    job: Job
    progress: JobProgress | None = None
    preview: bytes | None = None
    """The newest, a JPEG."""
    frame: int = 0
    """How many there were."""
    interrupted: bool = False
    skipped: bool = False


class Following:
    """Hears of every job by the bus; `rebuild` at the start."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._live: dict[str, Followed] = {}
        self._last: OrderedDict[tuple[str, str], Followed] = OrderedDict()
        self._named: OrderedDict[tuple[str, str], Followed] = OrderedDict()
        self._looks: dict[str, tuple[ExitStack, asyncio.TimerHandle]] = {}
        bus.listen(self.hear)

    async def rebuild(self, db: Database) -> None:
        """Know what an earlier start left unfinished."""
        async with db.read() as connection:
            for state in _UNFINISHED:
                for job in await records.live(connection, state):
                    self._begin(job)

    def hear(self, event: Event) -> None:
        match event:
            case JobQueued():
                self._begin(event.job)
            case JobChanged() if known := self._live.get(event.job_id):
                known.job = event.job
                if event.state in FINISHED:
                    self._end(known)
            case JobProgress() if known := self._live.get(event.job_id):
                known.progress = event
                if event.preview:
                    known.preview, known.frame = event.preview, known.frame + 1

    def current(self, principal: Principal) -> Followed | None:
        """What is made for the key now: the oldest that runs, else the oldest that waits."""
        mine = self.mine(principal)
        return next((each for each in mine if each.job.state == "running"), next(iter(mine), None))

    def mine(self, principal: Principal) -> list[Followed]:
        """All of the key's that are not finished, the oldest first."""
        whose = (principal.team_id, owner(principal))
        return [each for each in self._live.values() if _owner(each.job) == whose]

    def last(self, principal: Principal) -> Followed | None:
        """The key's that ended last."""
        return self._last.get((principal.team_id, owner(principal)))

    def named(self, principal: Principal, task: str) -> Followed | None:
        """The call of that name in the team, live or ended."""
        return self._named.get((principal.team_id, task))

    def look(self, known: Followed) -> None:
        """Somebody wants previews of it."""
        job_id = known.job.id
        if job_id not in self._live:
            return
        if before := self._looks.pop(job_id, None):
            watching, timer = before
            timer.cancel()
        else:
            watching = ExitStack()
            watching.enter_context(self._bus.watch(job_id))
        timer = asyncio.get_running_loop().call_later(LOOK_SECONDS, self._look_away, job_id)
        self._looks[job_id] = watching, timer

    def close(self) -> None:
        for job_id in list(self._looks):
            self._look_away(job_id)

    def _begin(self, job: Job) -> None:
        if job.surface != SURFACE:
            return
        known = self._live.setdefault(job.id, Followed(job))
        known.job = job
        if task := job.request.shown.get(TASK):
            _keep(self._named, (job.team_id, task), known)

    def _end(self, known: Followed) -> None:
        self._look_away(known.job.id)
        known.progress = known.preview = None
        del self._live[known.job.id]
        _keep(self._last, _owner(known.job), known)

    def _look_away(self, job_id: str) -> None:
        if look := self._looks.pop(job_id, None):
            watching, timer = look
            timer.cancel()
            watching.close()


def _owner(job: Job) -> tuple[str, str]:
    return job.team_id, job.key_id or job.user_id


def _keep(kept: OrderedDict[tuple[str, str], Followed], key: tuple[str, str], known: Followed) -> None:
    kept[key] = known
    kept.move_to_end(key)
    for old in list(_surplus(kept)):
        del kept[old]


def _surplus(kept: OrderedDict[tuple[str, str], Followed]) -> Iterator[tuple[str, str]]:
    """The oldest beyond what is remembered; what is live still is not forgotten."""
    ended = (key for key, each in kept.items() if each.job.finished)
    for _ in range(len(kept) - REMEMBERED):
        if (key := next(ended, None)) is not None:
            yield key
