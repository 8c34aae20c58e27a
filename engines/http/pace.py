"""When an account may be asked again, by what its server says; shared by all jobs of the account."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping

from engines.contract import UpstreamRateLimited
from engines.http.faults import LONGEST_REST

_SPELLED = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?")


class Pace:
    """`check` before each request, `note` after each answer, `hold` after each refusal."""

    def __init__(self, server: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._server = server
        self._clock = clock
        self._until = 0.0
        self._words = ""

    def check(self) -> None:
        """Raises UpstreamRateLimited while the account has nothing left: nobody is asked, and nothing is sent."""
        left = self._until - self._clock()
        if left > 0:
            raise UpstreamRateLimited(self._words, left)

    def hold(self, error: UpstreamRateLimited) -> None:
        """Nobody asks before this time has passed."""
        self._hold(error.retry_after, error.message)

    def note(self, headers: Mapping[str, str]) -> None:
        """What an answer says is left: `x-ratelimit-remaining-requests` and `-reset-requests`, and the same of tokens.

        https://platform.openai.com/docs/guides/rate-limits
        """
        for what in ("requests", "tokens", "images"):
            remaining = headers.get(f"x-ratelimit-remaining-{what}", "")
            if remaining.isdigit() and int(remaining) == 0:
                seconds = duration(headers.get(f"x-ratelimit-reset-{what}", ""))
                if seconds:
                    self._hold(seconds, f"{self._server} has no {what} left for this account for {seconds:.0f} seconds.")

    def _hold(self, seconds: float, words: str) -> None:
        until = self._clock() + min(seconds, LONGEST_REST)
        if until > self._until:
            self._until, self._words = until, words


def duration(text: str) -> float | None:
    """Seconds of `1s`, `6m0s`, `2h3m0.5s`, `120ms`, or a plain number; None for anything else."""
    text = text.strip()
    if not text:
        return None
    if found := _SPELLED.fullmatch(text):
        units = (86_400, 3600, 60, 1, 0.001)
        return sum(float(part) * unit for part, unit in zip(found.groups(), units, strict=True) if part)
    return float(text) if re.fullmatch(r"\d+(?:\.\d+)?", text) else None
