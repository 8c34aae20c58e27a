"""How engines, models, lanes and the queue are shown to an administrator."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from msgspec import Struct

from gateway.api.common.wire import Model
from gateway.api.lane_names import public_names
from gateway.api.times import tenths
from gateway.scheduling.breaker import State as BreakerState
from gateway.scheduling.index import Waiting
from gateway.scheduling.lanes import LaneView
from gateway.scheduling.lanes import State as LaneState
from gateway.scheduling.loop import Scheduler
from gateway.scheduling.residency import Resident


class EngineRow(Struct, frozen=True, kw_only=True):
    """One `[engines.<name>]` table."""

    name: str
    plugin: str
    running: bool
    problem: str | None
    models: tuple[str, ...]
    lanes: tuple[str, ...]
    health: tuple[LaneRow, ...]
    """How each of its lanes is; GET /admin/devices has those of this machine too."""
    discovered: tuple[str, ...]
    """What it offers besides, and no entry of models.toml names, as it said when it was asked last."""


class PluginRow(Struct, frozen=True, kw_only=True):
    """One plugin that is installed."""

    name: str
    loaded: bool
    problem: str | None


class Engines(Struct, frozen=True, kw_only=True):
    data: list[EngineRow]
    plugins: list[PluginRow]


class AdminModel(Model, frozen=True, kw_only=True):
    """A model with what only its operator needs."""

    source: str
    revision: str
    teams: tuple[str, ...]
    retired: str | None
    """The model that took its place."""
    resident_on: tuple[str, ...]
    """Lanes that have it loaded."""
    average_seconds: float | None
    """For a picture, as measured; null before the first."""


class DiscoveredModel(Struct, frozen=True, kw_only=True):
    """What an engine offers and no entry of models.toml names."""

    engine: str
    id: str
    """As the engine calls it."""
    source: str


class AdminModels(Struct, frozen=True, kw_only=True):
    data: list[AdminModel]
    problem: str | None
    """What is wrong with models.toml as it stands now; an older reading of it is in force then."""
    discovered: list[DiscoveredModel]
    """As the engines said when they were asked last; GET /admin/engines/{name}/discovered asks anew."""


class ReadyEntry(DiscoveredModel, frozen=True, kw_only=True):
    entry: str
    """The [[models]] table that puts it on offer, as it is written in models.toml."""


class DiscoveredModels(Struct, frozen=True, kw_only=True):
    data: list[ReadyEntry]
    problem: str | None
    """Why the engine could not be asked."""


class ResidentRow(Struct, frozen=True, kw_only=True):
    model: str
    revision: str
    bytes: int
    used_at: datetime


class LaneRow(Struct, frozen=True, kw_only=True):
    """One place that runs one batch at a time."""

    name: str
    public_name: str
    """What /health/ready, /metrics and quotes call it: without a server's address."""
    kind: str
    """`device`, or `engine` for a lane of a remote engine."""
    engine: str | None
    """Null: any local engine."""
    state: LaneState
    healthy: bool
    """Whether it is given work. One that sleeps is, and is woken for it."""
    breaker: BreakerState
    """`closed`: it is well. `open`: it failed, or says that it is not well; it gets nothing until it says otherwise, or has
    rested. `half_open`: then, until one task shows that it is."""
    reason: str | None
    """Why it is not well; of one that is, what it remarked."""
    unwell_since: datetime | None
    asked_at: datetime | None
    """When it was last asked how it is; null for devices, and before the first time."""
    free_memory_bytes: int | None
    """As it last said."""
    wake_seconds: float | None
    """That waking it takes, as learned; null for one that is awake."""
    jobs: tuple[str, ...]
    residents: tuple[ResidentRow, ...]
    budget_bytes: int | None


class Lanes(Struct, frozen=True):
    data: list[LaneRow]


class QueueRow(Struct, frozen=True, kw_only=True):
    task_id: str
    team_id: str
    user_id: str
    model: str
    engine: str
    priority: str
    pictures: int
    queued_at: datetime
    queue_position: int | None
    eta_seconds: float | None
    reason: str | None


class Queue(Struct, frozen=True, kw_only=True):
    """What waits, oldest first, and what runs."""

    data: list[QueueRow]
    total: int
    running: tuple[str, ...]
    blocked: str | None
    """Why no lane claims anything now."""


def lanes(views: Sequence[LaneView]) -> list[LaneRow]:
    """All lanes, in their order."""
    names = public_names(views)
    return [_lane(view, names[view.name]) for view in views]


def _lane(view: LaneView, public_name: str) -> LaneRow:
    return LaneRow(
        name=view.name,
        public_name=public_name,
        kind="device" if view.engine is None else "engine",
        engine=view.engine,
        state=view.state,
        healthy=view.healthy,
        breaker=view.breaker,
        reason=view.trouble or view.reason or None,
        unwell_since=_moment(view.unwell_since),
        asked_at=_moment(view.asked_at),
        free_memory_bytes=view.free_memory,
        wake_seconds=round(view.wake_seconds, 1) if view.asleep else None,
        jobs=view.jobs,
        residents=tuple(_resident(each) for each in view.residents),
        budget_bytes=view.budget,
    )


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _resident(loaded: Resident) -> ResidentRow:
    model, revision = loaded.model
    used_at = datetime.fromtimestamp(loaded.used_at, UTC)
    return ResidentRow(model=model, revision=revision, bytes=loaded.bytes, used_at=used_at)


def queued(job: Waiting, scheduler: Scheduler) -> QueueRow:
    place = scheduler.place(job.job_id)
    return QueueRow(
        task_id=job.job_id,
        team_id=job.team_id,
        user_id=job.user_id,
        model=job.model[0],
        engine=job.engine,
        priority="bulk" if job.bulk else "interactive",
        pictures=job.pictures,
        queued_at=datetime.fromtimestamp(job.queued_at, UTC),
        queue_position=place.position if place else None,
        eta_seconds=tenths(place.eta_seconds) if place else None,
        reason=place.reason if place else None,
    )
