"""One call after the other, each on a connection of its own, watched until it has answered."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress

from msgspec.structs import replace

from engines.a1111 import answers, cards, requests
from engines.a1111.options import ModelOptions, Options
from engines.a1111.probing import Facts
from engines.a1111.requests import Job
from engines.a1111.stations import Station
from engines.a1111.watching import Seen, Watch
from engines.contract import (
    Batch,
    Done,
    EngineCrashed,
    EngineError,
    EngineUnavailable,
    Event,
    Failed,
    ImageReady,
    ImageRequest,
    Loading,
    ModelUnusable,
    Picture,
    Progress,
)
from engines.http import Answer

LOST_AFTER = 6
"""Questions in a row without an answer, and for at least `LOST_SECONDS`, until a server counts as gone."""
LOST_SECONDS = 60.0
STOP_SECONDS = 2.0
"""Between two interrupts of one call."""


class Interrupted(EngineUnavailable):
    """Somebody at the server broke the picture off."""


async def run(batch: Batch, station: Station, options: Options) -> AsyncIterator[Event]:
    """Raises EngineUnavailable when the server is gone, and EngineCrashed for the last request; what another one comes to
    is its own Failed."""
    model = batch.model.options or ModelOptions()
    facts = await station.facts()
    await station.settle()
    if _loads(batch, facts):
        yield Loading(batch.model.id)
    for request in batch.requests:
        if batch.canceled(request.id):
            continue
        try:
            jobs = await _jobs(request, batch, model, options, station)
            call = _Request(request, batch, station, options, jobs)
            async for event in call.events():
                yield event
        except Interrupted as error:
            yield Failed(request.id, error)
        except EngineUnavailable:
            station.doubt()
            raise
        except EngineCrashed as error:
            if request is batch.requests[-1]:
                raise  # nobody is taken along, and a server that only breaks is left alone for a while
            yield Failed(request.id, error)
        except EngineError as error:
            yield Failed(request.id, error)


def _loads(batch: Batch, facts: Facts) -> bool:
    """Whether the first picture waits for another checkpoint."""
    rows = (row for row in facts.checkpoints if batch.model.source.lower() in cards.called(row))
    row = next(rows, None)
    return row is not None and bool(facts.loaded) and facts.loaded.lower() not in cards.called(row)


async def _jobs(request: ImageRequest, batch: Batch, model: ModelOptions, options: Options, station: Station) -> list[Job]:
    """By what the server had a while ago, and by what it has now where that does not do."""

    def made(facts: Facts) -> list[Job]:
        return list(requests.jobs(request, batch.model.source, model, options, facts, saving=batch.saving))

    try:
        return made(await station.facts())
    except ModelUnusable:
        return made(await station.look_again())


class _Request:
    """The calls of one request."""

    def __init__(self, request: ImageRequest, batch: Batch, station: Station, options: Options, jobs: list[Job]) -> None:
        self._request = request
        self._batch = batch
        self._station = station
        self._options = options
        self._jobs = jobs
        self._total = sum(max(1, job.steps) for job in jobs)
        self._before = 0
        """Steps of the calls that are over."""
        self._said = 0

    async def events(self) -> AsyncIterator[Event]:
        jobs = list(self._jobs)
        while jobs:
            job = jobs.pop(0)
            if self._canceled():
                return
            made: answers.Made | None = None
            async for came in self._call(job):
                if isinstance(came, answers.Made):
                    made = came
                elif step := self._step(came, job):
                    yield step
            if made is None or self._canceled():
                return
            # One that makes a single picture for each call is asked for the others one by one.
            jobs[:0] = list(_again(job, len(made.pictures)))
            for picture, data in zip(job.pictures, made.pictures, strict=False):
                if self._canceled():
                    return
                yield self._ready(picture, data, made)
            self._before += max(1, job.steps) * len(made.pictures) // len(job.pictures)
        if not self._canceled():
            yield Done(self._request.id, upstream_id=self._jobs[-1].task or None)

    async def _call(self, job: Job) -> AsyncIterator[Seen | answers.Made]:
        """How far it is, again and again, then what came of it; nothing where it was canceled."""
        body = await asyncio.to_thread(requests.encoded, job, self._request.source, self._request.mask)
        watch = self._station.watch(job.task)
        post = asyncio.create_task(self._post(job, body))
        try:
            async for seen in self._watched(post, watch, job):
                yield seen
            answer = await post
        except EngineUnavailable:
            self._station.leave(job.task)
            raise
        finally:
            if not post.done():
                self._station.leave(job.task)
                post.cancel()
                with suppress(asyncio.CancelledError, EngineError):
                    await post
        if self._canceled():
            return  # a picture that was broken off looks as any other
        if not answer.ok:
            raise answers.refusal(answer, self._station.server)
        made = await asyncio.to_thread(answers.read, answer, job)
        if job.checkpoint is not None and not self._options.restore_checkpoint:
            self._station.loaded(job.checkpoint)
        if await watch.was_interrupted(made.began):
            told = "what it delivered is unfinished, and is made again"
            raise Interrupted(f"Somebody interrupted the work of {self._station.name}; {told}.")
        yield made

    async def _post(self, job: Job, body: bytes) -> Answer:
        # A connection that was kept may be closed already: after a 500 Forge does that without a word.
        headers = {"Content-Type": "application/json"}
        return await self._station.server.ask(
            "POST", job.path, content=body, headers=headers, seconds=self._options.seconds, work=True, fresh=True
        )

    async def _watched(self, post: asyncio.Task[Answer], watch: Watch, job: Job) -> AsyncIterator[Seen]:
        stopped_at, heard_at = -STOP_SECONDS, time.monotonic()
        while not (await asyncio.wait({post}, timeout=self._options.poll_seconds))[0]:
            now = time.monotonic()
            if self._canceled():
                if job.steps and now - stopped_at >= STOP_SECONDS and await watch.stop():
                    stopped_at = now
                continue
            seen = await watch.look(self._request.steps or 0, preview=self._batch.watched(self._request.id))
            heard_at = heard_at if watch.missed else now
            if watch.missed >= LOST_AFTER and now - heard_at >= LOST_SECONDS:
                raise EngineUnavailable(f"{self._station.server.name} stopped answering while it worked.")
            yield seen

    def _step(self, seen: Seen | answers.Made, job: Job) -> Progress | None:
        if not isinstance(seen, Seen) or seen.share is None or not job.steps:
            return None
        step = min(self._total, self._before + math.ceil(seen.share * job.steps - 1e-6))
        if step < 1 or step < self._said or (step == self._said and seen.preview is None):
            return None
        self._said = step
        return Progress(self._request.id, step, self._total, seen.preview, job.pictures[0].ordinal)

    def _ready(self, picture: Picture, data: bytes, made: answers.Made) -> ImageReady:
        return ImageReady(
            request=self._request.id, ordinal=picture.ordinal, seed=picture.seed, encoded=data, parameters=made.parameters
        )

    def _canceled(self) -> bool:
        return self._batch.canceled(self._request.id)


def _again(job: Job, had: int) -> Iterator[Job]:
    """Calls for the pictures that did not come, one each."""
    for picture in job.pictures[had:]:
        fields = {**job.fields, "seed": picture.seed, "batch_size": 1}
        task = f"{job.task[:-1]}-{picture.ordinal})"
        yield replace(job, pictures=(picture,), fields={**fields, "force_task_id": task}, task=task)
