from __future__ import annotations

import pytest

from gateway.webhooks.schedule import DELAYS, Dead, Delivered, Later, Verdict, after


@pytest.mark.parametrize(
    ("status", "attempts", "verdict"),
    [
        (200, 1, Delivered()),
        (204, 10, Delivered()),
        (299, 1, Delivered()),
        (300, 1, Later(5)),
        (301, 1, Later(5)),
        (400, 1, Later(5)),
        (404, 2, Later(300)),
        (429, 3, Later(1800)),
        (500, 9, Later(86_400)),
        (None, 1, Later(5)),
        (None, 9, Later(86_400)),
        (None, 10, Dead()),
        (503, 11, Dead()),
        (410, 1, Dead(gone=True)),
        (410, 10, Dead(gone=True)),
    ],
)
def test_what_becomes_of_a_call(status: int | None, attempts: int, verdict: Verdict) -> None:
    assert after(status, attempts, 10, 0.5) == verdict


def test_the_last_delay_goes_on_where_more_attempts_are_wanted() -> None:
    assert after(500, 40, 50, 0.5) == Later(DELAYS[-1])


@pytest.mark.parametrize("attempts", range(1, 10))
def test_delays_are_spread_but_never_cross(attempts: int) -> None:
    first, last = after(500, attempts, 10, 0.0), after(500, attempts, 10, 1.0)
    assert isinstance(first, Later)
    assert isinstance(last, Later)
    assert first.seconds == pytest.approx(DELAYS[attempts - 1] * 0.8)
    assert last.seconds == pytest.approx(DELAYS[attempts - 1] * 1.2)
