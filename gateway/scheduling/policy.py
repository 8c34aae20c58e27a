"""Who runs next: a pure function of what waits, which lanes are free, and the time.

1. Interactive before bulk, but once in `BULK_PATIENCE` a bulk job that has waited that long goes first.
2. The team that has had the least device time, and in it the user that has had the least.
3. Of that user's groups the one whose head is oldest.
4. A job whose model is already on the device, or on the server, may go before the one that is due, as long as the latter
   has not waited `SWAP_PATIENCE` for it: fewer swaps, and nobody starves.
5. Mates of the same group fill the batch, again in fair order; a lane that must show that it is well again gets one job.
6. A lane that sleeps is woken where none that is awake can run the job, or once the job has waited as long as waking takes.

Nobody starts more jobs than `Caps` lets their key, user or team run at once; others then go first.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from itertools import islice

from msgspec import Struct

from gateway.scheduling.caps import Caps, Room
from gateway.scheduling.estimates import Estimates
from gateway.scheduling.index import ModelKey, QueueIndex, Waiting
from gateway.scheduling.residency import Resident, evictions

BULK_PATIENCE = 60.0
SWAP_PATIENCE = 15.0
LOOKED_AT = 1000
"""Jobs of a group, the oldest first, among which one is looked for that may start; a key at its limit hides those behind."""


class FreeLane(Struct, frozen=True, kw_only=True):
    """A lane that can take a batch now."""

    name: str
    engine: str | None = None
    """The remote engine that it belongs to; None for a device."""
    residents: tuple[Resident, ...] = ()
    held: Hashable | None = None
    """What a remote engine's server has loaded for us."""
    budget: int | None = None
    """Bytes for models, where that is known."""
    trial: bool = False
    """It failed: the next batch, of one job, shows whether it is well again."""
    wake_seconds: float = 0.0
    """It sleeps, and so long it takes to wake it; nought: it is awake."""

    def runs(self, job: Waiting) -> bool:
        return job.local if self.engine is None else job.engine == self.engine

    def holds(self, job: Waiting) -> bool:
        """Whether it can begin with the job without loading anything first."""
        if self.engine is not None:
            return job.held is None or job.held == self.held
        return any(resident.model == job.model for resident in self.residents)


class Assignment(Struct, frozen=True):
    """Run these jobs together on that lane, after evicting these models from it."""

    lane: str
    jobs: tuple[Waiting, ...]
    evict: tuple[ModelKey, ...] = ()


def decide(
    index: QueueIndex,
    lanes: Sequence[FreeLane],
    estimates: Estimates,
    now: float,
    caps: Caps | None = None,
    busy: Sequence[FreeLane] = (),
) -> list[Assignment]:
    """At most one batch for each free lane; the index is only read. `busy` are the lanes that are well and work just now, or
    are being woken.
    """
    decided: list[Assignment] = []
    able = _Able(index, caps or Caps(), now)
    awake = [*(lane for lane in lanes if not lane.wake_seconds), *busy]
    for lane in sorted(lanes, key=lambda lane: lane.wake_seconds):
        others = [other for other in lanes if other is not lane]
        heads = [ranked for ranked in _heads(index, lane, able, now) if may_wake(lane, ranked[1], awake, now)]
        head = _choose(heads, lane, others, now)
        if head is None:
            continue
        able.take(head)
        awake.append(lane)
        batch = (head,) if lane.trial else (head, *_mates(index, head, able))
        need = estimates.bytes(head.model, head.memory_bytes)
        gone = () if lane.holds(head) else evictions(lane.residents, need, lane.budget)
        decided.append(Assignment(lane.name, batch, gone))
    return decided


def may_wake(lane: FreeLane, job: Waiting, awake: Iterable[FreeLane], now: float) -> bool:
    """Whether the lane may be given the job as far as its sleep goes."""
    return now >= wakes_at(lane, job, awake)


def wakes_at(lane: FreeLane, job: Waiting, awake: Iterable[FreeLane]) -> float:
    """From when on the lane may be woken for the job; nought: at any time."""
    if not lane.wake_seconds or not any(other.runs(job) for other in awake):
        return 0.0
    return max(job.queued_at, job.ready_at) + lane.wake_seconds


class _Able:
    """Which jobs may still be chosen: none twice, none before its time, and as many as their owners may run."""

    def __init__(self, index: QueueIndex, caps: Caps, now: float) -> None:
        self.taken: set[str] = set()
        self.room = Room(caps, index.running)
        self._now = now
        self._looked_at = LOOKED_AT if caps.by_key else None

    def __call__(self, job: Waiting) -> bool:
        return job.job_id not in self.taken and job.ready_at <= self._now and self.room.has(job)

    def first(self, jobs: Iterable[Waiting]) -> Waiting | None:
        return next(filter(self, islice(jobs, self._looked_at)), None)

    def take(self, job: Waiting) -> None:
        self.taken.add(job.job_id)
        self.room.take(job)


def _heads(index: QueueIndex, lane: FreeLane, able: _Able, now: float) -> Iterator[tuple[int, Waiting]]:
    """(rank, job) in the order of rules 1 to 3: the head of every group that this lane could run."""
    for bulk in (False, True):
        for team, user in index.people(bulk):
            if not able.room.for_person(team, user):
                continue
            heads = (able.first(group.values()) for group in index.groups(bulk, team, user).values())
            for head in sorted((head for head in heads if head and lane.runs(head)), key=lambda head: head.queued_at):
                yield (0 if not bulk else -1 if now - max(head.queued_at, index.bulk_ran_at) >= BULK_PATIENCE else 1), head


def _choose(heads: list[tuple[int, Waiting]], lane: FreeLane, others: Sequence[FreeLane], now: float) -> Waiting | None:
    heads.sort(key=lambda ranked: ranked[0])  # stable: the fair order stays within a rank
    due = next(((rank, head) for rank, head in heads if lane.holds(head) or not _is_elsewhere(head, others)), None)
    if due is None:
        return None
    rank, first = due
    if lane.holds(first) or now - first.queued_at >= SWAP_PATIENCE:
        return first
    return next((head for other, head in heads if other == rank and lane.holds(head)), first)


def _is_elsewhere(job: Waiting, others: Sequence[FreeLane]) -> bool:
    """Whether another free lane has what it needs, and will take it. A lane on trial may not be what it was."""
    return any(lane.runs(job) and lane.holds(job) and not lane.trial for lane in others)


def _mates(index: QueueIndex, head: Waiting, able: _Able) -> Iterator[Waiting]:
    """One job from each person in turn, oldest first, until the batch is full."""
    room = head.max_batch - head.pictures
    if head.alone or head.batch_key is None or room <= 0:
        return
    queues = [
        list(islice(index.groups(bulk, team, user).get(head.group, {}).values(), head.max_batch + len(able.taken)))
        for bulk in (False, True)
        for team, user in index.people(bulk)
    ]
    for turn in range(max(map(len, queues), default=0)):
        for queue in queues:
            if turn >= len(queue) or not able(queue[turn]):
                continue
            if queue[turn].alone or queue[turn].saving != head.saving or queue[turn].pictures > room:
                continue
            room -= queue[turn].pictures
            able.take(queue[turn])
            yield queue[turn]
