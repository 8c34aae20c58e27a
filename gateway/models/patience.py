"""When an engine that did not answer is asked again: soon at first, then ever more rarely."""

from __future__ import annotations

from collections.abc import Iterable

SOON, LATEST = 2.0, 60.0
"""Seconds between two askings of an engine that cannot be reached: the first and the longest."""
SLOW, SLOWEST = 60.0, 600.0
"""The same where it answered, and what it said has to be mended by somebody."""


class Patience:
    """One engine's; times are seconds on a clock that never goes back."""

    def __init__(self, now: float, *, away: bool) -> None:
        self._away = away
        self._delay = SOON if away else SLOW
        self.due = now + self._delay

    def again(self, now: float, *, away: bool) -> None:
        """It was asked in vain once more."""
        if away != self._away:
            self._away, self._delay = away, SOON if away else SLOW
        else:
            self._delay = min(LATEST if away else SLOWEST, 2 * self._delay)
        self.due = now + self._delay


def first_due(patiences: Iterable[Patience]) -> float | None:
    return min((each.due for each in patiences), default=None)
