"""What an upstream may have been paid for: waited for, and never sent again."""

from __future__ import annotations

import asyncio
import time

import pytest

from gateway.scheduling import loop
from tests.scheduling.conftest import OpenBox

PAID = 'replay = "never"\n'


@pytest.mark.parametrize(
    ("fault", "code", "runs"),
    [
        ('error = "crash"', "upstream_outcome_unknown", 1),
        ('error = "EngineCrashed"', "upstream_outcome_unknown", 1),
        ('error = "UpstreamOutcomeUnknown"', "upstream_outcome_unknown", 1),
        ('error = "ContentRejected"', "content_rejected", 1),
        ('error = "EngineUnavailable"\nerror_attempts = 1', None, 2),
        ('error = "UpstreamRateLimited"\nerror_attempts = 1', None, 2),
    ],
)
async def test_only_what_was_refused_is_sent_again(open_box: OpenBox, fault: str, code: str | None, runs: int) -> None:
    box = await open_box(m=PAID + fault)
    job = await box.until(await box.ask())
    assert job.error_code == code
    assert len(box.runs()) == runs


async def test_a_stop_waits_for_what_was_paid_for(open_box: OpenBox) -> None:
    box = await open_box(m=PAID + "step_seconds = 0.05")
    job = await box.ask()
    while not box.runs():
        await asyncio.sleep(0.01)
    await box.scheduler.stop()
    assert (await box.job(job)).state == "succeeded"


async def test_a_stop_does_not_wait_for_ever_and_sends_nothing_again(
    open_box: OpenBox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "STOP_SECONDS", 0.2)
    box = await open_box(m=PAID + "hang = true")
    job = await box.ask()
    while not box.runs():
        await asyncio.sleep(0.01)
    began = time.monotonic()
    await box.scheduler.stop()
    assert time.monotonic() - began < 5
    ended = await box.job(job)
    assert (ended.state, ended.error_code) == ("failed", "upstream_outcome_unknown")
    assert "not sent again" in (ended.error_message or "")


async def test_what_costs_nothing_goes_back_into_the_queue(open_box: OpenBox) -> None:
    box = await open_box(m="hang = true")
    job = await box.ask()
    while not box.runs():
        await asyncio.sleep(0.01)
    await box.scheduler.stop()
    assert (await box.job(job)).state == "queued"
