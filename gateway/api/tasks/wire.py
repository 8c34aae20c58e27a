"""How the Tasks surface shows a job."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import UNSET, Struct, UnsetType

from engines.contract import Lora
from gateway.api.links import Links
from gateway.api.priorities import Priority
from gateway.api.tasks.asked import Quality, Ratio
from gateway.api.times import moment, tenths
from gateway.events import JobProgress
from gateway.images.records import Image
from gateway.jobs.open_model import MovedFrom
from gateway.jobs.records import Job, JobCapability, State
from gateway.jobs.request import OutputFormat
from gateway.scheduling.loop import Scheduler

_PHASES = {"loading": "the model is being loaded", "storing": "the picture is being stored"}
_AWAY = "its model's engine cannot be reached; it waits until that is back"


class TaskProgress(Struct, frozen=True, kw_only=True):
    """Absolute values; null where there is nothing to tell."""

    step: int | None = None
    steps: int | None = None
    queue_position: int | None = None
    """1 is next."""
    eta_seconds: float | None = None
    reason: str | None = None
    """What it waits for, or what it does."""


class InputImage(Struct, frozen=True):
    """A picture that was handed in; an image like every other, for as long as it is kept."""

    artifact_id: str | None


class TaskInput(Struct, frozen=True, kw_only=True):
    """What was asked, with all that was left out filled in."""

    prompt: str
    negative_prompt: str
    width: int
    height: int
    steps: int | None
    guidance_scale: float | None
    sampler: str | None
    seed: int | None
    loras: tuple[Lora, ...]
    output_format: OutputFormat
    priority: Priority
    strength: float | None
    images: tuple[InputImage, ...]
    """The pictures that were handed in, in their order: `image`, then `extra_images`."""
    mask: InputImage | None


class TaskImage(Struct, frozen=True, kw_only=True):
    url: str
    """Signed: opens without a key until it expires."""
    artifact_id: str
    width: int
    height: int
    media_type: str
    seed: int | None


class TaskOutput(Struct, frozen=True):
    images: tuple[TaskImage, ...] = ()


class TaskBilling(Struct, frozen=True, kw_only=True):
    """Credits, as decimal strings."""

    charged_credits: str
    refunded_credits: str


class TaskError(Struct, frozen=True):
    code: str
    message: str


class TaskMove(Struct, frozen=True, kw_only=True):
    """A model that could not run the task, and why: the request left the model to us, so another stepped in."""

    model: str
    code: str
    message: str
    at: datetime


class Task(Struct, frozen=True, kw_only=True):
    """A job, as it stands."""

    task_id: str
    status: State
    capability: JobCapability
    model: str
    """The concrete model, also where "auto" was asked for."""
    quality: Quality
    aspect_ratio: Ratio
    n: int
    progress: TaskProgress
    input: TaskInput
    billing: TaskBilling
    output: TaskOutput
    error: TaskError | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    moved_from: tuple[TaskMove, ...] | UnsetType = UNSET
    """Only where it was with other models before: these, the first one first. The price stays that of the first."""


class TaskPage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Newest first; `next` opens the page behind, null at the end."""

    data: list[Task]
    page: int | None = None
    limit: int
    total: int | None = None
    """Left out where a cursor was given, as `page` is."""
    total_capped: bool = False
    """There may be more than `total` says."""
    next: str | None


def task(job: Job, images: Sequence[Image], links: Links, progress: TaskProgress) -> Task:
    """The envelope."""
    return Task(
        task_id=job.id,
        status=job.state,
        capability=job.capability,
        model=job.model,
        quality=job.request.shown.get("quality", "standard"),
        aspect_ratio=job.request.shown.get("aspect_ratio", "auto"),
        n=job.pictures,
        progress=progress,
        input=_input(job),
        billing=TaskBilling(charged_credits=credits(job.charged), refunded_credits=credits(job.refunded)),
        output=TaskOutput(tuple(_image(image, links) for image in images)),
        error=_error(job),
        created_at=moment(job.created_at),
        started_at=moment(job.started_at),
        finished_at=moment(job.finished_at),
        moved_from=tuple(map(_move, job.request.moved_from)) or UNSET,
    )


def _move(left: MovedFrom) -> TaskMove:
    return TaskMove(model=left.model, code=left.code, message=left.message, at=moment(left.at))


def progress_of(job: Job, scheduler: Scheduler, event: JobProgress | None = None) -> TaskProgress:
    """What the scheduler knows of a job; `event` is newer than what it heard last, where it is given."""
    if job.state == "queued":
        if place := scheduler.place(job.id):
            return TaskProgress(queue_position=place.position, eta_seconds=tenths(place.eta_seconds), reason=place.reason)
        return TaskProgress(reason=scheduler.blocked or (_AWAY if scheduler.is_away(job.model) else None))
    if job.state == "running":
        last = event or scheduler.progress(job.id)
        if last is None:
            return TaskProgress(reason=scheduler.blocked)
        return TaskProgress(
            step=last.step, steps=last.steps, eta_seconds=_remaining(job, last, scheduler), reason=_PHASES.get(last.phase)
        )
    if job.state == "succeeded" and job.request.steps:
        return TaskProgress(step=job.request.steps, steps=job.request.steps)
    return TaskProgress()


def _remaining(job: Job, last: JobProgress, scheduler: Scheduler) -> float | None:
    """Seconds, as pictures of this model took so far; None before the first."""
    average = scheduler.average_seconds(job.model)
    if average is None or last.steps < 1:
        return None
    return tenths(average * (job.pictures - job.stored) * max(0.0, 1 - last.step / last.steps))


def credits(ten_thousandths: int) -> str:
    """Four decimals, exact."""
    return f"{ten_thousandths // 10_000}.{ten_thousandths % 10_000:04d}"


def _input(job: Job) -> TaskInput:
    kept = job.request
    return TaskInput(
        prompt=kept.prompt,
        negative_prompt=kept.negative_prompt,
        width=kept.size.width,
        height=kept.size.height,
        steps=kept.steps,
        guidance_scale=kept.guidance_scale,
        sampler=kept.sampler,
        seed=kept.seed,
        loras=kept.loras,
        output_format=kept.output_format,
        priority="bulk" if job.bulk else "interactive",
        strength=kept.strength,
        images=tuple(InputImage(each.image) for each in kept.pictures),
        mask=InputImage(kept.mask.image) if kept.mask else None,
    )


def _image(image: Image, links: Links) -> TaskImage:
    return TaskImage(
        url=links.content(image),
        artifact_id=image.id,
        width=image.width,
        height=image.height,
        media_type=image.media_type,
        seed=image.seed,
    )


def _error(job: Job) -> TaskError | None:
    if job.error_code is None:
        return None
    return TaskError(job.error_code, job.error_message or "")
