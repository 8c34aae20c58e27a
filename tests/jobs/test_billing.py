"""What a job costs and what comes back, at each of its ends, and when many want the last credits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from gateway.db import Database
from gateway.errors import ConfigurationError, InsufficientCredits, InvalidInput
from gateway.jobs import changes
from gateway.jobs.cancel import cancel
from gateway.jobs.records import Job
from gateway.jobs.request import Idempotency
from gateway.jobs.submit import retried
from tests.wallet.till import CREDIT, TOML, Till, check_books

STANDARD = 50 * CREDIT
HD = 300 * CREDIT


@pytest.fixture
async def till(database: Database) -> Till:
    return await Till.open(database)


async def claimed(till: Till, job: Job, stored: int = 0) -> Job:
    (job,) = await till.run(changes.claim, [job.id], sent=False)
    for _ in range(stored):
        job = await till.run(changes.count_stored, job)
    return job


async def test_a_job_is_charged_when_it_is_accepted(till: Till) -> None:
    await till.give(1000)
    job = await till.ask(n=3, quality="hd")
    assert (job.price, job.charged, job.refunded) == (HD, 3 * HD, 0)
    assert await till.balance() == 100 * CREDIT
    entry = (await till.entries())[-1]
    assert (entry.kind, entry.job_id, entry.user_id) == ("charge", job.id, till.principal.user_id)
    assert entry.reason == "text_to_image by m: 3 of 3"


async def test_who_cannot_pay_queues_nothing(till: Till) -> None:
    await till.give(149)
    heard: list[object] = []
    till.bus.listen(heard.append)
    with pytest.raises(InsufficientCredits) as raised:
        await till.ask(n=3)
    assert (raised.value.status, raised.value.code) == (402, "insufficient_credits")
    assert raised.value.extra == {"balance_credits": "149.0000", "needed_credits": "150.0000"}
    assert await till.jobs() == []
    assert heard == []
    assert await till.balance() == 149 * CREDIT
    await till.ask(n=2)
    await check_books(till)


async def test_what_is_refused_costs_nothing(till: Till) -> None:
    await till.give(100)
    with pytest.raises(InvalidInput):
        await till.ask(prompt="refuse me")
    with pytest.raises(InvalidInput):
        await till.ask(steps=10_000)
    with pytest.raises(ConfigurationError):
        await till.ask(surface="carrier-pigeon")
    assert await till.balance() == 100 * CREDIT


async def _all_came(till: Till, job: Job) -> None:
    await till.run(changes.finish, await claimed(till, job, stored=2))


async def _one_came(till: Till, job: Job) -> None:
    await till.run(changes.finish, await claimed(till, job, stored=1), error=("engine_crashed", "It fell."))


async def _none_came(till: Till, job: Job) -> None:
    await till.run(changes.finish, await claimed(till, job), error=("engine_crashed", "It fell."))


async def _never_claimed(till: Till, job: Job) -> None:
    await till.run(changes.fail_queued, job, "model_removed", "It is gone.")


async def _canceled_in_the_queue(till: Till, job: Job) -> None:
    await cancel(till.db, till.bus, till.principal, job.id)


async def _canceled_with_one(till: Till, job: Job) -> None:
    await claimed(till, job, stored=1)
    await cancel(till.db, till.bus, till.principal, job.id)


async def _crashed_and_finished(till: Till, job: Job) -> None:
    again = await till.run(changes.put_back, await claimed(till, job, stored=1), failed=True)
    await till.run(changes.finish, await claimed(till, again, stored=1))


@pytest.mark.parametrize(
    ("end", "delivered", "state"),
    [
        (_all_came, 2, "succeeded"),
        (_one_came, 1, "succeeded"),
        (_none_came, 0, "failed"),
        (_never_claimed, 0, "failed"),
        (_canceled_in_the_queue, 0, "canceled"),
        (_canceled_with_one, 1, "canceled"),
        (_crashed_and_finished, 2, "succeeded"),
    ],
)
async def test_every_end_gives_back_what_was_not_delivered(
    till: Till, end: Callable[[Till, Job], Awaitable[None]], delivered: int, state: str
) -> None:
    await till.give(100)
    await end(till, await till.ask(n=2))
    (job,) = await till.jobs()
    assert (job.state, job.stored, job.refunded) == (state, delivered, (2 - delivered) * STANDARD)
    assert await till.balance() == (2 - delivered) * STANDARD
    assert (await till.entries())[-1].reason.endswith(f"{delivered} of 2, {state}") or delivered == 2
    await check_books(till)


async def test_an_end_comes_once(till: Till) -> None:
    await till.give(100)
    job = await claimed(till, await till.ask(n=2), stored=1)
    ends = [
        till.run(changes.finish, job),
        till.run(changes.cancel, job.team_id, job.id),
        till.run(changes.finish, job, error=("engine_crashed", "It fell.")),
        till.run(changes.cancel, job.team_id, job.id),
    ]
    assert sum(ended is not None for ended in await asyncio.gather(*ends)) == 1
    assert await till.balance() == STANDARD
    await check_books(till)


async def test_a_retry_is_paid_anew(till: Till) -> None:
    await till.give(300)
    job = await till.ask(quality="hd")
    await _none_came(till, job)
    again = await till.submit(await retried(till.db, till.principal, job.id))
    assert (again.retry_of, again.charged) == (job.id, HD)
    with pytest.raises(InsufficientCredits):
        await till.submit(await retried(till.db, till.principal, job.id))
    await check_books(till)


async def test_a_charged_price_stands_when_the_tariff_changes(database: Database) -> None:
    till = await Till.open(database)
    await till.give(50)
    job = await till.ask()
    later = await Till.open(database, TOML + "[tariffs]\nm = 7")
    later.principal = till.principal
    await _none_came(later, job)
    assert await till.balance() == 50 * CREDIT
    assert (await later.ask()).charged == 7 * CREDIT


async def test_what_costs_nothing_needs_no_wallet(till: Till) -> None:
    job = await till.ask(surface="openai")
    assert job.charged == 0
    assert await till.entries() == []
    await _none_came(till, job)
    assert await till.entries() == []
    await check_books(till)


async def test_where_nobody_pays_everything_is_counted_and_nothing_refused(database: Database) -> None:
    till = await Till.open(database, TOML.replace("enabled = true", "enabled = false"))
    await _one_came(till, await till.ask(n=2))
    (job,) = await till.jobs()
    assert (job.charged, job.refunded) == (2 * STANDARD, STANDARD)
    assert await till.entries() == []
    line = await till.used()
    assert (line.jobs, line.pictures, line.charged, line.refunded) == (1, 1, 2 * STANDARD, STANDARD)


async def test_a_job_from_before_credits_were_enabled_is_not_refunded(database: Database) -> None:
    before = await Till.open(database, TOML.replace("enabled = true", "enabled = false"))
    job = await before.ask()
    till = await Till.open(database)
    till.principal = before.principal
    await till.give(10)
    await _none_came(till, job)
    assert await till.balance() == 10 * CREDIT
    await check_books(till)


async def test_a_job_from_when_credits_were_enabled_is_refunded_without_them(till: Till) -> None:
    await till.give(50)
    job = await till.ask()
    without = await Till.open(till.db, TOML.replace("enabled = true", "enabled = false"))
    without.principal = till.principal
    await _none_came(without, job)
    assert await till.balance() == 50 * CREDIT


async def test_what_is_sent_twice_is_paid_once(till: Till) -> None:
    await till.give(50)
    name = Idempotency("mine", "f" * 64)
    results = await asyncio.gather(*(till.ask(idempotency=name) for _ in range(5)))
    assert len({job.id for job in results}) == 1
    assert await till.balance() == 0
    await check_books(till)


async def test_what_was_refused_for_want_of_credits_may_be_sent_again(till: Till) -> None:
    name = Idempotency("mine", "f" * 64)
    with pytest.raises(InsufficientCredits):
        await till.ask(idempotency=name)
    await till.give(50)
    assert (await till.ask(idempotency=name)).charged == STANDARD


@pytest.mark.slow
async def test_of_a_thousand_who_come_at_once_those_who_can_pay_are_served(till: Till) -> None:
    await till.give(500 * 50)
    results = await asyncio.gather(*(till.ask() for _ in range(1000)), return_exceptions=True)
    assert sum(isinstance(result, Job) for result in results) == 500
    assert sum(isinstance(result, InsufficientCredits) for result in results) == 500
    assert await till.balance() == 0
    assert len(await till.jobs()) == 500
    await check_books(till)
