"""What the database knows of itself."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, String, Table

from gateway.db.metadata import metadata

marks = Table(
    "marks",
    metadata,
    Column("name", String(64), primary_key=True, comment="of what had to be done once"),
    Column("done_at", BigInteger, nullable=False),
)
"""Work that old rows needed once, beside everything else, and that is done: see `gateway.db.marks`."""
