"""Times on the wire: UTC, ISO 8601 with `Z`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import overload

_MICROSECONDS = 1_000_000


@overload
def moment(microseconds: int) -> datetime: ...
@overload
def moment(microseconds: None) -> None: ...
def moment(microseconds: int | None) -> datetime | None:
    """From the database's microseconds since the epoch; msgspec writes it with `Z`."""
    return None if microseconds is None else datetime.fromtimestamp(microseconds / _MICROSECONDS, UTC)


def microseconds(time: datetime) -> int:
    """Into the database's microseconds since the epoch; a time without a zone is taken as UTC."""
    return round((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() * _MICROSECONDS)


def tenths(seconds: float | None) -> float | None:
    """An estimate of seconds, no finer than it can be."""
    return None if seconds is None else round(seconds, 1)
