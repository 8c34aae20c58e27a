"""Who runs next: a pure function of what waits, which lanes are free, and the time.

1. Interactive before bulk, but once in `BULK_PATIENCE` a bulk job that has waited that long goes first.
2. The team that has had the least device time, and in it the user that has had the least.
3. Of that user's groups the one whose head is oldest.
4. A job whose model is already on the device may go before the one that is due, as long as the latter has not waited
   `SWAP_PATIENCE` for it: fewer swaps, and nobody starves.
5. Mates of the same group fill the batch, again in fair order.

Nobody starts more jobs than `Caps` lets their key, user or team run at once; others then go first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
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
    budget: int | None = None
    """Bytes for models, where that is known."""

    def runs(self, job: Waiting) -> bool:
        return job.local if self.engine is None else job.engine == self.engine

    def holds(self, model: ModelKey) -> bool:
        return self.engine is not None or any(resident.model == model for resident in self.residents)


class Assignment(Struct, frozen=True):
    """Run these jobs together on that lane, after evicting these models from it."""

    lane: str
    jobs: tuple[Waiting, ...]
    evict: tuple[ModelKey, ...] = ()


def decide(
    index: QueueIndex, lanes: Sequence[FreeLane], estimates: Estimates, now: float, caps: Caps | None = None
) -> list[Assignment]:
    """At most one batch for each free lane; the index is only read."""
    decided: list[Assignment] = []
    able = _Able(index, caps or Caps(), now)
    for lane in lanes:
        elsewhere = {resident.model for other in lanes if other is not lane for resident in other.residents}
        head = _choose(list(_heads(index, lane, able, now)), lane, elsewhere, now)
        if head is None:
            continue
        able.take(head)
        batch = (head, *_mates(index, head, able))
        need = estimates.bytes(head.model, head.memory_bytes)
        gone = () if lane.holds(head.model) else evictions(lane.residents, need, lane.budget)
        decided.append(Assignment(lane.name, batch, gone))
    return decided


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


def _choose(heads: list[tuple[int, Waiting]], lane: FreeLane, elsewhere: set[ModelKey], now: float) -> Waiting | None:
    heads.sort(key=lambda ranked: ranked[0])  # stable: the fair order stays within a rank
    due = next(((rank, head) for rank, head in heads if lane.holds(head.model) or head.model not in elsewhere), None)
    if due is None:
        return None
    rank, first = due
    if lane.holds(first.model) or now - first.queued_at >= SWAP_PATIENCE:
        return first
    return next((head for other, head in heads if other == rank and lane.holds(head.model)), first)


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
