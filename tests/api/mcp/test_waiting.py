"""What is told of a job meanwhile: it grows, not too often and not too seldom."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from gateway.api.mcp import waiting
from gateway.api.mcp.waiting import Teller, in_words
from gateway.api.tasks.wire import TaskProgress


def job(state: str = "running", pictures: int = 1) -> Any:
    return SimpleNamespace(state=state, pictures=pictures)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(waiting, "time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


@pytest.mark.parametrize(
    ("state", "progress", "words"),
    [
        ("queued", TaskProgress(), "queued"),
        (
            "queued",
            TaskProgress(queue_position=3, eta_seconds=12.4, reason="waiting for a free lane"),
            "queued, place 3, about 12 s (waiting for a free lane)",
        ),
        ("running", TaskProgress(step=0, steps=20, reason="the model is being loaded"), "the model is being loaded"),
        ("running", TaskProgress(step=3, steps=20, eta_seconds=5.0), "step 3 of 20, about 5 s"),
        ("running", TaskProgress(), "running"),
    ],
)
def test_in_words(state: str, progress: TaskProgress, words: str) -> None:
    assert in_words(job(state), progress) == words


async def test_it_grows_and_is_not_told_too_often(clock: list[float]) -> None:
    told: list[tuple[float, str]] = []

    async def tell(percent: float, words: str) -> None:
        told.append((percent, words))

    teller = Teller(tell)
    for seconds, progress, stored in (
        (0.0, TaskProgress(queue_position=2), 0),
        (0.1, TaskProgress(queue_position=1), 0),  # too soon
        (1.0, TaskProgress(queue_position=1), 0),
        (2.0, TaskProgress(queue_position=1), 0),  # nothing new
        (12.0, TaskProgress(queue_position=1), 0),  # but silent for long
    ):
        clock[0] = 1000.0 + seconds
        await teller.say(job("queued"), progress, stored)
    clock[0] = 1020.0
    await teller.say(job(pictures=4), TaskProgress(step=5, steps=20), 0)
    clock[0] = 1030.0
    await teller.say(job(pictures=4), TaskProgress(step=2, steps=20), 2)
    clock[0] = 1040.0
    await teller.say(job(pictures=4), TaskProgress(step=1, steps=20), 2)
    clock[0] = 1050.0
    await teller.say(job(pictures=4), TaskProgress(step=20, steps=20), 4)
    assert [percent for percent, _ in told] == [0.01, 0.02, 0.03, 25.0, 50.0, 50.01, 99.0]
    assert told[1][1] == "queued, place 1"
