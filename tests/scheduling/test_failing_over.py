"""Fail-over: who takes a job that left its model to us, when, and what stays as it was."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from engines.contract import EngineUnavailable
from gateway.api.tasks.wire import progress_of
from gateway.db import Database
from gateway.events import Event, JobQueued
from gateway.jobs import changes
from gateway.jobs.records import Job
from gateway.jobs.request import Submission
from gateway.jobs.submit import submit
from gateway.wallet import usage
from tests.fakes.fake_engine import FakeRemoteEngine
from tests.scheduling.conftest import Box, OpenBox

ON = '[settings.jobs]\nfail_over = ["auto"]\nmax_attempts = 1\naway_minutes = 0.005\n'
FAR = '[engines.far]\nplugin = "fake-remote"\nservers = ["one"]\n'
CLOUD = '\n[[models]]\nid = "cloud"\nengine = "far"\nsource = "fake:cloud"\n'
PRICES = "[tariffs.m]\notherwise = 7\n[tariffs.spare]\notherwise = 1\n"


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.scheduling.failing_over.GRACE_SECONDS", 0.05)
    monkeypatch.setattr("gateway.scheduling.loop.LOOK_SECONDS", 0.02)
    monkeypatch.setattr("gateway.scheduling.loop.RECONCILE_SECONDS", 0.05)


async def ask(box: Box, model: str = "m", named: str | None = "auto", **more: Any) -> Job:
    """A job that is given to this model, as routing would; `named` is what the caller said."""
    asked = Submission(**{"surface": "tasks", "capability": "text_to_image", "prompt": "a cat", "model": named, **more})
    return await submit(box.db, box.bus, box.models.offers[model], box.principal, asked, box.models.catalog)


async def counted(db: Database) -> dict[str | None, tuple[int, int, int]]:
    """Jobs, pictures and charge by model."""
    async with db.read() as connection:
        lines = await usage.report(connection, by=("model",), limit=10)
    return {line.model: (line.jobs, line.pictures, line.charged) for line in lines}


async def test_the_next_model_makes_it_at_the_price_that_was_charged(open_box: OpenBox) -> None:
    box = await open_box(ON + PRICES, m='load_error = "ModelUnusable"', spare="")
    done = await box.until(await ask(box, n=2, seed=5))
    assert (done.state, done.model, done.engine, done.stored) == ("succeeded", "spare", "fake", 2)
    assert (done.price, done.charged, done.refunded) == (70_000, 140_000, 0)
    assert done.revision == box.models.offers["spare"].entry.revision
    (left,) = done.request.moved_from
    assert (left.model, left.code) == ("m", "model_unusable")
    assert "ModelUnusable" in left.message
    pictures = await box.images(done)
    assert [(each.model, each.seed) for each in pictures] == [("spare", 5), ("spare", 6)], "each names who made it"
    assert await counted(box.db) == {"m": (0, 0, 0), "spare": (1, 2, 140_000)}
    tried = [(each.model, each.code) for each in done.tried]
    assert tried == [("m", "model_unusable")]


@pytest.mark.parametrize(
    ("error", "moves"),
    [
        ("EngineUnavailable", True),
        ("UpstreamRateLimited", True),
        ("EngineCrashed", True),
        ("crash", True),
        ("OutOfMemory", True),
        ("ModelUnusable", True),
        ("ContentRejected", False),
        ("InvalidRequest", False),
        ("UpstreamOutcomeUnknown", False),
    ],
)
async def test_only_what_another_may_do_better_goes_to_another(open_box: OpenBox, error: str, moves: bool) -> None:
    box = await open_box(ON + FAR, spare=f'{CLOUD}error = "{error}"')
    ended = await box.until(await ask(box, "cloud"))
    assert (ended.state, ended.model) == (("succeeded", "spare") if moves else ("failed", "cloud"))


async def test_what_was_said_of_the_work_is_of_the_next_models_own(open_box: OpenBox) -> None:
    box = await open_box(ON, m='load_error = "ModelUnusable"', spare="defaults = { steps = 40 }\nlimits = { steps = [30, 50] }")
    job = await ask(box, work=2.0)
    assert job.request.steps == 8
    done = await box.until(job)
    assert (done.state, done.model, done.request.steps) == ("succeeded", "spare", 50)


async def test_a_team_is_not_given_a_model_that_it_may_not_ask_for(open_box: OpenBox) -> None:
    toml = ON.replace('"auto"', '"spare", "auto"')
    box = await open_box(toml, m='error = "ModelUnusable"', spare='teams = ["others"]', third="")
    done = await box.until(await ask(box))
    assert (done.state, done.model) == ("succeeded", "third")


async def test_what_may_have_been_paid_for_is_not_made_elsewhere(open_box: OpenBox) -> None:
    box = await open_box(ON, m='replay = "never"\nerror = "crash"', spare="")
    ended = await box.until(await ask(box))
    assert (ended.state, ended.model, ended.error_code) == ("failed", "m", "upstream_outcome_unknown")


@pytest.mark.parametrize(("toml", "named"), [(ON, "m"), ("[settings.jobs]\nmax_attempts = 1\n", "auto")])
async def test_a_model_that_was_named_keeps_its_jobs_and_so_does_each_unless_configured(
    open_box: OpenBox, toml: str, named: str
) -> None:
    box = await open_box(toml, m='error = "EngineCrashed"', spare="")
    ended = await box.until(await ask(box, named=named))
    assert (ended.state, ended.model, ended.error_code) == ("failed", "m", "engine_crashed")


async def test_it_goes_on_until_one_can_and_to_none_twice(open_box: OpenBox) -> None:
    toml = ON.replace('"auto"', '"second", "m", "small", "third"')
    fails = 'error = "EngineCrashed"'
    box = await open_box(toml, m=fails, second=fails, small="limits = { max_images = 1 }", third="", other="")
    done = await box.until(await ask(box, n=2))
    assert (done.state, done.model) == ("succeeded", "third"), "small makes one picture only"
    assert [each.model for each in done.request.moved_from] == ["m", "second"]


async def test_where_nobody_can_the_last_words_are_told(open_box: OpenBox) -> None:
    box = await open_box(ON, m='error = "EngineCrashed"', spare='error = "ModelUnusable"')
    ended = await box.until(await ask(box))
    assert (ended.state, ended.model, ended.error_code) == ("failed", "spare", "model_unusable")
    assert (ended.charged, ended.refunded) == (ended.charged, ended.charged)


async def test_what_waits_for_a_lane_that_is_gone_is_relieved(open_box: OpenBox, tmp_path: Path) -> None:
    """One finds out; the others do not wait for their turn to."""
    (tmp_path / "one").touch()
    toml = ON.replace("away_minutes = 0.005", "away_minutes = 10") + FAR + f'away = "{tmp_path}"\n'
    box = await open_box(toml, spare=CLOUD)
    waiting = [await ask(box, "cloud") for _ in range(4)]
    named = await ask(box, "cloud", named="cloud")
    ended = [await box.until(job) for job in waiting]
    assert [(job.state, job.model) for job in ended] == [("succeeded", "spare")] * 4
    assert {job.request.moved_from[0].code for job in ended} == {"engine_unavailable"}
    assert (await box.job(named)).state in ("queued", "running"), "whoever chose it waits for it"


async def test_those_that_nobody_can_take_do_not_keep_the_others_waiting(
    open_box: OpenBox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("gateway.scheduling.failing_over.AT_ONCE", 1)
    (tmp_path / "one").touch()
    toml = ON.replace("away_minutes = 0.005", "away_minutes = 10") + FAR + f'away = "{tmp_path}"\n'
    box = await open_box(toml, spare=f"limits = {{ max_images = 1 }}\n{CLOUD}")
    large = [await ask(box, "cloud", n=2) for _ in range(2)]
    done = await box.until(await ask(box, "cloud"))
    assert (done.state, done.model) == ("succeeded", "spare")
    assert {(await box.job(job)).model for job in large} == {"cloud"}


async def test_a_job_that_is_canceled_meanwhile_stays_so(open_box: OpenBox) -> None:
    box = await open_box(ON, m="", spare="", start=False)
    job = await ask(box)
    canceled = await box.cancel(job)
    assert not await box.scheduler._fail_over.move(job, "engine_unavailable", "away")
    assert (await box.job(job)).state == canceled.state == "canceled"


async def test_a_job_that_a_lane_has_in_hand_is_left_to_it(open_box: OpenBox) -> None:
    box = await open_box(ON, m="", spare="", start=False)
    job = await ask(box)
    assert not await box.scheduler._fail_over.move(job, "engine_unavailable", "away", take=lambda: False)
    assert (await box.job(job)).version == job.version
    async with box.db.write() as connection:
        await changes.claim(connection, [job.id], sent=False)
    assert not await box.scheduler._fail_over.move(job, "engine_unavailable", "away")


async def test_a_model_that_is_gone_leaves_its_jobs_to_another(open_box: OpenBox) -> None:
    box = await open_box(m="", start=False)
    open_, named = await ask(box), await ask(box, named="m")
    again = await open_box(ON, other="")
    done = await again.until(open_)
    assert (done.state, done.model, done.request.moved_from[0].code) == ("succeeded", "other", "model_removed")
    assert (await again.until(named)).error_code == "model_removed"


class Away:
    """The far engine's server: asked for cards, it is away until it is back."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.away = True
        real = FakeRemoteEngine.card

        async def card(engine: FakeRemoteEngine, model: Any) -> Any:
            if self.away:
                raise EngineUnavailable("The far server cannot be reached.")
            return await real(engine, model)

        monkeypatch.setattr(FakeRemoteEngine, "card", card)


async def test_jobs_of_a_server_that_is_away_at_the_start_wait_for_it(
    open_box: OpenBox, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await open_box(FAR, spare=CLOUD, start=False)
    job = await ask(first, "cloud", named="cloud")
    server = Away(monkeypatch)
    box = await open_box(FAR, spare=CLOUD)
    heard: list[Event] = []
    box.bus.listen(heard.append)
    assert set(box.models.away) == {"cloud"}
    assert box.scheduler.is_away("cloud")
    await asyncio.sleep(0.2)
    waits = await box.job(job)
    assert waits.state == "queued", "it is not refused"
    assert "it waits until that is back" in str(progress_of(waits, box.scheduler).reason)
    assert not heard, "nor announced again and again"
    server.away = False
    assert await box.models.ask_again(1e12)
    box.scheduler.models_changed()
    assert (await box.until(job)).state == "succeeded"
    assert any(isinstance(event, JobQueued) for event in heard)


async def test_where_others_may_step_in_they_do_not_wait_long_for_it(
    open_box: OpenBox, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await open_box(FAR, spare=CLOUD, start=False)
    job, named = await ask(first, "cloud"), await ask(first, "cloud", named="cloud")
    Away(monkeypatch)
    box = await open_box(ON.replace("away_minutes = 0.005", "away_minutes = 10") + FAR, spare=CLOUD)
    assert (await box.until(job)).model == "spare"
    assert (await box.job(named)).state == "queued"
