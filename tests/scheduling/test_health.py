"""Servers that are away: seen before a job comes, seen by jobs, waited for, and given up in the end."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gateway.scheduling import breaker
from tests.scheduling.conftest import MODEL, Cloud, OpenBox, lane, sleepy
from tests.scheduling.conftest import until as _until


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.scheduling.loop.RECONCILE_SECONDS", 0.05)
    monkeypatch.setattr(breaker, "FIRST_ASKED", 0.05)
    monkeypatch.setattr(breaker, "LAST_ASKED", 0.05)
    monkeypatch.setattr(breaker, "LONGEST_UNWELL", 0.05)
    monkeypatch.setattr(breaker, "LONGEST_REST", 0.05)


async def test_a_server_that_is_away_is_seen_before_any_job_and_after_it_is_back(open_box: OpenBox, cloud: Cloud) -> None:
    cloud.goes("two")
    box = await open_box(cloud.toml("one", "two"))
    await _until(lambda: not lane(box, "two").healthy and lane(box, "one").asked_at)
    seen = lane(box, "two")
    assert (seen.state, seen.breaker, seen.reason) == ("resting", "open", "The fake server two is away.")
    assert seen.unwell_since is not None
    assert (lane(box, "one").healthy, lane(box, "one").free_memory) == (True, 1 << 30)
    jobs = [await box.ask("c") for _ in range(3)]
    for job in jobs:
        assert (await box.until(job)).failures == 0
    assert {run["where"] for run in box.runs()} == {"one"}
    cloud.comes("two")
    await _until(lambda: lane(box, "two").healthy)
    assert (lane(box, "two").breaker, lane(box, "two").unwell_since) == ("closed", None)


async def test_a_job_waits_for_its_server_and_that_counts_as_no_failure(
    open_box: OpenBox, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.scheduling.recovery.FIRST_DELAY", 0.02)
    monkeypatch.setattr(breaker, "FIRST_ASKED", 60.0)
    monkeypatch.setattr(breaker, "LAST_ASKED", 60.0)
    box = await open_box(cloud.toml("one", settings="[settings.jobs]\nmax_attempts = 1\n"))
    await _until(lambda: lane(box, "one").asked_at)
    cloud.goes("one")
    job = await box.ask("c")
    await _until(lambda: not lane(box, "one").healthy)
    await asyncio.sleep(0.2)
    waits = await box.job(job)
    assert (waits.state, waits.failures) == ("queued", 0)
    assert [(each.lane, each.code) for each in waits.tried] == [("cloud/one", "engine_unavailable")]
    place = box.scheduler.place(job.id)
    assert place is not None
    assert "its lane rests after failures: The fake server one" in place.reason
    cloud.comes("one")
    done = await box.until(job)
    assert (done.state, done.failures, done.tried[0].message) == ("succeeded", 0, "The fake server one cannot be reached.")
    assert (lane(box, "one").breaker, lane(box, "one").reason) == ("closed", "")


async def test_a_job_does_not_wait_for_ever(open_box: OpenBox, cloud: Cloud) -> None:
    cloud.goes("one")
    box = await open_box(cloud.toml("one", settings="[settings.jobs]\naway_minutes = 0.005\n"))
    failed = await box.until(await box.ask("c"))
    assert (failed.state, failed.error_code) == ("failed", "engine_unavailable")
    assert "The fake server one" in (failed.error_message or "")
    assert failed.refunded == failed.charged
    assert not box.scheduler.waiting()


async def test_nor_for_one_that_says_yes_and_takes_nothing(
    open_box: OpenBox, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.scheduling.recovery.FIRST_DELAY", 0.02)
    monkeypatch.setattr("gateway.scheduling.loop.RECONCILE_SECONDS", 60.0)
    cloud.goes("one.work")
    box = await open_box(cloud.toml("one", settings="[settings.jobs]\naway_minutes = 0.005\n"))
    failed = await box.until(await box.ask("c"))
    assert (failed.error_code, failed.failures) == ("engine_unavailable", 0)
    assert failed.error_message == "The fake server one cannot be reached. It was waited for as long as jobs wait here."
    assert failed.tried[0].times > 1


async def test_nor_for_one_that_was_not_there_when_the_gateway_began(open_box: OpenBox, cloud: Cloud) -> None:
    settings = "[settings.jobs]\naway_minutes = 0.005\n"
    job = await (await open_box(cloud.toml("one", settings=settings), start=False)).ask("c")
    cloud.goes("cards")
    box = await open_box(cloud.toml("one", settings=settings))
    failed = await box.until(job)
    assert failed.error_code == "engine_unavailable"
    assert "The fake server cannot be asked." in (failed.error_message or "")
    assert "This waited 0.005 minutes for its engine" in (failed.error_message or "")


async def test_only_those_without_any_server_are_given_up(open_box: OpenBox, cloud: Cloud) -> None:
    cloud.goes("one")
    slow = MODEL + "step_seconds = 0.1\n"
    box = await open_box(cloud.toml("one", "two", settings="[settings.jobs]\naway_minutes = 0.002\n", model=slow))
    jobs = [await box.ask("c") for _ in range(3)]
    for job in jobs:
        assert (await box.until(job)).state == "succeeded"


async def test_a_server_that_says_yes_and_fails_all_the_same_is_given_ever_less(
    open_box: OpenBox, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breaker, "LONGEST_REST", 0.3)
    monkeypatch.setattr("gateway.scheduling.recovery.FIRST_DELAY", 0.0)
    box = await open_box(cloud.toml("one", model=MODEL + 'error = "EngineUnavailable"\n'))
    job = await box.until(await box.ask("c"))
    assert (job.state, job.error_code, job.failures) == ("failed", "engine_unavailable", 2)
    assert len(job.tried) == 1
    assert (job.tried[0].times, job.tried[0].attempt) == (2, 2)
    assert lane(box, "one").unwell_since is not None
    await _until(lambda: lane(box, "one").breaker == "half_open")


async def test_a_failure_of_one_alone_that_is_the_lanes_says_so(open_box: OpenBox, cloud: Cloud) -> None:
    model = MODEL + 'error = "EngineUnavailable"\nerror_alone = true\nerror_attempts = 1\n'
    box = await open_box(cloud.toml("one", model=model))
    states: list[str] = []
    box.bus.listen(lambda event: states.append(lane(box, "one").breaker))
    assert (await box.until(await box.ask("c"))).state == "succeeded"
    assert "open" in states or "half_open" in states
    assert lane(box, "one").breaker == "closed"


async def test_what_an_attempt_cost_and_was_called_stays_with_the_job(open_box: OpenBox, cloud: Cloud) -> None:
    model = MODEL + 'error = "EngineUnavailable"\nerror_attempts = 2\nerror_costs = 0.04\n'
    box = await open_box(cloud.toml("one", model=model))
    done = await box.until(await box.ask("c"))
    assert done.state == "succeeded"
    assert [(each.attempt, each.upstream_id, each.usage) for each in done.tried] == [
        (1, "up-1", {"cost_usd": 0.04}),
        (2, "up-2", {"cost_usd": 0.04}),
    ]


@pytest.mark.parametrize("finds", [True, False])
async def test_what_may_not_be_sent_again_is_looked_up_once_more(open_box: OpenBox, cloud: Cloud, finds: bool) -> None:
    from gateway.jobs import changes

    model = MODEL + f'replay = "reconcile"\nfinds = {str(finds).lower()}\n'
    settings = "[settings.jobs]\nmax_attempts = 1\n"
    box = await open_box(cloud.toml("one", settings=settings, model=model), start=False)
    job = await box.ask("c")
    async with box.db.write() as connection:
        await changes.claim(connection, [job.id], sent=False)
    again = await open_box(cloud.toml("one", settings=settings, model=model))
    ended = await again.until(job)
    assert (ended.state, ended.stored) == (("succeeded", 1) if finds else ("failed", 0))
    assert (ended.attempt, ended.error_code) == (2, None if finds else "engine_crashed")
    assert "stopped 1 times while this ran" in (ended.error_message or "stopped 1 times while this ran")


async def test_the_last_look_is_the_last(open_box: OpenBox, cloud: Cloud) -> None:
    from gateway.jobs import changes

    model = MODEL + 'replay = "reconcile"\nfinds = true\n'
    settings = "[settings.jobs]\nmax_attempts = 1\n"
    box = await open_box(cloud.toml("one", settings=settings, model=model), start=False)
    job = await box.ask("c")
    for _ in range(2):
        async with box.db.write() as connection:
            (claimed,) = await changes.claim(connection, [job.id], sent=False)
            if claimed.attempt == 1:
                await changes.put_back(connection, claimed, failed=True)
    again = await open_box(cloud.toml("one", settings=settings, model=model))
    assert (await again.until(job)).error_code == "engine_crashed"
    assert again.runs() == []


async def test_a_lane_is_woken_for_a_job_and_sleeps_when_none_comes(open_box: OpenBox, cloud: Cloud) -> None:
    cloud.goes("one")
    box = await open_box(cloud.toml("one", settings=sleepy(cloud)))
    await _until(lambda: lane(box, "one").asleep)
    seen = lane(box, "one")
    assert (seen.state, seen.healthy, seen.breaker) == ("asleep", True, "closed")
    assert seen.wake_seconds > 0
    for _ in range(2):
        assert (await box.until(await box.ask("c"))).failures == 0
        await _until(lambda: lane(box, "one").asleep)
        assert (cloud.folder / "one").exists()
    assert 0 < lane(box, "one").wake_seconds < 10, "learned"


async def test_a_lane_that_sleeps_is_not_woken_while_another_is_awake(open_box: OpenBox, cloud: Cloud) -> None:
    cloud.goes("one")
    box = await open_box(cloud.toml("one", "two", settings=sleepy(cloud), model=MODEL + "step_seconds = 0.02\n"))
    await _until(lambda: lane(box, "one").asleep and lane(box, "two").asked_at)
    for job in [await box.ask("c") for _ in range(3)]:
        assert (await box.until(job)).state == "succeeded"
    assert {run["where"] for run in box.runs()} == {"two"}


async def test_a_job_whose_lane_cannot_be_woken_is_given_up_in_the_end(open_box: OpenBox, cloud: Cloud) -> None:
    cloud.goes("one")
    settings = "[settings.jobs]\naway_minutes = 0.02\n" + sleepy(cloud, wake='["false"]')
    box = await open_box(cloud.toml("one", settings=settings))
    failed = await box.until(await box.ask("c"))
    assert (failed.error_code, failed.failures) == ("engine_unavailable", 0)
    assert "could not be woken; an administrator sees why." in (failed.error_message or "")
    assert lane(box, "one").trouble == "It could not be woken: The command false ended with status 1."


async def test_a_canceled_job_wakes_nobody_any_longer(open_box: OpenBox, cloud: Cloud) -> None:
    box = await open_box(cloud.toml("one", settings=sleepy(cloud, wake='["sleep", "60"]')))
    job = await box.ask("c")
    await _until(lambda: lane(box, "one").state == "waking")
    assert (await box.cancel(job)).state == "canceled"
    await _until(lambda: lane(box, "one").state != "waking")
    assert lane(box, "one").healthy


async def test_a_device_that_sleeps_holds_no_model(open_box: OpenBox, tmp_path: Path) -> None:
    log = tmp_path / "log"
    said = {word: f'["sh", "-c", "echo {word} >> {log}"]' for word in ("wake", "sleep")}
    box = await open_box(f"[lanes.cpu]\nwake = {said['wake']}\nsleep = {said['sleep']}\nidle_seconds = 1\n", m="")
    await box.until(await box.ask())
    await _until(lambda: box.scheduler.lanes()[0].asleep)
    assert log.read_text().split()[-2:] == ["wake", "sleep"]
    assert box.scheduler.lanes()[0].residents == ()
    assert box.calls("unload") == ["m"]
    await box.until(await box.ask())
    assert box.calls("load") == ["m", "m"]
    assert log.read_text().split().count("wake") == 2


async def test_a_table_for_no_lane_is_told(open_box: OpenBox, cloud: Cloud, caplog: pytest.LogCaptureFixture) -> None:
    box = await open_box(cloud.toml("one", "two", settings=sleepy(cloud, "clowd/one") + sleepy(cloud, "cloud")), start=False)
    assert "[lanes.clowd/one] is the name of no lane and no engine; there are cpu, cloud/one, cloud/two" in caplog.text
    asleep = {each.name: bool(each.sleeper) for each in box.scheduler._lanes}
    assert asleep == {"cpu": False, "cloud/one": True, "cloud/two": True}, "an engine's name stands for all its lanes"


async def test_jobs_of_one_checkpoint_go_together(open_box: OpenBox, cloud: Cloud) -> None:
    models = "".join(
        f'[[models]]\nid = "{name}"\nengine = "cloud"\nsource = "fake:{name}"\nmax_batch = 1\nloads = "{loads}"\n'
        for name, loads in (("a", "sd15"), ("b", "sdxl"), ("c", "sd15"))
    )
    box = await open_box(cloud.toml("one", model=models), start=False)
    jobs = [await box.ask(name) for name in ("a", "b", "c", "b", "a")]
    await box.start()
    for job in jobs:
        assert (await box.until(job)).state == "succeeded"
    assert [run["model"] for run in box.runs()] == ["a", "c", "a", "b", "b"]
