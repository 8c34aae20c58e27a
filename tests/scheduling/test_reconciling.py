"""A database that goes away at the worst moments: what was accepted is made, once, and everyone hears of its end."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.exc import OperationalError

from gateway.db import Database, across_teams
from gateway.errors import StorageFull, StorageUnavailable
from gateway.events import Bus, Event, JobChanged
from gateway.jobs import changes
from gateway.jobs.admission import admission
from gateway.jobs.tables import jobs
from tests.scheduling.conftest import Box, OpenBox


class Outage:
    """A database whose connection can be cut: before a statement, or between a commit and its answer."""

    def __init__(self, db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        self.lost = False
        self.answers_lost = 0
        """How many commits from now on succeed without anyone hearing of it."""
        self._write, self._read = db.write, db.read
        monkeypatch.setattr(db, "write", lambda: self._over(self._write, writes=True))
        monkeypatch.setattr(db, "read", lambda: self._over(self._read, writes=False))

    @asynccontextmanager
    async def _over(self, real: Callable[[], AbstractAsyncContextManager[Any]], *, writes: bool) -> AsyncIterator[Any]:
        if self.lost:
            raise StorageUnavailable("The database cannot be reached.")
        async with real() as connection:
            yield connection
        if writes and self.answers_lost:
            self.answers_lost -= 1
            raise StorageUnavailable("The database cannot be reached.")


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.scheduling.loop.PROBE_SECONDS", 0.02)
    monkeypatch.setattr("gateway.scheduling.loop.RECONCILE_SECONDS", 0.05)


async def _until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not true():
            await asyncio.sleep(0.01)


def _ends(bus: Bus) -> list[tuple[str, str]]:
    heard: list[tuple[str, str]] = []

    def hear(event: Event) -> None:
        if isinstance(event, JobChanged) and event.state in ("succeeded", "failed", "canceled"):
            heard.append((event.job_id, event.state))

    bus.listen(hear)
    return heard


def _nothing_is_counted(box: Box) -> bool:
    return (
        not admission(box.bus).live() and not box.scheduler.waiting() and all(not lane.jobs for lane in box.scheduler.lanes())
    )


@pytest.mark.parametrize("seconds", [0.0, 0.5])
async def test_a_lost_database_loses_nothing(open_box: OpenBox, monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """It comes back at once, or after the pictures were made and the jobs' ends could not be written."""
    box = await open_box(m="step_seconds = 0.02")
    outage = Outage(box.db, monkeypatch)
    running, waiting = await box.until(await box.ask(), "running"), await box.ask("m", n=2, steps=2)
    outage.lost = True
    await _until(lambda: box.scheduler.blocked is not None)
    await asyncio.sleep(seconds)
    outage.lost = False
    for job in (running, waiting):
        done = await box.until(job)
        assert (done.state, done.stored) == ("succeeded", job.pictures)
    await _until(lambda: box.scheduler.blocked is None and _nothing_is_counted(box))


class FullDisk:
    """The writer of a database whose disk can be full; what is there can be read."""

    def __init__(self, db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        self.full = False
        self._writer = db._writer
        monkeypatch.setattr(db, "_writer", self)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Any]:
        async with self._writer.begin() as connection:
            yield connection
            if self.full:
                cause = sqlite3.OperationalError("database or disk is full")
                cause.sqlite_errorcode = sqlite3.SQLITE_FULL
                raise OperationalError("COMMIT", None, cause)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._writer, name)


async def test_a_database_that_cannot_be_written_is_told_until_it_can(
    open_box: OpenBox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What waits is not lost, and not tried in a circle."""
    box = await open_box(m="", start=False)
    job = await box.ask()
    disk = FullDisk(box.db, monkeypatch)
    disk.full = True
    await box.start()
    await _until(lambda: box.scheduler.blocked is not None)
    await asyncio.sleep(0.2)
    assert "database's disk is full; make room" in (box.scheduler.blocked or "")
    assert box.db.trouble == box.scheduler.blocked
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == [
        f"no lane claims any more: {box.scheduler.blocked}"
    ]
    with pytest.raises(StorageFull):
        await box.db.check()
    disk.full = False
    assert (await box.until(job)).state == "succeeded"
    assert (box.scheduler.blocked, box.db.trouble) == (None, None)


async def test_a_job_whose_acceptance_nobody_heard_of_is_made(open_box: OpenBox, monkeypatch: pytest.MonkeyPatch) -> None:
    box = await open_box(m="")
    outage = Outage(box.db, monkeypatch)
    heard = _ends(box.bus)
    outage.answers_lost = 1
    with pytest.raises(StorageUnavailable):
        await box.ask()
    await _until(lambda: len(heard) == 1)
    assert heard[0][1] == "succeeded"
    assert len(box.runs()) == 1
    assert _nothing_is_counted(box)


@pytest.mark.parametrize("lost", [1, 2, 3, 4])
async def test_commits_without_an_answer_at_any_place(open_box: OpenBox, monkeypatch: pytest.MonkeyPatch, lost: int) -> None:
    """Of the claim, and with it of the next commits: of a picture, of the end, of the recovery."""
    box = await open_box(m="", start=False)
    heard = _ends(box.bus)
    job = await box.ask(n=2)
    await box.start()
    outage = Outage(box.db, monkeypatch)
    outage.answers_lost = lost
    done = await box.until(job)
    assert (done.state, done.stored, len(await box.images(done))) == ("succeeded", 2, 2)
    await _until(lambda: _nothing_is_counted(box))
    assert (job.id, "succeeded") in heard


async def test_the_end_that_nobody_announced_is_told(open_box: OpenBox) -> None:
    box = await open_box(m="step_seconds = 0.05")
    heard = _ends(box.bus)
    running = await box.until(await box.ask(steps=20), "running")
    waiting = await box.ask()
    for job in (running, waiting):
        async with box.db.write() as connection:
            await changes.cancel(connection, job.team_id, job.id)
    await _until(lambda: _nothing_is_counted(box))
    assert sorted(heard) == sorted([(running.id, "canceled"), (waiting.id, "canceled")])


async def test_what_may_have_felled_the_gateway_takes_no_mates_along(open_box: OpenBox) -> None:
    """What ran when it fell, and what did so before and still waits: each by itself, and each fall counts."""
    box = await open_box(m="max_batch = 4", start=False)
    ran, fell_before, *others = [await box.ask() for _ in range(4)]
    async with box.db.write() as connection:
        await changes.claim(connection, [ran.id], sent=False)
        await connection.execute(across_teams(update(jobs)).where(jobs.c.id == fell_before.id).values(failures=1))
    await box.start()
    for job in (ran, fell_before, *others):
        assert (await box.until(job)).state == "succeeded"
    batches = {frozenset(run["requests"]) for run in box.runs()}
    assert batches == {frozenset({ran.id}), frozenset({fell_before.id}), frozenset(job.id for job in others)}
    assert (await box.job(ran)).failures == 1


async def test_rows_that_a_claim_does_not_win_are_forgotten(open_box: OpenBox, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a limit of one running job a leak would keep every later job of the user waiting for good."""
    monkeypatch.setattr("gateway.scheduling.loop.RECONCILE_SECONDS", 60.0)
    box = await open_box("[settings.limits.user]\nrunning_jobs = 1\n", m="", start=False)
    gone = await box.ask()
    await box.start()  # it knows the job as queued, and decides to run it …
    async with box.db.write() as connection:
        ended = across_teams(update(jobs)).where(jobs.c.id == gone.id).values(state="canceled", version=2)
        await connection.execute(ended)
    assert (await box.until(await box.ask())).state == "succeeded"


async def test_a_stumble_is_survived(
    open_box: OpenBox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    box = await open_box(m="")
    real, times = changes.claim, 0

    async def claim(*args: Any, **more: Any) -> Any:
        nonlocal times
        times += 1
        if times == 1:
            raise RuntimeError("nobody foresaw this")
        return await real(*args, **more)

    monkeypatch.setattr(changes, "claim", claim)
    assert (await box.until(await box.ask())).state == "succeeded"
    assert "nobody foresaw this" in caplog.text
