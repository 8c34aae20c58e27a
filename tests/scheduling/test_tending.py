"""Lanes between jobs: asked, put to sleep, changed by the file meanwhile, and given up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from engines.contract import (
    EngineCrashed,
    EngineError,
    EngineUnavailable,
    Footprint,
    Health,
    ModelSpec,
    UpstreamRateLimited,
)
from gateway.catalog import LaneTable
from gateway.scheduling.fleet import settle_sleep
from gateway.scheduling.index import QueueIndex, Waiting
from gateway.scheduling.lanes import Lane
from gateway.scheduling.tending import due, given_up

NOW = time.time()
AWAY = EngineUnavailable("away", begun=False)
TABLE = LaneTable(wake=("true",), sleep=("true",), idle_seconds=1.0)


class Far:
    """A host that is always well, and lets no model go."""

    asks = True

    async def load(self, engine: object, model: ModelSpec) -> Footprint:
        return Footprint(1)

    async def unload(self, engine: object, model: ModelSpec) -> None:
        raise EngineCrashed("stuck")

    async def health(self) -> Health:
        return Health(ok=True)


def lane(table: LaneTable | None = TABLE) -> Lane:
    one = Lane("far/one", Far(), engine="far")  # type: ignore[arg-type]
    reload(one, table)
    one.idle_since = NOW - 60
    one.asking = True  # by somebody else, so that only its sleep is due
    return one


def reload(one: Lane, table: LaneTable | None) -> None:
    models: Any = SimpleNamespace(catalog=SimpleNamespace(lanes={} if table is None else {"far/one": table}), secret=None)
    settle_sleep({one.name: one}, models)


def job(**more: Any) -> Waiting:
    told = {"job_id": "j", "team_id": "t", "user_id": "u", "bulk": False, "engine": "far", "local": False, "model": ("m", "1")}
    return Waiting(**{**told, "batch_key": None, "pictures": 1, "max_batch": 1, "queued_at": NOW - 100, **more})


def index(*jobs: Waiting) -> QueueIndex:
    queue = QueueIndex()
    for each in jobs:
        queue.add(each)
    return queue


@pytest.mark.parametrize("table", [TABLE, LaneTable(sleep=("true",), idle_seconds=1.0)])
async def test_one_that_goes_to_sleep_unwell_is_given_work_again(table: LaneTable) -> None:
    """Nobody asks it any more, so nobody would hear that it is well."""
    one = lane(table)
    one.failed(AWAY)
    (work,) = due([one], index(), time.time())
    await work
    assert one.asleep
    assert one.available(time.time() + 60)


@pytest.mark.parametrize("table", [None, LaneTable(wake=("true",))])
async def test_one_whose_table_goes_as_it_falls_asleep_comes_back(table: LaneTable | None) -> None:
    one = lane()
    (work,) = due([one], index(), time.time())
    reload(one, table)
    await work
    assert one.idle.is_set()
    assert not one.asleep


async def test_one_whose_table_changes_as_it_falls_asleep_sleeps() -> None:
    one = lane(LaneTable(wake=("true",), sleep=("sleep", "0.2"), idle_seconds=1.0))
    (work,) = due([one], index(), time.time())
    falls = asyncio.ensure_future(work)
    await asyncio.sleep(0.05)
    reload(one, LaneTable(wake=("true",), sleep=("true",), idle_seconds=9.0))
    await falls
    assert one.asleep
    assert one.sleeper is not None
    assert one.sleeper.table.idle_seconds == 9.0


async def test_a_lane_that_cannot_let_a_model_go_is_put_to_sleep_all_the_same() -> None:
    one = lane()
    for name in "ab":
        await one.load(None, ModelSpec(name, name))
    (work,) = due([one], index(), time.time())
    await work
    assert (one.asleep, one.idle.is_set(), one.view().residents) == (True, True, ())


def _running(one: Lane) -> None:
    one.state = "running"


def _waking(one: Lane) -> None:
    one.state = "waking"


def _idle(one: Lane) -> None:
    pass


@pytest.mark.parametrize(("now", "gone"), [(_running, False), (_waking, True), (_idle, True)])
def test_a_lane_that_works_is_waited_for(now: Callable[[Lane], None], gone: bool) -> None:
    """Its job was given to show whether it is well: that it takes its time says nothing yet."""
    one = lane()
    one.breaker.failed(AWAY, NOW - 3600)
    now(one)
    assert bool(given_up([one], index(job()), NOW, patience=50)) is gone


@pytest.mark.parametrize(("seconds", "gone"), [(60, True), (10, False)])
def test_what_no_lane_can_run_does_not_wait_for_ever(seconds: float, gone: bool) -> None:
    found = given_up([lane()], index(job(job_id="here"), job(job_id="cpu", local=True)), NOW, 50, NOW - seconds)
    assert [each.job_id for jobs in found.values() for each in jobs] == ["cpu"] * gone


@pytest.mark.parametrize(
    ("error", "at", "now", "gone"),
    [
        (AWAY, -3600, 0, ["old"]),  # and a job that came just now waits its own time
        (AWAY, -40, 0, []),  # it has not been away for long enough
        (UpstreamRateLimited("slow down", 7200.0), -3600, 0, []),  # the upstream asked for a rest
        (UpstreamRateLimited("slow down", 7200.0), -3600, 3601, ["old", "young"]),  # which is over, and it is not well
    ],
)
def test_jobs_are_given_up_when_both_they_and_their_lane_have_been_patient(
    error: EngineError, at: float, now: float, gone: list[str]
) -> None:
    one = lane()
    one.breaker.failed(error, NOW + at)
    queue = index(job(job_id="old"), job(job_id="young", queued_at=NOW - 1))
    found = given_up([one], queue, NOW + now, patience=50)
    assert [each.job_id for jobs in found.values() for each in jobs] == gone
