"""Blobs: one row for each content that we keep, or are about to."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, String, Table, Text

from gateway.db import metadata

LIVE = "live"
DELETING = "deleting"

blobs = Table(
    "blobs",
    metadata,
    Column("hash", String(64), primary_key=True, comment="SHA-256 of the bytes, in hex"),
    Column("bytes", BigInteger, nullable=False),
    Column("path", Text, comment="where a file lies that was imported in place: never deleted by us; null: in the blob store"),
    Column("state", String(16), nullable=False, default=LIVE),
    Column("touched_at", BigInteger, nullable=False, comment="when someone last meant to keep it"),
    Column("modified_at", BigInteger, comment="of the file at `path`, in nanoseconds: a later one is another file"),
    CheckConstraint(f"state in ('{LIVE}', '{DELETING}')", name="state"),
)

# What a folder's import asks before it reads a file again.
Index("ix_blobs_path", blobs.c.path, sqlite_where=blobs.c.path.is_not(None), postgresql_where=blobs.c.path.is_not(None))
# What a crash left half deleted is found without reading a million live rows.
Index("ix_blobs_deleting", blobs.c.hash, sqlite_where=blobs.c.state == DELETING, postgresql_where=blobs.c.state == DELETING)
