"""How far a key's calls are: /sdapi/v1/progress, /internal/progress, and stopping them."""

from __future__ import annotations

import base64
from typing import Any

from msgspec import Struct

from gateway.accounts import Principal
from gateway.api.a1111.asked import ProgressAsked
from gateway.api.a1111.following import TASK, Followed, Following
from gateway.api.a1111.wire import timestamp
from gateway.api.tasks.wire import progress_of
from gateway.scheduling.loop import Scheduler

BEGUN = 0.01
"""What A1111 says of a call that runs and has made no step yet."""
_JOBS = {"text_to_image": "txt2img", "image_to_image": "img2img", "inpaint": "img2img", "upscale": "Upscale"}


class ProgressState(Struct, frozen=True, kw_only=True):
    """Of the key's call that runs, else the one that waits, else the last one."""

    skipped: bool
    interrupted: bool
    stopping_generation: bool
    job: str
    """Empty: nothing is being made for this key."""
    job_count: int
    job_timestamp: str
    job_no: int
    sampling_step: int
    sampling_steps: int


class ProgressAnswer(Struct, frozen=True, kw_only=True):
    progress: float
    """0 to 1."""
    eta_relative: float
    """Seconds to come, as far as is known."""
    state: ProgressState
    current_image: str | None
    """In base64: how it looks so far."""
    textinfo: str | None
    current_task: str | None
    """Its `force_task_id`."""


class TaskProgressAnswer(Struct, frozen=True, kw_only=True):
    """Of the call of that name."""

    active: bool
    queued: bool
    completed: bool
    progress: float | None = None
    eta: float | None = None
    live_preview: str | None = None
    """A data URI; null where there is no newer one than the one that was seen."""
    id_live_preview: int | None = None
    textinfo: str | None = None


def progress(following: Following, scheduler: Scheduler, principal: Principal, *, previews: bool) -> ProgressAnswer:
    """What is made for this key now."""
    known = following.current(principal)
    if known is None:
        last = following.last(principal)
        return ProgressAnswer(
            progress=0.0, eta_relative=0.0, state=_state(last, live=False), current_image=None, textinfo=None, current_task=None
        )
    if previews:
        following.look(known)
    share, eta, told = _far(known, scheduler)
    return ProgressAnswer(
        progress=share,
        eta_relative=eta or 0.0,
        state=_state(known, live=True),
        current_image=base64.b64encode(known.preview).decode() if previews and known.preview else None,
        textinfo=told,
        current_task=known.job.request.shown.get(TASK),
    )


def of_task(following: Following, scheduler: Scheduler, principal: Principal, asked: ProgressAsked) -> TaskProgressAnswer:
    """The team's call of that name; one that nobody knows is neither active, queued nor completed, as there."""
    known = following.named(principal, asked.id_task) if asked.id_task else None
    if known is None or known.job.finished:
        return TaskProgressAnswer(
            active=False, queued=False, completed=known is not None, id_live_preview=-1, textinfo="Waiting..."
        )
    share, eta, told = _far(known, scheduler)
    if known.job.state == "queued":
        return TaskProgressAnswer(active=False, queued=True, completed=False, eta=eta, id_live_preview=-1, textinfo=told)
    wants = asked.live_preview is not False
    if wants:
        following.look(known)
    seen = -1 if asked.id_live_preview is None else asked.id_live_preview
    newer = wants and known.preview is not None and known.frame != seen
    return TaskProgressAnswer(
        active=True,
        queued=False,
        completed=False,
        progress=share,
        eta=eta,
        live_preview=f"data:image/jpeg;base64,{base64.b64encode(known.preview or b'').decode()}" if newer else None,
        id_live_preview=known.frame if wants and known.preview else -1,
        textinfo=told,
    )


def to_stop(following: Following, principal: Principal, *, skip: bool) -> list[Followed]:
    """What an interrupt ends: all of the key's that run, or where none does those that wait. A skip: the oldest that runs."""
    mine = following.mine(principal)
    running = [each for each in mine if each.job.state == "running"]
    stopped = running[:1] if skip else running or mine
    for each in stopped:
        each.skipped, each.interrupted = each.skipped or skip, each.interrupted or not skip
    return stopped


def _far(known: Followed, scheduler: Scheduler) -> tuple[float, float | None, str | None]:
    """The share that is done, the seconds to come, and a word about it."""
    told: Any = progress_of(known.job, scheduler, known.progress if known.job.state == "running" else None)
    if known.job.state == "queued":
        place = told.queue_position
        return 0.0, told.eta_seconds, f"In queue: {place}. {told.reason or ''}".strip() if place else "In queue..."
    share = min(1.0, (told.step or 0) / told.steps) if told.steps else 0.0
    return max(BEGUN, share), told.eta_seconds, told.reason


def _state(known: Followed | None, *, live: bool) -> ProgressState:
    if known is None:
        return ProgressState(
            skipped=False, interrupted=False, stopping_generation=False, job="", job_count=0, job_timestamp="0", job_no=0,
            sampling_step=0, sampling_steps=0,
        )  # fmt: skip
    far = known.progress if live else None
    return ProgressState(
        skipped=known.skipped,
        interrupted=known.interrupted,
        stopping_generation=live and (known.skipped or known.interrupted),
        job=_JOBS[known.job.capability] if live else "",
        job_count=1 if live else 0,
        job_timestamp=timestamp(known.job),
        job_no=0,
        sampling_step=far.step if far else 0,
        sampling_steps=(far.steps if far else known.job.request.steps or 0) if live else 0,
    )
