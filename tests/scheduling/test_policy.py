"""The policy as a table of situations: it is pure, so no lane, no clock and no GPU is needed."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.scheduling.estimates import Estimates
from gateway.scheduling.index import QueueIndex, Waiting
from gateway.scheduling.policy import BULK_PATIENCE, SWAP_PATIENCE, Assignment, FreeLane, decide
from gateway.scheduling.residency import Resident

NOW = 1_000_000.0
CPU = FreeLane(name="cpu")


def job(name: str, *, team: str = "a", user: str = "u", model: str = "m", age: float = 1.0, **more: Any) -> Waiting:
    defaults: dict[str, Any] = {"bulk": False, "engine": "e", "local": True, "batch_key": model, "pictures": 1, "max_batch": 1}
    return Waiting(job_id=name, team_id=team, user_id=user, model=(model, "1"), queued_at=NOW - age, **{**defaults, **more})


def queue(*jobs: Waiting) -> QueueIndex:
    index = QueueIndex()
    for waiting in jobs:
        index.add(waiting)
    return index


def run(index: QueueIndex, *lanes: FreeLane) -> list[Assignment]:
    return decide(index, lanes or (CPU,), Estimates(), NOW)


def names(assignments: list[Assignment]) -> list[list[str]]:
    return [[waiting.job_id for waiting in assignment.jobs] for assignment in assignments]


def holding(*models: str, name: str = "cpu", budget: int | None = None, bytes: int = 10) -> FreeLane:
    residents = tuple(Resident((model, "1"), bytes, place) for place, model in enumerate(models))
    return FreeLane(name=name, residents=residents, budget=budget)


def test_nothing_waits_nothing_runs() -> None:
    assert run(queue()) == []


def test_oldest_of_one_user_first() -> None:
    assert names(run(queue(job("young", age=1), job("old", age=2)))) == [["old"]]


def test_interactive_before_bulk() -> None:
    assert names(run(queue(job("bulk", bulk=True, age=50), job("inter", age=1)))) == [["inter"]]


def test_bulk_is_not_starved_but_goes_first_only_once_in_its_patience() -> None:
    index = queue(job("bulk", bulk=True, age=BULK_PATIENCE + 1), job("bulk2", bulk=True, age=BULK_PATIENCE), job("inter"))
    [first] = run(index)
    assert [waiting.job_id for waiting in first.jobs] == ["bulk"]
    index.take(first.jobs[0], 1.0, NOW)
    assert names(run(index)) == [["inter"]]


def test_teams_take_turns_by_device_time() -> None:
    index = queue(
        *(job(f"a{i}", team="a", age=9 - i) for i in range(3)), *(job(f"b{i}", team="b", age=3 - i) for i in range(3))
    )
    order = []
    for _ in range(6):
        [assignment] = run(index)
        index.take(assignment.jobs[0], 5.0, NOW)
        order.append(assignment.jobs[0].job_id)
    assert order == ["a0", "b0", "a1", "b1", "a2", "b2"]


def test_one_users_flood_does_not_hold_up_a_mate_of_the_team() -> None:
    index = queue(*(job(f"flood{i}", user="x", age=90 - i) for i in range(50)), job("mine", user="y", age=1))
    [first] = run(index)
    index.take(first.jobs[0], 5.0, NOW)
    assert names(run(index)) == [["mine"]]


def test_who_was_away_gets_no_credit_for_it() -> None:
    index = queue(*(job(f"a{i}", team="a", age=9) for i in range(4)))
    for _ in range(2):
        [assignment] = run(index)
        index.take(assignment.jobs[0], 100.0, NOW)
    index.add(job("b0", team="b"))
    index.add(job("b1", team="b"))
    [first] = run(index)
    index.take(first.jobs[0], 10.0, NOW)
    [second] = run(index)
    assert {first.jobs[0].team_id, second.jobs[0].team_id} == {"a", "b"}


def test_resident_model_goes_before_an_older_job_that_needs_a_swap() -> None:
    index = queue(job("swap", model="x", age=SWAP_PATIENCE - 1), job("warm", model="y", age=1))
    assert names(run(index, holding("y"))) == [["warm"]]


def test_the_swap_waits_no_longer_than_its_patience() -> None:
    index = queue(job("swap", model="x", age=SWAP_PATIENCE), job("warm", model="y", age=1))
    assert names(run(index, holding("y"))) == [["swap"]]


def test_residency_never_lets_bulk_pass_interactive() -> None:
    index = queue(job("swap", model="x", age=1), job("warm", model="y", bulk=True, age=2))
    assert names(run(index, holding("y"))) == [["swap"]]


def test_a_model_that_another_free_lane_holds_is_left_to_it() -> None:
    index = queue(job("x", model="x", age=3), job("y", model="y", age=2))
    decided = run(index, holding("y", name="cuda:0"), holding("x", name="cuda:1"))
    assert {assignment.lane: assignment.jobs[0].job_id for assignment in decided} == {"cuda:0": "y", "cuda:1": "x"}


def test_batch_takes_mates_of_the_same_key_from_everyone_in_turn() -> None:
    index = queue(
        *(job(f"a{i}", team="a", age=9 - i, max_batch=4) for i in range(4)),
        *(job(f"b{i}", team="b", age=4 - i, max_batch=4) for i in range(4)),
        job("other", team="c", batch_key="another", age=1, max_batch=4),
    )
    assert names(run(index)) == [["a0", "b0", "a1", "b1"]]


@pytest.mark.parametrize(
    ("head", "mate"),
    [
        ({"alone": True}, {}),
        ({}, {"alone": True}),
        ({"batch_key": None}, {"batch_key": None}),
        ({"saving": True}, {}),
        ({"pictures": 4}, {}),
        ({}, {"pictures": 4}),
        ({}, {"ready_at": NOW + 5}),
    ],
)
def test_who_does_not_share_a_batch(head: dict[str, Any], mate: dict[str, Any]) -> None:
    index = queue(job("head", age=9, **{"max_batch": 4, **head}), job("mate", age=1, **{"max_batch": 4, **mate}))
    assert names(run(index)) == [["head"]]


def test_a_job_that_shall_wait_is_not_run_before_its_time() -> None:
    assert run(queue(job("later", ready_at=NOW + 1))) == []
    assert names(run(queue(job("now", ready_at=NOW)))) == [["now"]]


def test_remote_jobs_run_on_their_engines_lanes_only() -> None:
    index = queue(job("remote", local=False, engine="cloud", model="cloudy", age=9), job("local", age=1))
    decided = run(index, CPU, FreeLane(name="cloud/1", engine="cloud"), FreeLane(name="other/1", engine="other"))
    assert {assignment.lane: assignment.jobs[0].job_id for assignment in decided} == {"cpu": "local", "cloud/1": "remote"}


def remote(name: str, model: str = "", **more: Any) -> Waiting:
    """For the lanes of `far`; `model` is what its server has to load for it, if anything."""
    return job(name, local=False, engine="far", model=model or "any", **{"held": model or None, **more})


def far(number: int = 1, held: str | None = None, **more: Any) -> FreeLane:
    return FreeLane(name=f"far/{number}", engine="far", held=held, **more)


def test_jobs_of_what_a_server_has_loaded_go_first_for_a_while() -> None:
    index = queue(remote("swap", "x", age=SWAP_PATIENCE - 1), remote("warm", "y", age=1))
    assert names(run(index, far(held="y"))) == [["warm"]]
    assert names(run(index, far(held="x"))) == [["swap"]]
    index.add(remote("swap", "x", age=SWAP_PATIENCE))
    assert names(run(index, far(held="y"))) == [["swap"]]


def test_each_server_keeps_what_it_has_loaded() -> None:
    index = queue(remote("x", "x", age=3), remote("y", "y", age=2))
    decided = run(index, far(1, "y"), far(2, "x"))
    assert {assignment.lane: assignment.jobs[0].job_id for assignment in decided} == {"far/1": "y", "far/2": "x"}


def test_where_nothing_is_loaded_jobs_go_by_age() -> None:
    index = queue(remote("old", age=9), remote("young", "y", age=1))
    assert names(run(index, far(held="y"))) == [["old"]]


def test_the_patience_for_a_server_is_no_patience_with_bulk() -> None:
    index = queue(remote("swap", "x", age=1), remote("warm", "y", bulk=True, age=2))
    assert names(run(index, far(held="y"))) == [["swap"]]


def test_a_lane_on_trial_gets_one_job_alone() -> None:
    index = queue(*(job(f"j{i}", age=9 - i, max_batch=4) for i in range(3)))
    assert names(run(index, FreeLane(name="cpu", trial=True))) == [["j0"]]


def test_nothing_is_left_to_a_lane_on_trial() -> None:
    index = queue(remote("x", "x", age=SWAP_PATIENCE))
    assert [each.lane for each in run(index, far(1), far(2, "x", trial=True))] == ["far/1"]


SLEEPS = far(1, wake_seconds=20.0)


@pytest.mark.parametrize(
    ("age", "busy", "woken"),
    [
        (1.0, [], True),
        (19.0, [far(2)], False),
        (20.0, [far(2)], True),
        (19.0, [FreeLane(name="cpu")], True),
        (19.0, [far(2, wake_seconds=5.0)], False),
    ],
)
def test_a_lane_is_woken_where_no_other_can_or_waiting_took_as_long(age: float, busy: list[FreeLane], woken: bool) -> None:
    index = queue(remote("one", age=age))
    assert bool(decide(index, [SLEEPS], Estimates(), NOW, busy=busy)) is woken


def test_who_is_awake_takes_the_job_whatever_its_place() -> None:
    assert [each.lane for each in run(queue(remote("one", age=99)), SLEEPS, far(2))] == ["far/2"]


@pytest.mark.parametrize("other", [far(2), far(2, wake_seconds=5.0)])
def test_a_second_job_that_has_just_come_wakes_nobody_more(other: FreeLane) -> None:
    index = queue(remote("one", age=1), remote("two", age=1))
    assert [each.lane for each in run(index, SLEEPS, other)] == ["far/2"]


def test_two_lanes_never_get_the_same_job() -> None:
    index = queue(*(job(f"j{i}", age=9 - i, max_batch=2) for i in range(3)))
    assert names(run(index, FreeLane(name="cuda:0"), FreeLane(name="cuda:1"))) == [["j0", "j1"], ["j2"]]


def test_least_recently_used_makes_room() -> None:
    estimates = Estimates()
    estimates.learn_bytes(("new", "1"), 15)
    [assignment] = decide(queue(job("j", model="new", age=99)), [holding("old", "mid", "hot", budget=36)], estimates, NOW)
    assert assignment.evict == (("old", "1"),)


def test_the_index_is_only_read() -> None:
    index = queue(job("one"), job("two"))
    assert run(index) == run(index)
    assert len(index) == 2
