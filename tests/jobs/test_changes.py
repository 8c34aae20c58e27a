"""Each change of a job's state, tried on a job as it may stand: it takes where it should, and else changes nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec
import pytest

from gateway.db import Database
from gateway.jobs import changes
from gateway.jobs.records import Job
from tests.wallet.till import Till, check_books

PICTURES = 2


@pytest.fixture
async def till(database: Database) -> Till:
    till = await Till.open(database)
    await till.give(1000)
    return till


async def claimed(till: Till, job: Job, *, sent: bool = False) -> Job:
    (job,) = await till.run(changes.claim, [job.id], sent=sent)
    return job


async def _queued(till: Till) -> Job:
    return await till.ask(n=PICTURES)


async def _running(till: Till) -> Job:
    return await claimed(till, await _queued(till))


async def _queued_since(till: Till) -> Job:
    """In the queue again; the job in hand is as it was the first time."""
    job = await _queued(till)
    await till.run(changes.put_back, await claimed(till, job), failed=True)
    return job


async def _running_since(till: Till) -> Job:
    """Under a later attempt than the job in hand."""
    job = await _running(till)
    await claimed(till, await till.run(changes.put_back, job, failed=True))
    return job


async def _moved_since(till: Till) -> Job:
    """In the queue of another model."""
    job = await _queued(till)
    await _move(till, job)
    return job


async def _succeeded(till: Till) -> Job:
    job = await _running(till)
    await till.run(changes.finish, await till.run(changes.count_stored, job))
    return job


async def _failed(till: Till) -> Job:
    job = await _running(till)
    await till.run(changes.finish, job)
    return job


async def _canceled(till: Till) -> Job:
    job = await _running(till)
    await till.run(changes.cancel, job.team_id, job.id)
    return job


async def _canceled_in_the_queue(till: Till) -> Job:
    job = await _queued(till)
    await till.run(changes.cancel, job.team_id, job.id)
    return job


async def _claim(till: Till, job: Job) -> Job | None:
    return next(iter(await till.run(changes.claim, [job.id], sent=False)), None)


async def _put_back(till: Till, job: Job) -> Job | None:
    return await till.run(changes.put_back, job, failed=True)  # type: ignore[no-any-return]


async def _move(till: Till, job: Job) -> Job | None:
    return await till.run(changes.move, job, msgspec.structs.replace(job, model="other"))  # type: ignore[no-any-return]


async def _count_stored(till: Till, job: Job) -> Job | None:
    return await till.run(changes.count_stored, job)  # type: ignore[no-any-return]


async def _deliver(till: Till, job: Job) -> Job | None:
    return await till.run(changes.deliver, job, 1)  # type: ignore[no-any-return]


async def _finish(till: Till, job: Job) -> Job | None:
    return await till.run(changes.finish, job)  # type: ignore[no-any-return]


async def _fail_queued(till: Till, job: Job) -> Job | None:
    return await till.run(changes.fail_queued, job, "model_removed", "It is gone.")  # type: ignore[no-any-return]


async def _cancel(till: Till, job: Job) -> Job | None:
    return await till.run(changes.cancel, job.team_id, job.id)  # type: ignore[no-any-return]


Standing = Callable[[Till], Awaitable[Job]]
Change = Callable[[Till, Job], Awaitable[Job | None]]
STANDINGS: tuple[Standing, ...] = (
    *(_queued, _running, _queued_since, _running_since, _moved_since),
    *(_succeeded, _failed, _canceled, _canceled_in_the_queue),
)
TAKES: dict[Change, tuple[Standing, ...]] = {
    _claim: (_queued, _queued_since, _moved_since),
    _put_back: (_running,),
    _move: (_queued, _running),
    _count_stored: (_running,),
    _deliver: (_running,),
    _finish: (_running,),
    _fail_queued: (_queued, _queued_since),
    _cancel: (_queued, _running, _queued_since, _running_since, _moved_since),
}


@pytest.mark.parametrize("change", TAKES, ids=lambda change: change.__name__)
async def test_a_change_takes_where_it_should_and_nowhere_else(till: Till, change: Change) -> None:
    for standing in STANDINGS:
        job = await standing(till)
        before = next(each for each in await till.jobs() if each.id == job.id)
        changed = await change(till, job)
        after = next(each for each in await till.jobs() if each.id == job.id)
        assert (changed is not None) == (standing in TAKES[change]), standing.__name__
        assert after == (before if changed is None else changed)
    await check_books(till)


async def test_what_is_queued_again_begins_anew(till: Till) -> None:
    """A mark of an attempt that was sent must not outlive it: after a crash the job would end as paid for and lost."""
    for back, failures in ((_put_back, 1), (_move, 0)):
        job = await claimed(till, await till.run(changes.put_back, await _running(till), failed=False), sent=True)
        assert (job.attempt, job.sent) == (2, True)
        queued = await back(till, job)
        assert queued is not None
        assert (queued.state, queued.sent, queued.failures, queued.attempt) == ("queued", False, failures, 2)
    failed = await till.run(changes.put_back, await _running(till), failed=True)
    moved = await _move(till, failed)
    assert moved is not None
    assert moved.failures == 0, "the other model has as many tries as the first"


async def test_no_more_pictures_are_counted_than_were_asked_for(till: Till) -> None:
    """More would be refunded as less than nothing."""
    job = await _running(till)
    for _ in range(PICTURES):
        assert await _count_stored(till, job)
    assert await _count_stored(till, job) is None
    ended = await _finish(till, job)
    assert ended is not None
    assert (ended.stored, ended.refunded) == (PICTURES, 0)
    await check_books(till)
