"""Times on the wire: UTC, ISO 8601 with `Z`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import overload

_MICROSECONDS = 1_000_000
_FIRST, _LAST = -62_135_596_800 * _MICROSECONDS, 253_402_300_799 * _MICROSECONDS
"""The seconds in which the years 1 and 9999 begin and end: what dates can be written of."""


@overload
def moment(microseconds: int) -> datetime: ...
@overload
def moment(microseconds: None) -> None: ...
def moment(microseconds: int | None) -> datetime | None:
    """From the database's microseconds since the epoch; msgspec writes it with `Z`. What is past the year 9999 is its end."""
    if microseconds is None:
        return None
    return datetime.fromtimestamp(min(max(microseconds, _FIRST), _LAST) / _MICROSECONDS, UTC)


def microseconds(time: datetime) -> int:
    """Into the database's microseconds since the epoch; a time without a zone is taken as UTC, and one that its zone leads
    out of the years 1 to 9999 as their beginning or end."""
    said = round((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() * _MICROSECONDS)
    return min(max(said, _FIRST), _LAST)


def tenths(seconds: float | None) -> float | None:
    """An estimate of seconds, no finer than it can be."""
    return None if seconds is None else round(seconds, 1)
