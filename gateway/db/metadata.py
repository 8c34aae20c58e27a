"""What every room's tables share: one MetaData, ids that sort by time, and the clock."""

from __future__ import annotations

import secrets
import time
from uuid import UUID

import uuid_utils
from sqlalchemy import MetaData

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
"""Names are given, so that migrations can speak of every constraint on both databases."""
_LAST = (1 << 48) - 1
"""The last millisecond that an id can tell."""
_DRAWN_BITS = 74
_LOW_BITS = 62
"""Of what is drawn, those behind the variant; the others stand between version and variant."""
_VERSION_AND_VARIANT = 7 << 76 | 0b10 << 62


def new_id() -> str:
    """A UUIDv7 in text (RFC 9562, section 5.7): sorts by the time it was made."""
    return str(uuid_utils.uuid7())


def id_at(moment: int, by_chance: int | None = None) -> str:
    """An id that sorts as if it had been made then; `moment` in microseconds since the epoch, no time before that.

    `by_chance` is one of `drawn`. All of it is random, where `new_id` counts on within a millisecond: thousands of files
    may have one date, and the ids of that moment must lie apart.
    """
    chance = drawn(1)[0] if by_chance is None else by_chance
    high, low = chance >> _LOW_BITS, chance & (1 << _LOW_BITS) - 1
    return str(UUID(int=min(max(moment // 1000, 0), _LAST) << 80 | _VERSION_AND_VARIANT | high << 64 | low))


def drawn(count: int) -> list[int]:
    """For as many ids, so that those of one moment sort in the order in which these are given to `id_at`."""
    return sorted(secrets.randbits(_DRAWN_BITS) for _ in range(count))


def moment_of(identity: str) -> int:
    """When an id was made, to the millisecond, in microseconds since the epoch."""
    return int(identity[:8] + identity[9:13], 16) * 1000


def first_id_at(moment: int) -> str:
    """What sorts before every id of that millisecond, and behind all of those before it; `moment` in microseconds."""
    text = f"{min(max(moment // 1000, 0), _LAST):012x}"
    return f"{text[:8]}-{text[8:]}"


def now() -> int:
    """Microseconds since the epoch, UTC: how every time stands in the database."""
    return time.time_ns() // 1000
