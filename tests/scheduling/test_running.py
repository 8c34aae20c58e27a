"""From an accepted job to stored pictures, and every way in which that can go wrong on the way."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import delete, update

from gateway.db import across_teams
from gateway.errors import InvalidInput, StorageFull
from gateway.events import JobProgress
from gateway.images.tables import images
from gateway.jobs import changes
from gateway.jobs.records import Job, newest
from gateway.jobs.tables import jobs
from gateway.scheduling.loop import Scheduler
from gateway.storage import carriage
from gateway.storage.reading import read
from tests.scheduling.conftest import OpenBox


async def test_a_job_becomes_pictures(open_box: OpenBox) -> None:
    box = await open_box(m="")
    job = await box.until(await box.ask(n=3, seed=7, width=64, height=96))
    assert (job.state, job.stored, job.attempt, job.failures) == ("succeeded", 3, 1, 0)
    kept = await box.images(job)
    assert [(image.ordinal, image.seed, image.width, image.height) for image in kept] == [
        (0, 7, 64, 96),
        (1, 8, 64, 96),
        (2, 9, 64, 96),
    ]
    picture = read(await box.blobs.get(kept[0].blob))
    assert picture.pixels.shape == (96, 64, 3)
    assert kept[0].media_type == "image/png"


async def test_the_same_request_gives_the_same_bytes(open_box: OpenBox) -> None:
    box = await open_box(m="")
    blobs = [(await box.images(await box.until(await box.ask(seed=5))))[0].blob for _ in range(2)]
    assert blobs[0] == blobs[1]


async def test_an_unset_seed_is_drawn_and_kept(open_box: OpenBox) -> None:
    box = await open_box(m="")
    one, two = await box.ask(), await box.ask()
    assert one.request.seed is not None
    assert 0 <= one.request.seed < 2**32
    assert one.request.seed != two.request.seed


async def test_what_waits_together_runs_together(open_box: OpenBox) -> None:
    box = await open_box(m="max_batch = 4", start=False)
    jobs = [await box.ask() for _ in range(6)]
    await box.start()
    for job in jobs:
        assert (await box.until(job)).state == "succeeded"
    assert [len(run["requests"]) for run in box.runs()] == [4, 2]


async def test_a_refusal_writes_nothing(open_box: OpenBox) -> None:
    box = await open_box(m="")
    with pytest.raises(InvalidInput) as caught:
        await box.ask(prompt="refuse me")
    assert caught.value.field == "prompt"
    async with box.db.read() as connection:
        assert await newest(connection, box.principal.team_id, limit=5) == []


async def test_progress_and_previews_only_while_watched(open_box: OpenBox) -> None:
    box = await open_box(m="step_seconds = 0.03")
    seen: list[JobProgress] = []
    box.bus.listen(lambda event: seen.append(event) if isinstance(event, JobProgress) else None)
    await box.until(await box.ask(steps=3))
    assert [(event.step, event.steps) for event in seen if event.phase == "running"] == [(1, 3), (2, 3), (3, 3)]
    assert not any(event.preview for event in seen)
    seen.clear()
    job = await box.ask(steps=3)
    with box.bus.watch(job.id):
        await box.until(job)
    previews = [event.preview for event in seen if event.preview]
    assert previews
    assert {carriage.source_type_of(each, "image/jpeg") for each in previews} == {"trainedAlgorithmicMedia"}


async def test_cancel_while_queued_never_runs(open_box: OpenBox) -> None:
    box = await open_box(m="", start=False)
    job = await box.ask()
    assert (await box.cancel(job)).state == "canceled"
    await box.start()
    other = await box.until(await box.ask())
    assert other.state == "succeeded"
    assert [run["requests"] for run in box.runs()] == [[other.id]]


async def test_cancel_while_running_stops_and_keeps_no_picture(open_box: OpenBox) -> None:
    box = await open_box(m="hang = true", n="")
    job = await box.until(await box.ask(), "running")
    await box.cancel(job)
    assert (await box.until(await box.ask("n"))).state == "succeeded"
    assert (await box.job(job)).state == "canceled"
    assert await box.images(job) == []


async def test_cancel_between_claim_and_run_is_not_lost(open_box: OpenBox, monkeypatch: pytest.MonkeyPatch) -> None:
    box = await open_box(m="hang = true", n="")
    held, go = asyncio.Event(), asyncio.Event()
    missing = box.scheduler._keeper.missing

    async def slowly(job: Job) -> tuple[int, ...]:
        held.set()
        await go.wait()
        return await missing(job)

    monkeypatch.setattr(box.scheduler._keeper, "missing", slowly)
    job = await box.ask()
    await held.wait()
    assert (await box.cancel(job)).state == "canceled"
    go.set()
    assert (await box.until(await box.ask("n"))).state == "succeeded"  # the lane is not stuck with the other


async def test_cancel_of_one_in_a_batch_leaves_its_mate(open_box: OpenBox) -> None:
    box = await open_box(m="step_seconds = 0.05", start=False)
    one, two = await box.ask(), await box.ask()
    await box.start()
    await box.until(one, "running")
    await box.cancel(one)
    assert (await box.until(two)).state == "succeeded"
    assert (await box.job(one)).state == "canceled"
    assert await box.images(one) == []


@pytest.mark.parametrize("error", ["InvalidRequest", "ContentRejected", "ModelUnusable"])
async def test_errors_that_no_retry_mends_end_the_job(open_box: OpenBox, error: str) -> None:
    box = await open_box(m=f'error = "{error}"')
    job = await box.until(await box.ask())
    assert job.state == "failed"
    assert job.error_message == f"The fake engine raised {error} as it was told."
    assert len(box.runs()) == 1


async def test_a_passing_fault_is_tried_again(open_box: OpenBox) -> None:
    box = await open_box(m='error = "UpstreamRateLimited"\nerror_attempts = 1')
    job = await box.until(await box.ask())
    assert (job.state, job.attempt, job.failures) == ("succeeded", 2, 0)


async def test_a_moment_that_passes_while_it_is_decided_is_not_slept_through(
    open_box: OpenBox, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Scheduler._assign

    def slowly(scheduler: Scheduler, now: float) -> None:
        real(scheduler, now)
        time.sleep(0.2)

    monkeypatch.setattr(Scheduler, "_assign", slowly)
    box = await open_box(m='error = "UpstreamRateLimited"\nerror_attempts = 1')
    async with asyncio.timeout(10):
        assert (await box.until(await box.ask())).attempt == 2


async def test_one_request_of_a_batch_may_fail_alone(open_box: OpenBox) -> None:
    box = await open_box(m='error = "ContentRejected"\nerror_words = "bad"\nerror_alone = true', start=False)
    good, bad = await box.ask(), await box.ask(prompt="a bad cat")
    await box.start()
    assert (await box.until(good)).state == "succeeded"
    assert (await box.until(bad)).error_code == "content_rejected"


async def test_out_of_memory_goes_alone_and_then_saving(open_box: OpenBox) -> None:
    box = await open_box(m="fits = 1\nfits_saving = 2", start=False)
    jobs = [await box.ask(), await box.ask(), await box.ask(n=2)]
    await box.start()
    for job in jobs:
        assert (await box.until(job)).state == "succeeded"
    runs = box.runs()
    assert len(runs[0]["requests"]) == 3
    assert all(len(run["requests"]) == 1 for run in runs[1:])
    assert [run["pictures"] for run in runs if run["saving"]] == [2]


async def test_a_poisonous_job_takes_no_mates_along(open_box: OpenBox, caplog: pytest.LogCaptureFixture) -> None:
    box = await open_box("[settings.jobs]\nmax_attempts = 2\n", m='error = "crash"\nerror_words = "poison"', start=False)
    good, bad = await box.ask(), await box.ask(prompt="poison")
    await box.start()
    assert (await box.until(good)).state == "succeeded"
    failed = await box.until(bad)
    assert (failed.state, failed.error_code) == ("failed", "engine_crashed")
    assert "ZeroDivisionError" in caplog.text


async def test_broken_weights_fail_the_job_and_not_the_lane(open_box: OpenBox) -> None:
    box = await open_box(broken='load_error = "ModelUnusable"', m="")
    assert (await box.until(await box.ask("broken"))).error_code == "model_unusable"
    assert (await box.until(await box.ask("m"))).state == "succeeded"


async def test_models_that_do_not_fit_together_take_turns(open_box: OpenBox) -> None:
    size = 400 << 20
    box = await open_box(a=f"takes_bytes = {size}", b=f"takes_bytes = {size}")
    for model in ("a", "b", "b", "a"):
        assert (await box.until(await box.ask(model))).state == "succeeded"
    assert box.calls("load") == ["a", "b", "a"]
    assert box.calls("unload") == ["a", "b"]


async def test_remote_lanes_share_the_load(open_box: OpenBox, tmp_path: Path) -> None:
    cloud = f'[engines.cloud]\nplugin = "fake-remote"\nservers = ["one", "two"]\njournal = "{tmp_path / "journal"}"\n'
    model = '[[models]]\nid = "c"\nengine = "cloud"\nsource = "fake:c"\nstep_seconds = 0.03\nmax_batch = 1\n'
    box = await open_box(cloud + model)
    jobs = [await box.ask("c") for _ in range(4)]
    for job in jobs:
        assert (await box.until(job)).state == "succeeded"
    assert {run["where"] for run in box.runs()} == {"one", "two"}


async def test_a_full_disk_stops_claiming_and_loses_nothing(open_box: OpenBox, monkeypatch: pytest.MonkeyPatch) -> None:
    box = await open_box(m="")
    full = True
    put, check = box.blobs.put, box.blobs.check

    async def refuse(*args: object) -> object:
        if full:
            raise StorageFull("The blob store has no space left; make room and it goes on by itself.")
        return await put(*args)  # type: ignore[arg-type]

    async def probe() -> None:
        if full:
            raise StorageFull("The blob store has no space left; make room and it goes on by itself.")
        await check()

    monkeypatch.setattr(box.blobs, "put", refuse)
    monkeypatch.setattr(box.blobs, "check", probe)
    monkeypatch.setattr("gateway.scheduling.loop.PROBE_SECONDS", 0.02)
    job = await box.ask()
    await _until(lambda: box.scheduler.blocked is not None)
    assert (await box.until(job, "queued")).failures == 0
    later = await box.ask()
    place = box.scheduler.place(later.id)
    assert place is not None
    assert "no space left" in place.reason
    full = False
    assert (await box.until(job)).state == "succeeded"
    assert (await box.until(later)).state == "succeeded"


async def test_stop_puts_back_and_the_next_start_finishes(open_box: OpenBox) -> None:
    box = await open_box(m="step_seconds = 0.1")
    job = await box.until(await box.ask(steps=50), "running")
    await box.scheduler.stop()
    assert (await box.job(job)).state == "queued"
    again = await open_box(m="")
    done = await again.until(job)
    assert (done.state, done.stored, done.failures) == ("succeeded", 1, 0)


async def test_a_crash_leaves_running_rows_that_the_next_start_finishes_once(open_box: OpenBox) -> None:
    box = await open_box(m="", start=False)
    job = await box.ask(n=2)
    async with box.db.write() as connection:
        [claimed] = await changes.claim(connection, [job.id], sent=False)
    assert claimed.state == "running"
    again = await open_box(m="")
    done = await again.until(job)
    assert (done.state, done.stored, done.attempt, done.failures) == ("succeeded", 2, 2, 1)
    assert [image.ordinal for image in await again.images(job)] == [0, 1]


async def test_only_the_missing_pictures_are_made_again(open_box: OpenBox) -> None:
    box = await open_box(m='error = "EngineUnavailable"\nerror_step = 3\nerror_attempts = 1', start=False)
    job = await box.ask(n=2, seed=3)
    await box.start()
    first = await box.until(job)
    assert (first.stored, first.attempt) == (2, 2)
    async with box.db.write() as connection:
        await connection.execute(across_teams(delete(images)).where(images.c.job_id == job.id, images.c.ordinal == 0))
        await connection.execute(across_teams(update(jobs)).where(jobs.c.id == job.id).values(state="running", stored=1))
    again = await open_box(m="")
    done = await again.until(job)
    assert [(image.ordinal, image.seed) for image in await again.images(done)] == [(0, 3), (1, 4)]
    assert again.runs()[-1]["pictures"] == 1


async def test_a_job_that_lacks_only_its_end_holds_no_lane(open_box: OpenBox) -> None:
    """A crash came between its last picture and its end: nothing is left to make."""
    box = await open_box(m="", start=False)
    job = await box.ask(n=2)
    await box.start()
    await box.until(job)
    async with box.db.write() as connection:
        unended = {"state": "running", "finished_at": None}
        await connection.execute(across_teams(update(jobs)).where(jobs.c.id == job.id).values(unended))
    again = await open_box(m="")
    done = await again.until(job)
    assert (done.state, done.stored, len(await again.images(done))) == ("succeeded", 2, 2)
    assert (await again.until(await again.ask())).state == "succeeded"


async def test_a_paid_upstream_is_never_asked_twice(open_box: OpenBox) -> None:
    box = await open_box(m='replay = "never"', start=False)
    job = await box.ask()
    async with box.db.write() as connection:
        await changes.claim(connection, [job.id], sent=True)
    again = await open_box(m='replay = "never"')
    failed = await again.until(job)
    assert (failed.state, failed.error_code) == ("failed", "upstream_outcome_unknown")
    assert again.runs() == []


async def test_a_model_that_is_gone_fails_its_queued_jobs(open_box: OpenBox) -> None:
    box = await open_box(m="", start=False)
    job = await box.ask()
    again = await open_box(other="")
    failed = await again.until(job)
    assert (failed.state, failed.error_code) == ("failed", "model_removed")


async def _until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not true():
            await asyncio.sleep(0.01)
