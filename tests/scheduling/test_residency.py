"""Which models go when another one needs the room."""

from __future__ import annotations

import pytest

from gateway.scheduling.residency import Resident, evictions

OLD, MID, HOT = (
    Resident((name, "1"), size, used) for name, size, used in (("old", 10, 1.0), ("mid", 20, 2.0), ("hot", 5, 3.0))
)


@pytest.mark.parametrize(
    ("need", "budget", "gone"),
    [
        (10, None, []),
        (10, 45, []),
        (11, 45, ["old"]),
        (20, 45, ["old"]),
        (21, 45, ["old", "mid"]),
        (999, 45, ["old", "mid", "hot"]),
        (None, 35, []),
        (None, 30, ["old"]),
    ],
)
def test_least_recently_used_first(need: int | None, budget: int | None, gone: list[str]) -> None:
    assert [model for model, _ in evictions([HOT, OLD, MID], need, budget)] == gone
