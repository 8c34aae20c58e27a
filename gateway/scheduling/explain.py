"""Why a job waits and for how long, told to the one who waits, without naming anyone else."""

from __future__ import annotations

import time
from collections.abc import Iterable

from msgspec import Struct

from gateway.scheduling.caps import Caps, Room
from gateway.scheduling.estimates import Estimates
from gateway.scheduling.index import QueueIndex, Waiting
from gateway.scheduling.lanes import Lane


class Place(Struct, frozen=True):
    """Where a queued job stands: 1 is next; `eta_seconds` until it is done, where that can be told."""

    position: int
    eta_seconds: float | None
    reason: str


def place(
    index: QueueIndex, lanes: Iterable[Lane], estimates: Estimates, blocked: str | None, job_id: str, caps: Caps
) -> Place | None:
    """None where the job is not queued."""
    job = index.get(job_id)
    if job is None:
        return None
    ahead = index.ahead(job_id)
    able = [lane for lane in lanes if lane.free().runs(job)]
    known = estimates.known(job.model)
    waking = min((lane.wake_seconds for lane in able), default=0.0)
    eta = None if known is None or not able else waking + (ahead / len(able) + job.pictures) * known
    return Place(ahead + 1, eta, blocked or _reason(job, able, Room(caps, index.running).full(job)))


def _reason(job: Waiting, able: list[Lane], capped: str | None) -> str:
    now = time.time()
    if not able:
        return "no lane can run this model now"
    if job.ready_at > now:
        return f"tried again in {job.ready_at - now:.0f} s"
    if capped:
        return f"its {capped} runs as many jobs at once as it may"
    if all(lane.idle.is_set() and not lane.available(now) for lane in able):
        return f"its lane rests after failures: {able[0].reason}"
    asleep = [lane.wake_seconds for lane in able if lane.asleep and lane.available(now)]
    if asleep:
        return f"waiting for a free lane; one that sleeps is woken if that takes longer than {min(asleep):.0f} s"
    return "waiting for a free lane"
