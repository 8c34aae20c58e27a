"""What lanes need besides jobs: to be asked how they are, and to be put to sleep when nobody needs them."""

from __future__ import annotations

from collections.abc import Collection, Coroutine, Iterable, Iterator

from gateway.scheduling.index import QueueIndex, Waiting
from gateway.scheduling.lanes import Lane
from gateway.scheduling.policy import wakes_at

MANY = 1000
"""Jobs; where more wait than that it is looked again after a second, instead of at the right moment."""

NO_LANE = "There is no device or server that it could run on."


def due(lanes: Iterable[Lane], index: QueueIndex, now: float) -> Iterator[Coroutine[None, None, None]]:
    """What is to be begun now, each beside everything else."""
    for lane in lanes:
        if (asks_at := lane.asks_at) is not None and asks_at <= now:
            lane.asking = True
            yield lane.ask()
        if (sleeps_at := lane.sleeps_at) is not None and sleeps_at <= now:
            if any(map(lane.free().runs, index)):
                lane.idle_since = now
            else:
                lane.idle.clear()
                lane.state = "asleep"
                yield lane.sleep()


def moments(lanes: Collection[Lane], index: QueueIndex, now: float) -> Iterator[float]:
    """When something of that is due next, a lane has rested, or one may be woken for what waits: those that are to come."""
    for lane in lanes:
        told = (lane.asks_at, lane.sleeps_at, lane.breaker.rests_until)
        yield from (moment for moment in told if moment is not None and moment > now)
    free = [lane.free() for lane in lanes if lane.available(now)]
    asleep = [lane for lane in free if lane.wake_seconds]
    if not asleep or not len(index):
        return
    if len(index) > MANY:
        yield now + 1
        return
    awake = [*(lane for lane in free if not lane.wake_seconds), *(lane.free() for lane in busy(lanes, now))]
    for one in asleep:
        yield from (moment for job in index if one.runs(job) and (moment := wakes_at(one, job, awake)) > now)


def busy(lanes: Iterable[Lane], now: float) -> list[Lane]:
    """Those that work just now, or are being woken, and are well: they will take another job."""
    return [lane for lane in lanes if not lane.idle.is_set() and lane.state != "asleep" and lane.breaker.state(now) != "open"]


def given_up(
    lanes: Iterable[Lane], index: QueueIndex, now: float, patience: float, lanes_since: float = 0.0
) -> dict[str, list[Waiting]]:
    """Why, and which jobs: those whose lanes were all unwell for as many seconds as there is patience, and as long as they
    wait. A lane that rests because its upstream asked for that is not unwell, and what becomes of one that works is not known
    yet. `lanes_since` is when there were other lanes last: what no lane at all can run waits as long."""
    by_engine: dict[str | None, list[Lane]] = {}
    for lane in lanes:
        by_engine.setdefault(lane.engine, []).append(lane)
    gone: dict[str | None, str] = {}
    for engine, mine in by_engine.items():
        told = [lane for lane in mine if lane.state != "running" and not lane.breaker.is_limited(now)]
        since = [lane.breaker.unwell_since for lane in told]
        if len(since) == len(mine) and all(moment is not None and moment <= now - patience for moment in since):
            gone[engine] = mine[0].reason
    found: dict[str, list[Waiting]] = {}
    for job in index:
        engine = None if job.local else job.engine
        if engine not in by_engine and lanes_since <= now - patience:
            gone[engine] = NO_LANE
        if engine in gone and job.queued_at <= now - patience:
            found.setdefault(gone[engine], []).append(job)
    return found
