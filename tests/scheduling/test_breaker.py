"""When a lane is given work: what jobs came to there, and what it says of itself."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from engines.contract import (
    ContentRejected,
    EngineCrashed,
    EngineError,
    EngineUnavailable,
    Health,
    InvalidRequest,
    ModelUnusable,
    OutOfMemory,
    UpstreamRateLimited,
)
from gateway.scheduling.breaker import CRASHES_ALLOWED, FIRST_ASKED, LAST_ASKED, LONGEST_REST, LONGEST_UNWELL, Breaker

NOW = 1_000_000.0
AWAY = EngineUnavailable("away")
WELL, UNWELL = Health(ok=True), Health(ok=False, reason="no weights")


def server() -> Breaker:
    return Breaker(asks=True)


def device() -> Breaker:
    return Breaker(asks=False)


@pytest.mark.parametrize(
    "error",
    [InvalidRequest("no"), ContentRejected("no"), ModelUnusable("no"), OutOfMemory("full"), EngineCrashed("bang")],
)
def test_what_says_nothing_of_the_lane_leaves_it_as_it_is(error: EngineError) -> None:
    lane = server()
    lane.failed(error, NOW)
    assert (lane.state(NOW), lane.unwell_since) == ("closed", None)


def test_a_server_that_is_away_gets_nothing_until_it_says_that_it_is_back() -> None:
    lane = server()
    lane.failed(AWAY, NOW)
    assert (lane.state(NOW), lane.reason, lane.unwell_since) == ("open", "away", NOW)
    assert lane.state(NOW + 3600) == "open"
    assert lane.asks_at == NOW + 1
    lane.heard(UNWELL, NOW + 1)
    assert (lane.state(NOW + 1), lane.reason) == ("open", "no weights")
    lane.heard(WELL, NOW + 2)
    assert lane.state(NOW + 2) == "half_open"
    lane.went_well(NOW + 3)
    assert (lane.state(NOW + 3), lane.reason, lane.unwell_since) == ("closed", "", None)


def test_each_job_that_fails_makes_the_rest_longer_though_health_says_yes() -> None:
    lane, rests = server(), []
    for _ in range(8):
        lane.failed(AWAY, NOW)
        rests.append((lane.asks_at or 0) - NOW)
        lane.heard(WELL, NOW)
    assert rests == [1, 2, 4, 8, 16, 30, 30, 30]
    assert max(rests) == LONGEST_REST


def test_questions_to_who_says_no_come_ever_less() -> None:
    lane, pauses = server(), []
    for _ in range(9):
        lane.heard(UNWELL, NOW)
        pauses.append((lane.asks_at or 0) - NOW)
    assert pauses == [1, 2, 4, 8, 16, 30, 30, 30, 30]
    assert max(pauses) == LONGEST_UNWELL


def test_what_only_health_saw_ends_with_what_health_says() -> None:
    lane = server()
    lane.heard(UNWELL, NOW)
    assert lane.state(NOW) == "open"
    lane.heard(Health(ok=True, reason="It lacks previews.", free_memory=7), NOW + 1)
    assert (lane.state(NOW + 1), lane.reason, lane.free_memory) == ("closed", "It lacks previews.", 7)


def test_a_lane_that_is_well_and_unused_is_asked_ever_less() -> None:
    lane, now, pauses = server(), NOW, []
    for _ in range(6):
        lane.heard(WELL, now)
        pauses.append((lane.asks_at or 0) - now)
        now = lane.asks_at or 0
    assert pauses == [30, 60, 120, 240, 300, 300]
    assert (pauses[0], pauses[-1]) == (FIRST_ASKED, LAST_ASKED)
    lane.went_well(now)
    assert lane.asks_at == now + FIRST_ASKED


def test_a_limit_is_rested_for_and_not_asked_about() -> None:
    lane = server()
    lane.failed(UpstreamRateLimited("slow down", 20.0), NOW)
    assert (lane.state(NOW + 19), lane.is_limited(NOW + 19), lane.asks_at) == ("open", True, NOW + 20)
    assert (lane.state(NOW + 20), lane.is_limited(NOW + 20)) == ("half_open", False)
    # An answer to what was asked before does not end the rest that the upstream wants.
    for health in (UNWELL, WELL):
        lane.heard(health, NOW + 2)
    assert (lane.state(NOW + 19), lane.state(NOW + 20)) == ("open", "half_open")


@pytest.mark.parametrize("kind", [server, device])
def test_several_crashes_in_a_row_make_a_lane_rest(kind: Callable[[], Breaker]) -> None:
    lane = kind()
    for _ in range(CRASHES_ALLOWED):
        lane.failed(OutOfMemory("full"), NOW)  # too much was asked of it: that is no crash
    for _ in range(CRASHES_ALLOWED - 1):
        lane.failed(EngineCrashed("bang"), NOW)
    assert lane.state(NOW) == "closed"
    lane.failed(EngineCrashed("bang"), NOW)
    assert lane.state(NOW) == "open"


def test_a_device_is_not_asked_and_tries_again_after_its_rest() -> None:
    lane = device()
    lane.failed(AWAY, NOW)
    assert (lane.asks_at, lane.state(NOW + 0.5), lane.state(NOW + 1)) == (None, "open", "half_open")
    assert lane.rests_until == NOW + 1


def test_a_good_batch_between_makes_crashes_count_anew() -> None:
    lane = device()
    for _ in range(5):
        lane.failed(EngineCrashed("bang"), NOW)
        lane.went_well(NOW)
    assert lane.state(NOW) == "closed"


def test_one_that_sleeps_is_not_waited_for() -> None:
    lane = server()
    lane.failed(AWAY, NOW, sleeps=True)
    assert (lane.state(NOW + 0.5), lane.state(NOW + 1)) == ("open", "half_open")
    lane.failed(AWAY, NOW)
    lane.sleeps(NOW)
    assert lane.state(NOW + 10) == "half_open"
