"""What happens to a job, as structs, and the bus that carries them.

The bus is a doorbell, not a log: everything on it is either already committed (`JobChanged`) or may be lost
(`JobProgress`). Whoever connects reads the current state first and then listens.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from msgspec import Struct


class JobQueued(Struct, frozen=True):
    """A job was accepted, or put back: its row says `queued`."""

    job_id: str
    team_id: str
    user_id: str
    version: int
    job: Any
    """The row, a `gateway.jobs.records.Job`, so that nobody needs to read it again."""
    ready_at: float = 0.0
    """Not to be tried before this moment, in seconds since the epoch."""
    alone: bool = False
    """To be run without mates."""
    saving: bool = False
    """To be run with the model's memory-saving settings."""
    away_since: float = 0.0
    """Since when its engine was away at each try, in seconds since the epoch; 0: it was not."""


class JobChanged(Struct, frozen=True):
    """A job's row changed; `version` grows with every change."""

    job_id: str
    team_id: str
    user_id: str
    state: str
    version: int
    job: Any
    """The row as it was committed, a `gateway.jobs.records.Job`."""


class ImageStored(Struct, frozen=True):
    """A job's picture is durable and its row committed."""

    job_id: str
    team_id: str
    user_id: str
    image_id: str
    ordinal: int


class JobProgress(Struct, frozen=True):
    """How far a running job is: absolute values, lossy, never in the database. `preview` is a JPEG."""

    job_id: str
    team_id: str
    user_id: str
    step: int
    steps: int
    preview: bytes | None = None
    phase: str = "running"
    """`loading`, `running` or `storing`."""


Event = JobQueued | JobChanged | ImageStored | JobProgress

LARGEST_BACKLOG = 256


class Subscription:
    """One listener's mailbox: bounded; of a job's events of one kind only the latest waits, so a slow reader skips."""

    def __init__(self, wants: Callable[[Event], bool]) -> None:
        self.wants = wants
        self._waiting: OrderedDict[tuple[type, str], Event] = OrderedDict()
        self._bell = asyncio.Event()

    def put(self, event: Event) -> None:
        key = (type(event), event.image_id if isinstance(event, ImageStored) else event.job_id)
        self._waiting.pop(key, None)
        self._waiting[key] = event
        if len(self._waiting) > LARGEST_BACKLOG:
            self._waiting.popitem(last=False)
        self._bell.set()

    async def get(self) -> Event:
        """The next event; waits for one."""
        while not self._waiting:
            self._bell.clear()
            await self._bell.wait()
        return self._waiting.popitem(last=False)[1]


class Bus:
    """Publish on the event loop only; listeners are called at once and must not block."""

    def __init__(self) -> None:
        self._subscriptions: set[Subscription] = set()
        self._listeners: list[Callable[[Event], None]] = []
        self._watchers: Counter[str] = Counter()

    def publish(self, event: Event) -> None:
        for listener in self._listeners:
            listener(event)
        for subscription in self._subscriptions:
            if subscription.wants(event):
                subscription.put(event)

    def listen(self, listener: Callable[[Event], None]) -> None:
        """Call `listener` with every event, for as long as the bus lives."""
        self._listeners.append(listener)

    @contextmanager
    def subscribe(self, wants: Callable[[Event], bool]) -> Iterator[Subscription]:
        subscription = Subscription(wants)
        self._subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)

    @contextmanager
    def watch(self, job_id: str) -> Iterator[None]:
        """While this lasts, somebody looks at previews of the job, and engines make them."""
        self._watchers[job_id] += 1
        try:
            yield
        finally:
            self._watchers[job_id] -= 1
            if not self._watchers[job_id]:
                del self._watchers[job_id]

    def is_watched(self, job_id: str) -> bool:
        """May be asked from any thread."""
        return job_id in self._watchers
