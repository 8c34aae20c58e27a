"""When a call that failed is tried again, and when it is given up. Pure."""

from __future__ import annotations

from msgspec import Struct

MINUTE, HOUR = 60, 3600
DELAYS = (5, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR)
"""Seconds after each failure, as the Standard Webhooks specification proposes; the last one goes on."""
JITTER = 0.2
"""How far each delay is stretched or shortened at most, so that what failed together does not come back together."""
GONE = 410
"""By this answer a receiver asks never to be called again."""


class Delivered(Struct, frozen=True):
    """A good answer."""


class Later(Struct, frozen=True):
    """To be tried again in `seconds`."""

    seconds: float


class Dead(Struct, frozen=True):
    """Given up; `gone` when the receiver wants no call ever again."""

    gone: bool = False


Verdict = Delivered | Later | Dead


def after(status: int | None, attempts: int, max_attempts: int, chance: float) -> Verdict:
    """What becomes of a call.

    `status` is that of the answer, None where there was none; `attempts` counts this one too; `chance` is from 0 to 1.
    """
    if status is not None and 200 <= status < 300:
        return Delivered()
    if status == GONE:
        return Dead(gone=True)
    if attempts >= max_attempts:
        return Dead()
    delay = DELAYS[min(attempts, len(DELAYS)) - 1]
    return Later(delay * (1 + JITTER * (2 * chance - 1)))
