from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import InvalidInput
from gateway.wallet import money


@pytest.mark.parametrize(
    ("units", "text"),
    [(0, "0.0000"), (1, "0.0001"), (10_000, "1.0000"), (123_450_000, "12345.0000"), (-1, "-0.0001"), (-15_000, "-1.5000")],
)
def test_credits_are_shown_with_four_decimals(units: int, text: str) -> None:
    assert money.text(units) == text


@pytest.mark.parametrize(
    ("units", "shown"), [(0, 0), (10_000, 1), (40_000, 4), (5_000, 0.5), (12_500, 1.25), (1, 0.0001), (-10_000, -1)]
)
def test_whole_credits_are_whole_numbers(units: int, shown: float) -> None:
    assert money.number(units) == shown
    assert isinstance(money.number(units), type(shown))


@pytest.mark.parametrize(("units", "usd"), [(0, "0.0000"), (500_000, "0.0500"), (999, "0.0000"), (-15_000_000, "-1.5000")])
def test_dollars_are_cut_to_four_decimals(units: int, usd: str) -> None:
    assert money.dollars(units, 1000) == usd


@given(st.integers(-(10**16), 10**16))
def test_nothing_is_lost_on_the_way_out_and_in(units: int) -> None:
    assert money.units(Decimal(money.text(units))) == units


@pytest.mark.parametrize("amount", ["0.00001", "NaN", "Infinity", "1E+13", "-1E+13"])
def test_what_is_no_amount_names_its_field(amount: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        money.units(Decimal(amount), "price")
    assert raised.value.field == "price"
