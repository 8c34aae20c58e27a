"""The queue in memory: class -> team -> user -> group -> jobs, oldest first.

Committed events keep it and a start rebuilds it; the table stays the truth. A group is what may share a forward
pass (equal model and batch key). Choosing looks at the heads of groups only, so it costs the same for ten jobs and
for a hundred thousand.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator

from msgspec import Struct

ModelKey = tuple[str, str]
"""Id and revision of a model: what a resident is known by."""
Group = tuple[ModelKey, Hashable]


class Waiting(Struct, frozen=True, kw_only=True):
    """What the policy needs to know of a queued job; times are seconds since the epoch."""

    job_id: str
    team_id: str
    user_id: str
    key_id: str | None = None
    bulk: bool
    engine: str
    local: bool
    """Whether any device can run it; else only the lanes of its own engine."""
    model: ModelKey
    batch_key: Hashable | None
    pictures: int
    max_batch: int
    queued_at: float
    ready_at: float = 0.0
    away_since: float = 0.0
    """When its engine was first found away, if it was so at every try since; 0: it was not."""
    held: Hashable | None = None
    """What a remote server loads for it, as the engine calls it; None: nothing, or a device runs it."""
    open_model: bool = False
    """The caller left the model to us, so another may step in."""
    alone: bool = False
    """To be tried without mates: it may have been what broke its last batch."""
    saving: bool = False
    memory_bytes: int | None = None

    @property
    def group(self) -> Group:
        return (self.model, self.batch_key)

    def owners(self) -> list[tuple[str, str]]:
        """Whose job it is: (`team`, its id), (`user`, …) and, unless it came from a session, (`key`, …)."""
        mine = [("team", self.team_id), ("user", self.user_id)]
        return [*mine, ("key", self.key_id)] if self.key_id else mine


class QueueIndex:
    """All queued jobs, and how much device time each team and user has had."""

    def __init__(self) -> None:
        self._jobs: dict[str, Waiting] = {}
        self._queues: dict[bool, dict[str, dict[str, dict[Group, dict[str, Waiting]]]]] = {False: {}, True: {}}
        self.pictures: Counter[ModelKey] = Counter()
        """That wait to be made, by model."""
        self._served: dict[str, float] = {}
        """Device seconds by team and by (team, user), joined with a slash."""
        self.running: Counter[tuple[str, str]] = Counter()
        """Jobs that run, by (`key`, `user` or `team`; its id)."""
        self._running: dict[str, Waiting] = {}
        self.bulk_ran_at = 0.0
        """When a bulk job last left the queue to run, in seconds since the epoch."""

    def __len__(self) -> int:
        return len(self._jobs)

    def __contains__(self, job_id: str) -> bool:
        return job_id in self._jobs

    def __iter__(self) -> Iterator[Waiting]:
        return iter(self._jobs.values())

    def get(self, job_id: str) -> Waiting | None:
        return self._jobs.get(job_id)

    def add(self, job: Waiting) -> None:
        """Join the queue; a job that is there already is replaced, and one that ran does not any more."""
        self.remove(job.job_id)
        self.ended(job.job_id)
        teams = self._queues[job.bulk]
        self._arrive(job.team_id, {team for queues in self._queues.values() for team in queues})
        users = teams.setdefault(job.team_id, {})
        self._arrive(f"{job.team_id}/{job.user_id}", {f"{job.team_id}/{user}" for user in users})
        groups = users.setdefault(job.user_id, {})
        waiting = groups.setdefault(job.group, {})
        late = bool(waiting) and next(reversed(waiting.values())).queued_at > job.queued_at
        waiting[job.job_id] = job
        if late:  # it was put back: it keeps the place that its age gives
            groups[job.group] = dict(sorted(waiting.items(), key=lambda item: item[1].queued_at))
        self._jobs[job.job_id] = job
        self.pictures[job.model] += job.pictures

    def take(self, job: Waiting, seconds: float, now: float) -> None:
        """It runs: leave the queue, with the device time that it will probably need charged ahead."""
        self.remove(job.job_id)
        self.charge(job, seconds)
        self.ended(job.job_id)
        self._running[job.job_id] = job
        self.running.update(job.owners())
        if job.bulk:
            self.bulk_ran_at = now

    def ended(self, job_id: str) -> None:
        """It runs no more; one that did not run is no error."""
        job = self._running.pop(job_id, None)
        if job is not None:
            self.running.subtract(job.owners())
            self.running += Counter()  # without those at nought

    def remove(self, job_id: str) -> Waiting | None:
        """Leave the queue; None when it is not there."""
        job = self._jobs.pop(job_id, None)
        if job is None:
            return None
        users = self._queues[job.bulk][job.team_id]
        groups = users[job.user_id]
        groups[job.group].pop(job_id)
        if not groups[job.group]:
            del groups[job.group]
        if not groups:
            del users[job.user_id]
        if not users:
            del self._queues[job.bulk][job.team_id]
        self.pictures[job.model] -= job.pictures
        if not self.pictures[job.model]:
            del self.pictures[job.model]
        return job

    def charge(self, job: Waiting, seconds: float) -> None:
        """Note device time spent (or, negative, given back) on a job."""
        for name in (job.team_id, f"{job.team_id}/{job.user_id}"):
            self._served[name] = self._served.get(name, 0.0) + seconds

    def people(self, bulk: bool) -> Iterator[tuple[str, str]]:
        """(team, user) with queued jobs of this class: the team served least first, within it the user served least."""
        teams = self._queues[bulk]
        for team in sorted(teams, key=self._turn):
            yield from ((team, user) for user in sorted(teams[team], key=lambda user: self._turn(f"{team}/{user}")))

    def groups(self, bulk: bool, team: str, user: str) -> dict[Group, dict[str, Waiting]]:
        """A user's groups; each holds its jobs, oldest first."""
        return self._queues[bulk][team][user]

    def ahead(self, job_id: str) -> int:
        """How many jobs a fair turn lets go first: all of a higher class, and of everyone else as many as of oneself."""
        job = self._jobs[job_id]
        mine = self.groups(job.bulk, job.team_id, job.user_id).values()
        own = sum(1 for group in mine for other in group.values() if other.queued_at < job.queued_at)
        sizes = {person: self._size(job.bulk, *person) for person in self.people(job.bulk)}
        others = sum(min(size, own + 1) for person, size in sizes.items() if person != (job.team_id, job.user_id))
        higher = sum(self._size(False, *person) for person in self.people(False)) if job.bulk else 0
        return own + others + higher

    def _turn(self, name: str) -> tuple[float, str]:
        return (self._served.get(name, 0.0), name)

    def _size(self, bulk: bool, team: str, user: str) -> int:
        return sum(len(group) for group in self.groups(bulk, team, user).values())

    def _arrive(self, name: str, present: set[str]) -> None:
        """Whoever was away gets no credit for it: they start level with the least served of those who are here."""
        if name not in present and present:
            self._served[name] = max(self._served.get(name, 0.0), min(self._served.get(other, 0.0) for other in present))
