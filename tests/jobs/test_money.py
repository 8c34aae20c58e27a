"""Whatever order things happen in, the books are right: Hypothesis looks for one in which they are not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule, run_state_machine_as_test

from gateway.db import Database
from gateway.errors import InsufficientCredits, WrongState
from gateway.jobs import changes
from gateway.jobs.records import Job
from gateway.jobs.submit import retried
from tests.wallet.till import TOML, Till, check_books

T = TypeVar("T")
Run = Callable[[Coroutine[Any, Any, T]], T]
ERROR = ("engine_crashed", "It fell.")
WITHOUT = TOML.replace("enabled = true", "enabled = false")
PICTURES = st.integers(1, 4)


class Books(RuleBasedStateMachine):
    """One team: jobs are accepted, claimed, stored, put back by crashes, and ended, some of it at the same time."""

    queued = Bundle("queued")
    running = Bundle("running")
    ended = Bundle("ended")

    def __init__(self, database: Database, run: Run[Any]) -> None:
        super().__init__()
        self.database = database
        self.wait = run

    @initialize(credits=st.sampled_from([0, 50, 120, 1000]))
    def open(self, credits: int) -> None:
        self.till: Till = self.wait(Till.open(self.database))
        self.without = self.wait(Till.open(self.database, WITHOUT))
        self.without.principal = self.till.principal
        if credits:
            self.wait(self.till.give(credits))

    @rule(credits=st.integers(1, 400))
    def grant(self, credits: int) -> None:
        self.wait(self.till.give(credits))

    @rule(target=queued, n=PICTURES, quality=st.sampled_from(["standard", "hd", None]), pays=st.booleans())
    def submit(self, n: int, quality: str | None, pays: bool) -> Job | None:
        try:
            job: Job = self.wait((self.till if pays else self.without).ask(n=n, quality=quality))
        except InsufficientCredits:
            return None
        return job

    @rule(many=st.integers(2, 4), n=PICTURES)
    def several_want_the_credits_for_one(self, many: int, n: int) -> None:
        before, price = self.wait(self.till.balance()), 50 * 10_000 * n
        results = self.wait(_gathered(*(self.till.ask(n=n) for _ in range(many))))
        accepted = [result for result in results if isinstance(result, Job)]
        assert all(isinstance(result, (Job, InsufficientCredits)) for result in results)
        assert len(accepted) == min(many, before // price)

    @rule(target=queued, job=ended)
    def retry(self, job: Job | None) -> Job | None:
        if job is None:
            return None
        try:
            asked = self.wait(retried(self.database, self.till.principal, job.id))
            again: Job = self.wait(self.till.submit(asked))
        except (InsufficientCredits, WrongState):
            return None
        return again

    @rule(target=running, job=consumes(queued))
    def claim(self, job: Job | None) -> Job | None:
        claimed = self._change(changes.claim, [job.id], sent=False) if job else []
        return claimed[0] if claimed else None

    @rule(target=running, job=consumes(running))
    def store(self, job: Job | None) -> Job | None:
        if job is None or job.stored >= job.pictures:
            return job
        stored: Job | None = self._change(changes.count_stored, job)
        return stored

    @rule(target=queued, job=running, counted=st.booleans())
    def crash(self, job: Job | None, counted: bool) -> Job | None:
        """The running job stays known under its old attempt: a late writer that must change nothing any more."""
        back: Job | None = self._change(changes.put_back, job, failed=counted) if job else None
        return back

    @rule(target=ended, job=running, well=st.booleans())
    def finish(self, job: Job | None, well: bool) -> Job | None:
        if job:
            self._change(changes.finish, job, error=None if well else ERROR)
        return job

    @rule(target=ended, job=queued)
    def fail_queued(self, job: Job | None) -> Job | None:
        if job:
            self._change(changes.fail_queued, job, *ERROR)
        return job

    @rule(target=ended, job=st.one_of(queued, running))
    def cancel(self, job: Job | None) -> Job | None:
        if job:
            self._change(changes.cancel, job.team_id, job.id)
        return job

    @rule(target=ended, job=running)
    def all_ends_at_once(self, job: Job | None) -> Job | None:
        if job:
            run = self.till.run
            ends = [
                run(changes.cancel, job.team_id, job.id),
                run(changes.finish, job),
                run(changes.put_back, job, failed=True),
                run(changes.finish, job, error=ERROR),
            ]
            assert sum(isinstance(result, Job) for result in self.wait(_gathered(*ends))) <= 2
        return job

    @invariant()
    def the_books_are_right(self) -> None:
        if hasattr(self, "till"):
            self.wait(check_books(self.till))

    def _change(self, change: Any, *args: Any, **more: Any) -> Any:
        return self.wait(self.till.run(change, *args, **more))


async def _gathered(*work: Coroutine[Any, Any, Any]) -> list[Any]:
    return await asyncio.gather(*work, return_exceptions=True)


def test_no_order_of_events_spoils_the_books(database_url: str) -> None:
    checked = settings(
        max_examples=20, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    with asyncio.Runner() as runner:
        database = Database(database_url)
        try:
            run_state_machine_as_test(lambda: Books(database, runner.run), settings=checked)
        finally:
            runner.run(database.close())
