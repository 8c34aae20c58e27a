"""Credits: whole ten-thousandths inside, decimals outside."""

from __future__ import annotations

from decimal import Decimal

from gateway.catalog.tariffs import UNITS
from gateway.errors import InvalidInput

LARGEST = 10**12
"""Credits in one movement; far below what 64 bits hold."""


def units(amount: Decimal, field: str = "amount") -> int:
    """Ten-thousandths. Raises InvalidInput for more decimals than four, and for what is no amount of money."""
    if not amount.is_finite() or abs(amount) > LARGEST or amount != round(amount, 4):
        raise InvalidInput(f"{field} must be credits such as 500 or 0.25, with four decimals at most.", field=field)
    return int(amount * UNITS)


def text(amount: int) -> str:
    """Credits with four decimals, exact."""
    return f"{'-' if amount < 0 else ''}{abs(amount) // UNITS}.{abs(amount) % UNITS:04d}"


def number(amount: int) -> int | float:
    """Credits as a number of JSON: a whole one where it is one."""
    return amount // UNITS if amount % UNITS == 0 else amount / UNITS


def dollars(amount: int, per_usd: int) -> str:
    """What credits are worth, cut to four decimals."""
    return text(abs(amount) // per_usd * (-1 if amount < 0 else 1))
