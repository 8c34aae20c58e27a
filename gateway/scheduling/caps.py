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
    own: Mapping[Owner, int] = {}
    """Those that were settled for one key, user or team; they go before the three above."""

    def __bool__(self) -> bool:
        return bool(self.key or self.user or self.team or self.own)

    @property
    def by_key(self) -> bool:
        """Whether keys are told apart: jobs of one user may then differ in whether they can start."""
        return bool(self.key) or any(kind == "key" for kind, _ in self.own)

    def most(self, kind: str, id_: str) -> int:
        """How many jobs of this owner may run at once; 0: any number."""
        usual: int = getattr(self, kind)
        return self.own.get((kind, id_), usual) if self.own else usual


class Room:
    """What may still start, while it is being decided: `running` counts the jobs of each owner that run by now."""

    def __init__(self, caps: Caps, running: Mapping[Owner, int]) -> None:
        self._caps = caps
        self._running = running
        self._more: Counter[Owner] = Counter()

    def for_person(self, team_id: str, user_id: str) -> bool:
        """Whether any job of this user in this team may start."""
        return not self._caps or (self._free("team", team_id) and self._free("user", user_id))

    def full(self, job: Waiting) -> str | None:
        """Whose limit keeps the job waiting: `key`, `user` or `team`; None: it may start."""
        return next((kind for kind, id_ in job.owners() if not self._free(kind, id_)), None)

    def take(self, job: Waiting) -> None:
        if self._caps:
            self._more.update(job.owners())

    def has(self, job: Waiting) -> bool:
        return not self._caps or self.full(job) is None

    def _free(self, kind: str, id_: str) -> bool:
        most = self._caps.most(kind, id_)
        return not most or self._running.get((kind, id_), 0) + self._more[kind, id_] < most
