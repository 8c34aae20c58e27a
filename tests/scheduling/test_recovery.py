"""What becomes of a job after an error: the contract's table."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from engines.contract import (
    ContentRejected,
    EngineCrashed,
    EngineError,
    EngineUnavailable,
    InvalidRequest,
    ModelUnusable,
    OutOfMemory,
    Replay,
    UpstreamOutcomeUnknown,
    UpstreamRateLimited,
)
from gateway.accounts import Principal
from gateway.jobs.standing import new_job
from gateway.scheduling.recovery import Again, Never, after, interrupted, only_found

WAITED = "It was waited for as long as jobs wait here."
PAID = "It may have been paid for, and is not sent again."


@pytest.mark.parametrize(
    ("error", "situation", "verdict"),
    [
        (InvalidRequest("no", "steps"), {}, Never("invalid_request", "no")),
        (ContentRejected("no"), {}, Never("content_rejected", "no")),
        (ModelUnusable("broken"), {}, Never("model_unusable", "broken")),
        (OutOfMemory("full"), {"mates": 3}, Again(counted=False, alone=True)),
        (OutOfMemory("full"), {}, Again(alone=True, saving=True)),
        (OutOfMemory("full"), {"saving": True}, Never("out_of_memory", "full")),
        (EngineCrashed("bang"), {"mates": 3}, Again(alone=True, delay=1.0)),
        (EngineCrashed("bang"), {"failures": 1}, Again(alone=True, delay=2.0)),
        (EngineCrashed("bang"), {"failures": 2}, Never("engine_crashed", "bang")),
        (EngineCrashed("bang."), {"sent": True}, Never("upstream_outcome_unknown", f"bang. {PAID}")),
        (EngineUnavailable("away"), {"sent": True}, Again(delay=1.0)),
        (UpstreamOutcomeUnknown("lost"), {}, Never("upstream_outcome_unknown", "lost")),
        (EngineUnavailable("away"), {}, Again(delay=1.0)),
        (EngineUnavailable("away"), {"failures": 2}, Never("engine_unavailable", "away")),
        (EngineUnavailable("away", begun=False), {"failures": 2}, Again(delay=1.0, counted=False, away=True)),
        (EngineUnavailable("away.", begun=False), {"patience": 0.0}, Never("engine_unavailable", f"away. {WAITED}")),
        (EngineUnavailable("away"), {"patience": 0.0}, Again(delay=1.0)),
        (UpstreamRateLimited("slow", 7.0), {"failures": 2, "patience": 0.0}, Again(delay=7.0, counted=False)),
        (UpstreamRateLimited("slow", 7.0), {"failures": 1}, Again(delay=7.0, counted=False)),
    ],
)
def test_table(error: EngineError, situation: dict[str, Any], verdict: Again | Never) -> None:
    assert after(error, **{"mates": 0, "saving": False, "failures": 0, "max_attempts": 3, **situation}) == verdict


@pytest.mark.parametrize(
    ("job", "replay", "code"),
    [
        ({}, "safe", None),
        ({}, "reconcile", None),
        ({}, "never", None),  # nothing was sent yet
        ({}, None, None),
        ({"sent": True}, "never", "upstream_outcome_unknown"),
        ({"sent": True}, None, "upstream_outcome_unknown"),  # nobody knows what its model was
        ({"sent": True}, "safe", None),
        ({"sent": True, "failures": 9}, "never", "upstream_outcome_unknown"),
        ({"failures": 1}, "safe", None),
        ({"failures": 2}, "safe", "engine_crashed"),
        ({"failures": 2}, "never", "engine_crashed"),
        ({"failures": 2}, None, "engine_crashed"),
        ({"failures": 2, "stored": 1}, "safe", "engine_crashed"),
        ({"failures": 2, "stored": 2}, "safe", None),  # all is there, it only has to end
        ({"failures": 2}, "reconcile", None),
        ({"failures": 3}, "reconcile", "engine_crashed"),
    ],
)
def test_what_a_crash_of_the_gateway_leaves(job: dict[str, Any], replay: Replay | None, code: str | None) -> None:
    left = msgspec.structs.replace(new_job(Principal("t", "u", None, frozenset()), 2), state="running", attempt=1, **job)
    verdict = interrupted(left, replay, 3)
    assert (verdict and verdict.code) == code


@pytest.mark.parametrize(
    ("replay", "failures", "only"),
    [("reconcile", 2, False), ("reconcile", 3, True), ("safe", 3, False), ("never", 3, False)],
)
def test_who_is_looked_up_and_not_made_again(replay: Replay, failures: int, only: bool) -> None:
    left = msgspec.structs.replace(new_job(Principal("t", "u", None, frozenset()), 2), failures=failures)
    assert only_found(left, replay, 3) is only
