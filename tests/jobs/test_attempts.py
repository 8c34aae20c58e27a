"""What a job keeps of attempts that came to nothing, and what they cost."""

from __future__ import annotations

import msgspec
import pytest

from engines.contract import EngineCrashed, EngineUnavailable
from gateway.db import Database
from gateway.jobs import attempts, changes, records
from gateway.jobs.attempts import LONGEST_WORDS, MOST_KEPT, Tried, added, tried
from gateway.jobs.records import Job
from gateway.wallet import usage
from tests.wallet.till import Till


@pytest.fixture
async def till(database: Database) -> Till:
    return await Till.open(database)


def one(attempt: int = 1, **more: object) -> Tried:
    return Tried(**{"attempt": attempt, "model": "m", "code": "engine_unavailable", "message": "away", "at": attempt, **more})  # type: ignore[arg-type]


def test_what_came_to_the_same_is_counted_together() -> None:
    kept = added(added(added((), one(1)), one(2)), one(3))
    assert [(each.attempt, each.times, each.at) for each in kept] == [(3, 3, 3)]


@pytest.mark.parametrize(
    "other", [{"lane": "two"}, {"model": "n"}, {"message": "gone"}, {"upstream_id": "u"}, {"usage": {"a": 1}}]
)
def test_what_differs_stands_by_itself(other: dict[str, object]) -> None:
    assert len(added(added((), one(1)), one(2, **other))) == 2


def test_only_the_newest_are_kept() -> None:
    kept: tuple[Tried, ...] = ()
    for attempt in range(MOST_KEPT + 5):
        kept = added(kept, one(attempt, upstream_id=f"u{attempt}"))
    assert [each.attempt for each in kept] == list(range(5, MOST_KEPT + 5))
    assert attempts.read(attempts.written(kept)) == kept
    assert attempts.written(()) is None


def test_long_words_are_cut() -> None:
    assert len(tried(1, "m", "lane", EngineCrashed("x" * 9999)).message) == LONGEST_WORDS


async def test_what_failed_attempts_cost_is_counted_as_they_end(till: Till) -> None:
    await till.give(100)
    job = await till.ask()
    for attempt in (1, 2):
        (claimed,) = await till.run(changes.claim, [job.id], sent=True)
        error = EngineUnavailable("It broke off.")
        error.usage, error.upstream_id = {"cost_usd": 0.04}, f"up-{attempt}"
        back = await till.run(changes.put_back, claimed, failed=True, tried=tried(attempt, "m", "cloud/1", error))
        assert [each.upstream_id for each in back.tried] == [f"up-{number}" for number in range(1, attempt + 1)]
        assert await _upstream(till) == attempt * 40_000
    (claimed,) = await till.run(changes.claim, [job.id], sent=True)
    late: Job | None = await till.run(changes.put_back, back, failed=True, tried=tried(9, "m", "cloud/1", error))
    assert late is None, "an attempt that is not the running one leaves no trace"
    ended = await till.run(
        changes.finish, claimed, error=("engine_crashed", "It fell."), upstream_id="up-3", usage={"cost_usd": 0.01}
    )
    assert (ended.upstream_id, len(ended.tried)) == ("up-3", 2)
    assert await _upstream(till) == 90_000
    async with till.db.read() as connection:
        assert await records.usage(connection, job.id) == {"cost_usd": 0.01}
        assert (await records.get(connection, None, job.id)).tried == ended.tried


async def test_what_an_attempt_cost_is_counted_where_another_model_steps_in(till: Till) -> None:
    await till.give(100)
    (claimed,) = await till.run(changes.claim, [(await till.ask()).id], sent=True)
    error = EngineUnavailable("It broke off.")
    error.usage = {"cost_usd": 0.04}
    to = msgspec.structs.replace(claimed, model="other")
    moved = await till.run(changes.move, claimed, to, tried(1, "m", "cloud/1", error))
    assert [each.usage for each in moved.tried] == [{"cost_usd": 0.04}]
    async with till.db.read() as connection:
        by: list[usage.Axis] = ["model"]
        lines = await usage.report(connection, by=by, limit=10)
    assert {line.model: (line.jobs, line.upstream) for line in lines} == {"m": (0, 40_000), "other": (1, 0)}


async def _upstream(till: Till) -> int:
    async with till.db.read() as connection:
        (line,) = await usage.report(connection, by=(), limit=1)
    return line.upstream
