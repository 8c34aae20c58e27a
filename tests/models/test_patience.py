from __future__ import annotations

import pytest

from gateway.models.patience import LATEST, SLOW, SLOWEST, SOON, Patience, first_due


@pytest.mark.parametrize(("away", "first", "last"), [(True, SOON, LATEST), (False, SLOW, SLOWEST)])
def test_ever_more_rarely(away: bool, first: float, last: float) -> None:
    patience, now, pauses = Patience(0.0, away=away), 0.0, []
    for _ in range(8):
        pauses.append(patience.due - now)
        now = patience.due
        patience.again(now, away=away)
    assert pauses[0] == first
    assert pauses == sorted(pauses)
    assert pauses[-1] == last


def test_who_answers_at_last_is_asked_at_another_pace() -> None:
    patience = Patience(0.0, away=True)
    patience.again(10.0, away=False)
    assert patience.due == 10.0 + SLOW
    patience.again(100.0, away=True)
    assert patience.due == 100.0 + SOON


def test_the_first_that_is_due() -> None:
    assert first_due([]) is None
    assert first_due([Patience(5.0, away=True), Patience(1.0, away=True)]) == 1.0 + SOON
