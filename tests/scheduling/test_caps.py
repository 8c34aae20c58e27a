"""How many jobs of one key, user or team run at once: pure, like the policy that it belongs to."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.scheduling.caps import Caps
from gateway.scheduling.estimates import Estimates
from gateway.scheduling.index import QueueIndex, Waiting
from gateway.scheduling.policy import LOOKED_AT, FreeLane, decide

NOW = 1_000_000.0
LANES = tuple(FreeLane(name=f"cuda{number}") for number in range(4))


def job(name: str, *, team: str = "a", user: str = "u", key: str | None = "k", age: float = 1.0, **more: Any) -> Waiting:
    defaults: dict[str, Any] = {"bulk": False, "engine": "e", "local": True, "batch_key": "b", "pictures": 1, "max_batch": 1}
    return Waiting(
        job_id=name,
        team_id=team,
        user_id=user,
        key_id=key,
        model=(name[0], "1"),
        queued_at=NOW - age,
        **{**defaults, **more},
    )


def queue(*jobs: Waiting) -> QueueIndex:
    index = QueueIndex()
    for waiting in jobs:
        index.add(waiting)
    return index


def started(index: QueueIndex, caps: Caps) -> set[str]:
    """Which jobs four free lanes start."""
    decided = decide(index, LANES, Estimates(), NOW, caps)
    names = [waiting.job_id for assignment in decided for waiting in assignment.jobs]
    assert len(names) == len(set(names))
    for assignment in decided:
        for waiting in assignment.jobs:
            index.take(waiting, 1.0, NOW)
    return set(names)


MINE = [job("w1"), job("x1"), job("y1", key="k2"), job("z1", user="v", key="k3")]


@pytest.mark.parametrize(
    ("caps", "how_many"),
    [
        (Caps(), 4),
        (Caps(key=1), 3),
        (Caps(user=1), 2),
        (Caps(user=2), 3),
        (Caps(team=1), 1),
        (Caps(team=3, user=2), 3),
        (Caps(team=9), 4),
        (Caps(own={("key", "k"): 1}), 3),
        (Caps(team=1, own={("team", "a"): 0}), 4),
        (Caps(team=1, own={("team", "a"): 3}), 3),
        (Caps(team=4, own={("user", "u"): 2, ("key", "k"): 1}), 3),
        (Caps(own={("team", "b"): 1, ("user", "x"): 1}), 4),
    ],
)
def test_no_more_start_than_may(caps: Caps, how_many: int) -> None:
    assert len(started(queue(*MINE), caps)) == how_many


def test_what_runs_counts_until_it_ends() -> None:
    index = queue(job("w1", age=3), job("x1", age=2), job("y1"))
    assert started(index, Caps(user=1)) == {"w1"}
    assert started(index, Caps(user=1)) == set()
    index.ended("w1")
    index.ended("w1")
    assert started(index, Caps(user=1)) == {"x1"}
    index.add(job("x1", age=2))  # put back
    assert started(index, Caps(user=1)) == {"x1"}
    assert started(index, Caps(user=2)) == {"y1"}
    for name in ("x1", "y1"):
        index.ended(name)
    assert not index.running


def test_others_go_first_meanwhile() -> None:
    index = queue(job("w1", age=100), job("x1", age=90), job("y1", team="b", user="v", age=1))
    assert started(index, Caps(team=1)) == {"w1", "y1"}


def test_a_batch_holds_no_more_either() -> None:
    index = queue(*(job(f"m{number}", max_batch=8) for number in range(8)), job("m-other", team="b", user="v", max_batch=8))
    assert len(started(index, Caps(user=3))) == 4


def test_a_session_has_no_key_to_limit() -> None:
    assert len(started(queue(*(job(f"{letter}1", key=None) for letter in "wxyz")), Caps(key=1))) == 4


def test_a_key_at_its_limit_lets_the_same_users_other_key_pass() -> None:
    running = job("w0")
    index = queue(running, *(job(f"w{number}", age=50) for number in range(1, 50)), job("w-other", key="k2"))
    index.take(running, 1.0, NOW)
    assert started(index, Caps(key=1)) == {"w-other"}


def test_a_key_with_a_number_of_its_own_lets_the_other_pass_too() -> None:
    running = job("w0")
    index = queue(running, *(job(f"w{number}", age=50) for number in range(1, 50)), job("w-other", key="k2"))
    index.take(running, 1.0, NOW)
    assert started(index, Caps(own={("key", "k"): 1})) == {"w-other"}


def test_a_deep_queue_of_a_key_at_its_limit_is_not_read_through() -> None:
    running = job("w0")
    many = (job(f"w{number}", age=50) for number in range(1, LOOKED_AT + 1))
    index = queue(running, *many, job("w-other", key="k2"))
    index.take(running, 1.0, NOW)
    assert started(index, Caps(key=1)) == set()
