"""What happens to jobs, as server-sent events: `task` (the whole envelope), `progress` and `preview`.

Every event has absolute values and the row's version as its id, so that nothing need be remembered for a client that
comes back: it first gets what is current.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import ExitStack
from itertools import islice

from gateway.api.streams import KEEP_ALIVE, KEEP_ALIVE_SECONDS
from gateway.api.tasks.envelopes import Current, Envelopes
from gateway.events import Bus, Event, ImageStored, JobProgress, Subscription
from gateway.jobs.records import Job

PLACE_SECONDS = 2.0
"""How often it is seen whether queued jobs have moved up, and what holds up those that ran."""
MOST_PLACES = 100
"""Jobs whose places one stream tells."""


class Listener:
    """One client: which jobs it follows, and what it was told of each."""

    def __init__(self, bus: Bus, envelopes: Envelopes, team_id: str, *, previews: bool) -> None:
        self._bus = bus
        self._envelopes = envelopes
        self._team_id = team_id
        self._previews = previews
        self._jobs: dict[str, Job] = {}
        self._places: dict[str, bytes] = {}
        self._watches: dict[str, ExitStack] = {}

    def one(self, job_id: str) -> AsyncGenerator[bytes, None]:
        """One job, until it is finished."""

        async def begin() -> list[Current]:
            return [await self._envelopes.current(self._team_id, job_id)]

        return self._frames(lambda event: event.job_id == job_id, begin, endless=False)

    def every(self, user_id: str | None) -> AsyncGenerator[bytes, None]:
        """All jobs of the team, or one user's; without an end."""
        team_id = self._team_id

        def wants(event: Event) -> bool:
            return event.team_id == team_id and (user_id is None or event.user_id == user_id)

        return self._frames(wants, lambda: self._envelopes.live(team_id, user_id), endless=True)

    async def _frames(
        self, wants: Callable[[Event], bool], begin: Callable[[], Awaitable[Sequence[Current]]], *, endless: bool
    ) -> AsyncGenerator[bytes, None]:
        # Listen first, then read: what changes in between is told twice rather than never.
        with self._bus.subscribe(wants) as inbox, ExitStack() as clean_up:
            clean_up.callback(self._stop_watching)
            frames = [each for current in await begin() for each in self._tell(current)]
            sent = time.monotonic()
            while True:
                if not frames and time.monotonic() - sent >= KEEP_ALIVE_SECONDS:
                    frames = [KEEP_ALIVE]
                if frames:
                    sent = time.monotonic()
                    yield b"".join(frames)
                if not (endless or self._jobs):
                    return
                frames = await self._answer(await self._next(inbox))

    async def _next(self, inbox: Subscription) -> Event | None:
        """The next event; None when it is time to look around."""
        try:
            async with asyncio.timeout(PLACE_SECONDS if self._places else KEEP_ALIVE_SECONDS):
                return await inbox.get()
        except TimeoutError:
            return None

    async def _answer(self, event: Event | None) -> list[bytes]:
        if event is None:
            return self._moved()
        if not isinstance(event, JobProgress):
            mark = event.image_id if isinstance(event, ImageStored) else event.version
            return self._tell(await self._envelopes.announced(self._team_id, event.job_id, mark))
        job = self._jobs.get(event.job_id)
        if job is None or job.state != "running":
            return []
        frames = [self._envelopes.progress(event, job)]
        self._places[job.id] = frames[0]
        if self._previews and event.preview:
            frames.append(self._envelopes.preview(event, job))
        return frames

    def _tell(self, current: Current) -> list[bytes]:
        job = current.job
        known = self._jobs.get(job.id)
        if known and known.version >= job.version:
            return []
        self._places.pop(job.id, None)
        if job.finished:
            self._jobs.pop(job.id, None)
            self._stop_watching(job.id)
            return [current.frame]
        self._jobs[job.id] = job
        self._places[job.id] = self._envelopes.place(job)
        if self._previews and job.id not in self._watches:
            watching = self._watches[job.id] = ExitStack()
            watching.enter_context(self._bus.watch(job.id))
        return [current.frame]

    def _moved(self) -> list[bytes]:
        """The places that changed since they were told."""
        moved = []
        for job_id, told in list(islice(self._places.items(), MOST_PLACES)):
            place = self._envelopes.place(self._jobs[job_id])
            if place != told:
                self._places[job_id] = place
                moved.append(place)
        return moved

    def _stop_watching(self, *job_ids: str) -> None:
        for job_id in job_ids or list(self._watches):
            if watching := self._watches.pop(job_id, None):
                watching.close()
