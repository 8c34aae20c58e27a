"""Every end of a job owes its webhook one call, in the same transaction; no end that did not happen owes one."""

from __future__ import annotations

import asyncio

import pytest

from gateway.jobs import changes
from gateway.jobs.records import Job
from gateway.jobs.submit import retried
from gateway.webhooks import deliveries
from tests.scheduling.conftest import Box, OpenBox

URL = "https://receiver.example/hook"


async def owed(box: Box) -> list[tuple[str, str]]:
    async with box.db.read() as connection:
        found = await deliveries.newest(connection, box.principal.team_id, limit=100)
    return sorted((each.job_id, each.event) for each in found)


async def claim(box: Box, job: Job) -> Job:
    async with box.db.write() as connection:
        (running,) = await changes.claim(connection, [job.id], sent=False)
    return running


@pytest.fixture
async def box(open_box: OpenBox) -> Box:
    return await open_box(start=False, m="")


async def test_a_success_and_a_failure_of_a_running_job(open_box: OpenBox) -> None:
    box = await open_box(m="", broken='error = "ModelUnusable"')
    good, bad, quiet = await box.ask(webhook=URL), await box.ask("broken", webhook=URL), await box.ask()
    for job in (good, bad, quiet):
        await box.until(job)
    assert await owed(box) == sorted([(good.id, "task.succeeded"), (bad.id, "task.failed")])


async def test_a_queued_job_that_is_canceled_and_one_whose_model_is_gone(box: Box) -> None:
    canceled, removed = await box.ask(webhook=URL), await box.ask(webhook=URL)
    await box.cancel(canceled)
    await box.cancel(canceled)
    async with box.db.write() as connection:
        assert await changes.fail_queued(connection, removed, "model_removed", "gone")
        assert await changes.fail_queued(connection, removed, "model_removed", "gone") is None
    assert await owed(box) == sorted([(canceled.id, "task.canceled"), (removed.id, "task.failed")])


async def test_of_a_cancel_and_an_end_that_come_at_once_one_is_told(box: Box) -> None:
    job = await claim(box, await box.ask(webhook=URL))

    async def finish() -> None:
        async with box.db.write() as connection:
            await changes.finish(connection, job)

    await asyncio.gather(finish(), box.cancel(job), finish())
    assert len(await owed(box)) == 1


async def test_a_job_that_goes_back_into_the_queue_owes_nothing(box: Box) -> None:
    job = await claim(box, await box.ask(webhook=URL))
    async with box.db.write() as connection:
        assert await changes.put_back(connection, job, failed=True)
        assert await changes.finish(connection, job) is None
    assert await owed(box) == []


async def test_an_end_that_is_rolled_back_owes_nothing(box: Box) -> None:
    job = await claim(box, await box.ask(webhook=URL))

    async def fail() -> None:
        async with box.db.write() as connection:
            await changes.finish(connection, job)
            raise KeyError

    with pytest.raises(KeyError):
        await fail()
    assert await owed(box) == []
    assert (await box.job(job)).state == "running"


async def test_a_retry_calls_the_same_address(box: Box) -> None:
    job = await box.ask(webhook=URL)
    await box.cancel(job)
    assert (await retried(box.db, box.principal, job.id)).webhook == URL
