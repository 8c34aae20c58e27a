"""The brake on guessing: who guesses is slowed down, and no guesser locks out a browser that signed in before."""

from __future__ import annotations

import ipaddress
import math
import time
from typing import NamedTuple

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
KNOWN = RateLimitItemPerMinute(10, 15)
"""Failures of one browser that signed in before, or of one who is signed in."""
TOKENS = RateLimitItemPerMinute(20, 15)
"""Wrong tokens of one address at the first start. The token has 256 bits: this is against load, not against luck."""
_MESSAGE = "Too many failed attempts; wait, then try again."


class Count(NamedTuple):
    """One number of failures: how many may be, and by what they are counted together."""

    limit: RateLimitItem
    of: tuple[str, ...]


Counts = tuple[Count, ...]
"""What one attempt is counted by. The first is the attempter's own: it begins anew with a success."""


def stranger(email: str, address: str) -> Counts:
    """One of whom nothing is known but where they come from."""
    network = _network(address)
    pair, anyone, anywhere = ("pair", email, network), ("address", network), ("email", email)
    return Count(PAIR, pair), Count(ADDRESS, anyone), Count(EMAIL, anywhere)


def known(name: str) -> Counts:
    """One who has proved themselves before; what strangers try is not counted against them, nor they against others."""
    return (Count(KNOWN, ("known", name)),)


def at_first_start(address: str) -> Counts:
    return (Count(TOKENS, ("first start", _network(address))),)


class Brake:
    """Counts failures only, in memory; a restart forgets them."""

    def __init__(self) -> None:
        self._limiter = FixedWindowRateLimiter(MemoryStorage())

    def check(self, counts: Counts) -> None:
        """Raises TooManyRequests, known e-mail or not."""
        for limit, of in counts:
            if not self._limiter.test(limit, *of):
                ends = self._limiter.get_window_stats(limit, *of).reset_time
                raise TooManyRequests(_MESSAGE, retry_after=max(1, math.ceil(ends - time.time())))

    def failed(self, counts: Counts) -> None:
        for limit, of in counts:
            self._limiter.hit(limit, *of)

    def succeeded(self, counts: Counts) -> None:
        """The attempter's own count begins anew; what others tried stays counted."""
        self._limiter.clear(counts[0].limit, *counts[0].of)


def _network(address: str) -> str:
    """Of IPv6 the first 64 bits, which one household has; another address within them costs nothing."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.IPv6Network((parsed, 64), strict=False))
    return address
