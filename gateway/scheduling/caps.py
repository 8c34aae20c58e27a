"""How many jobs of one key, user or team may run at once, over all lanes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from msgspec import Struct

from gateway.scheduling.index import Waiting

Owner = tuple[str, str]
"""(`key`, `user` or `team`; its id)."""


class Caps(Struct, frozen=True):
    """0: as many as there are lanes for."""

    key: int = 0
    user: int = 0
    team: int = 0

    def __bool__(self) -> bool:
        return bool(self.key or self.user or self.team)


class Room:
    """What may still start, while it is being decided: `running` counts the jobs of each owner that run by now."""

    def __init__(self, caps: Caps, running: Mapping[Owner, int]) -> None:
        self._caps = caps
        self._running = running
        self._more: Counter[Owner] = Counter()

    def for_person(self, team_id: str, user_id: str) -> bool:
        """Whether any job of this user in this team may start."""
        return not self._caps or (self._free("team", team_id, self._caps.team) and self._free("user", user_id, self._caps.user))

    def full(self, job: Waiting) -> str | None:
        """Whose limit keeps the job waiting: `key`, `user` or `team`; None: it may start."""
        return next((kind for kind, id_ in job.owners() if not self._free(kind, id_, getattr(self._caps, kind))), None)

    def take(self, job: Waiting) -> None:
        if self._caps:
            self._more.update(job.owners())

    def has(self, job: Waiting) -> bool:
        return not self._caps or self.full(job) is None

    def _free(self, kind: str, id_: str, most: int) -> bool:
        return not most or self._running.get((kind, id_), 0) + self._more[kind, id_] < most
