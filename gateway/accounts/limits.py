"""How often keys, users and teams may ask: requests per minute, as [settings.limits] or an administrator says."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from gateway.accounts.own_limits import Whose
from gateway.accounts.permissions import Principal
from gateway.catalog.settings import Limits
from gateway.errors import TooManyRequests


class RequestLimits:
    """Counts in memory, in windows of a minute from the first request on: some 10 us for each limit that is set.

    A minute's allowance may be used at once, and so may the next one's: a limit is against a client that runs wild, not
    a pace.
    """

    def __init__(self, limits: Callable[[], Limits]) -> None:
        self._limits = limits
        self._limiter = FixedWindowRateLimiter(MemoryStorage())

    def count(self, principal: Principal) -> None:
        """One request more. Raises TooManyRequests, which says whose limit it is and when its window ends."""
        for whose, id_, most in self._set(principal):
            limit = RateLimitItemPerMinute(most)
            if not self._limiter.hit(limit, whose, id_):
                ends = self._limiter.get_window_stats(limit, whose, id_).reset_time
                raise TooManyRequests(
                    f"This {whose} may ask {most} times a minute ({principal.limits.place(whose, 'requests_per_minute')}).",
                    retry_after=max(1, math.ceil(ends - time.time())),
                    whose=whose,
                    limit=most,
                )

    def _set(self, principal: Principal) -> Iterator[tuple[Whose, str, int]]:
        limits, own = self._limits(), principal.limits
        if principal.key_id and (most := own.most(limits, "key", "requests_per_minute")):
            yield "key", principal.key_id, most
        if most := own.most(limits, "user", "requests_per_minute"):
            yield "user", principal.user_id, most
        if most := own.most(limits, "team", "requests_per_minute"):
            yield "team", principal.team_id, most
