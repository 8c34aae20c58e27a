"""What every room's tables share: one MetaData, ids that sort by time, and the clock."""

from __future__ import annotations

import time

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


def new_id() -> str:
    """A UUIDv7 in text (RFC 9562, section 5.7): sorts by the time it was made."""
    return str(uuid_utils.uuid7())


def now() -> int:
    """Microseconds since the epoch, UTC: how every time stands in the database."""
    return time.time_ns() // 1000
