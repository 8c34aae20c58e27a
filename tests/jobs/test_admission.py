"""How many jobs of one key, user or team are taken."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import msgspec
import pytest
from sqlalchemy import func, select

from gateway import accounts
from gateway.accounts.own_limits import Own, OwnChange, OwnLimits
from gateway.db import across_teams
from gateway.errors import StorageFull, TooManyJobs
from gateway.events import Bus, JobChanged, JobQueued
from gateway.jobs import admission as rooms
from gateway.jobs import billing
from gateway.jobs.admission import Admission, admission
from gateway.jobs.tables import jobs
from tests.jobs.conftest import Box, OpenBox


def limits(whose: str, **share: int) -> str:
    return f"[settings.limits.{whose}]\n" + "".join(f"{name} = {most}\n" for name, most in share.items())


async def rows(box: Box) -> int:
    async with box.db.read() as connection:
        return int((await connection.execute(across_teams(select(func.count()).select_from(jobs)))).scalar_one())


@pytest.mark.parametrize("whose", ["key", "user", "team"])
async def test_no_more_wait_than_may(open_box: OpenBox, whose: str) -> None:
    box = await open_box(limits(whose, queued_jobs=2), m="", start=False)
    first = await box.ask()
    await box.ask(bulk=True)
    with pytest.raises(TooManyJobs, match=f"This {whose} has 2 waiting jobs") as caught:
        await box.ask()
    assert caught.value.headers["Retry-After"] == str(rooms.RETRY_SECONDS)
    assert caught.value.extra == {"whose": whose, "limit": 2}
    assert await rows(box) == 2
    await box.cancel(first)
    await box.ask()


async def test_interactive_jobs_are_capped_and_bulk_ones_are_not(open_box: OpenBox) -> None:
    box = await open_box(limits("user", interactive_jobs=1), m="", start=False)
    await box.ask()
    with pytest.raises(TooManyJobs, match="priority bulk"):
        await box.ask()
    for _ in range(3):
        await box.ask(bulk=True)


async def test_another_user_of_another_key_has_room(open_box: OpenBox) -> None:
    box = await open_box(limits("key", queued_jobs=1), m="", start=False)
    await box.ask()
    _, text = await accounts.create_key(box.db, box.principal, "another", ["features.image_generation"])
    box.principal = await accounts.authenticate(box.db, text)
    await box.ask()
    with pytest.raises(TooManyJobs):
        await box.ask()


@pytest.mark.parametrize("whose", ["key", "user", "team"])
async def test_a_number_of_ones_own_goes_before_the_setting(open_box: OpenBox, whose: str) -> None:
    box = await open_box(limits(whose, queued_jobs=1, interactive_jobs=1), m="", start=False)
    own = OwnLimits(**{whose: Own(queued_jobs=3, interactive_jobs=2)})
    box.principal = msgspec.structs.replace(box.principal, limits=own)
    for _ in range(2):
        await box.ask()
    with pytest.raises(TooManyJobs, match="interactive_jobs, which an administrator settled for it"):
        await box.ask()
    await box.ask(bulk=True)
    with pytest.raises(TooManyJobs, match=f"This {whose} has 3 waiting jobs"):
        await box.ask(bulk=True)


async def test_of_a_hundred_at_once_as_many_come_in_as_may(open_box: OpenBox) -> None:
    box = await open_box(limits("team", queued_jobs=7), m="", start=False)
    ended = await asyncio.gather(*(box.ask() for _ in range(100)), return_exceptions=True)
    assert sum(isinstance(each, TooManyJobs) for each in ended) == 93
    assert await rows(box) == 7


async def test_a_submit_that_fails_gives_its_place_back(open_box: OpenBox, monkeypatch: pytest.MonkeyPatch) -> None:
    box = await open_box(limits("user", queued_jobs=1), m="", start=False)

    async def full(*_: Any, **__: Any) -> None:
        raise StorageFull("The disk is full.")

    with monkeypatch.context() as broken:
        broken.setattr(billing, "charge", full)
        for _ in range(3):
            with pytest.raises(StorageFull):
                await box.ask()
    await box.ask()


async def test_a_running_job_waits_no_more_but_stays_interactive(open_box: OpenBox) -> None:
    box = await open_box(limits("user", queued_jobs=1, interactive_jobs=2), m="hang = true", start=True)
    first = await box.ask()
    await box.until(first, "running")
    second = await box.ask()
    with pytest.raises(TooManyJobs, match="waiting"):
        await box.ask()
    await box.cancel(second)
    third = await box.ask()
    await box.cancel(third)
    await box.cancel(first)
    await box.ask()


async def test_a_new_start_counts_what_is_there(open_box: OpenBox) -> None:
    box = await open_box(limits("user", queued_jobs=2), m="", start=False)
    for _ in range(2):
        await box.ask()
    box.bus = Bus()  # as the next start has
    await admission(box.bus).rebuild(box.db)
    with pytest.raises(TooManyJobs):
        await box.ask()


async def test_a_limit_that_is_lowered_holds_for_what_comes(open_box: OpenBox) -> None:
    box = await open_box("", m="", start=False)
    for _ in range(5):
        await box.ask()
    box._toml = limits("user", queued_jobs=2) + box._toml
    await box.open()
    with pytest.raises(TooManyJobs, match="has 2 waiting"):
        await box.ask()


async def test_nothing_is_left_of_jobs_that_ended(open_box: OpenBox) -> None:
    box = await open_box("", m="", start=False)
    counted = Admission()
    job = await box.ask()
    for _ in range(2):
        counted.hear(JobQueued(job.id, job.team_id, job.user_id, 1, job))
    counted.hear(JobChanged(job.id, job.team_id, job.user_id, "running", 2, job))
    for _ in range(2):
        counted.hear(JobChanged(job.id, job.team_id, job.user_id, "succeeded", 3, job))
    assert not counted._counts
    assert not counted._live


def test_it_goes_with_its_bus() -> None:
    bus = Bus()
    assert admission(bus) is admission(bus)
    before = len(rooms._of_bus)
    del bus
    gc.collect()
    assert len(rooms._of_bus) < before


async def test_capped_jobs_run_one_after_the_other_and_say_why(open_box: OpenBox) -> None:
    box = await open_box(limits("user", running_jobs=1), m="hang = true", start=True)
    first = await box.ask()
    await box.until(first, "running")
    second = await box.ask()
    place = box.scheduler.place(second.id)
    assert place is not None
    assert place.reason == "its user runs as many jobs at once as it may"
    await box.cancel(first)
    await box.until(second, "running")
    await box.cancel(second)


async def test_a_number_of_ones_own_caps_what_runs(open_box: OpenBox) -> None:
    box = await open_box(limits("user", running_jobs=5), m="hang = true", start=True)
    await accounts.change_team(box.db, box.principal, box.principal.team_id, limits=OwnChange(running_jobs=1))
    first = await box.ask()
    await box.until(first, "running")
    second = await box.ask()
    place = box.scheduler.place(second.id)
    assert place is not None
    assert place.reason == "its team runs as many jobs at once as it may"
    await box.cancel(first)
    await box.until(second, "running")
    await box.cancel(second)
