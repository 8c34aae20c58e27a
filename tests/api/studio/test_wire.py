"""Money as this surface shows it."""

from __future__ import annotations

import pytest

from gateway.api.studio.wire import credits


@pytest.mark.parametrize(
    ("amount", "shown"), [(0, 0), (10_000, 1), (40_000, 4), (5_000, 0.5), (12_500, 1.25), (1, 0.0001), (-10_000, -1)]
)
def test_whole_credits_are_whole_numbers(amount: int, shown: float) -> None:
    assert credits(amount) == shown
    assert isinstance(credits(amount), type(shown))
