"""The brake on sign-in: who guesses is slowed down, and a guesser far away does not lock the owner out."""

from __future__ import annotations

import ipaddress
import math
import time

from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from gateway.errors import TooManyRequests

PAIR = RateLimitItemPerMinute(10, 15)
"""Failures of one address for one e-mail: someone who tries their few passwords, thrice over."""
ADDRESS = RateLimitItemPerMinute(60, 15)
"""Failures of one address for any e-mail: an office behind one address, or one guesser."""
EMAIL = RateLimitItemPerHour(100)
"""Failures for one e-mail from anywhere: 2,400 guesses a day do not find a password of 12 characters."""
_MESSAGE = "Too many failed attempts to sign in; wait, then try again."


class Brake:
    """Counts failures only, in memory; a restart forgets them."""

    def __init__(self) -> None:
        self._limiter = FixedWindowRateLimiter(MemoryStorage())

    def check(self, email: str, address: str) -> None:
        """Raises TooManyRequests, known e-mail or not."""
        for limit, *who in _counted(email, address):
            if not self._limiter.test(limit, *who):
                ends = self._limiter.get_window_stats(limit, *who).reset_time
                raise TooManyRequests(_MESSAGE, retry_after=max(1, math.ceil(ends - time.time())))

    def failed(self, email: str, address: str) -> None:
        for limit, *who in _counted(email, address):
            self._limiter.hit(limit, *who)

    def succeeded(self, email: str, address: str) -> None:
        """The pair begins anew; what others tried stays counted."""
        self._limiter.clear(PAIR, "pair", email, _network(address))


def _counted(email: str, address: str) -> tuple[tuple[RateLimitItem, *tuple[str, ...]], ...]:
    network = _network(address)
    return (PAIR, "pair", email, network), (ADDRESS, "address", network), (EMAIL, "email", email)


def _network(address: str) -> str:
    """Of IPv6 the first 64 bits, which one household has; another address within them costs nothing."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(known, ipaddress.IPv6Address):
        if known.ipv4_mapped:
            return str(known.ipv4_mapped)
        return str(ipaddress.IPv6Network((known, 64), strict=False))
    return address
