"""Shares: one row for each link that was ever made, and how often each was opened. Neither opens anything by itself."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint

from gateway.db import metadata

shares = Table(
    "shares",
    metadata,
    Column("id", String(36), primary_key=True, comment="the token is an HMAC over it"),
    Column("team_id", String(36), ForeignKey("teams.id"), nullable=False),
    Column("user_id", String(36), ForeignKey("users.id"), nullable=False, comment="who made it"),
    Column("image_id", String(36), ForeignKey("images.id", ondelete="CASCADE"), nullable=False),
    Column("digest", String(64), nullable=False, comment="SHA-256 of the token, hexadecimal"),
    Column("copy_blob", String(64), ForeignKey("blobs.hash"), comment="the picture without private data; null: ended"),
    Column("source_type", String(64), comment="the IPTC digital source type that the picture declares"),
    Column("show_prompt", Boolean, nullable=False, comment="show how it was made, and the picture with all its data"),
    Column("password", Text, comment="argon2id, with its salt and costs; null: none is asked for"),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("ended_at", BigInteger, comment="when it was revoked or, after it had expired, replaced; null: the image's link"),
    Column("is_revoked", Boolean, nullable=False),
    Column("views", BigInteger, nullable=False, comment="the sum of share_views"),
    UniqueConstraint("digest"),
)
_CURRENT = shares.c.ended_at.is_(None)
Index("ux_shares_current", shares.c.image_id, unique=True, sqlite_where=_CURRENT, postgresql_where=_CURRENT)
Index("ix_shares_image_id", shares.c.image_id)
Index("ix_shares_copy_blob", shares.c.copy_blob)

share_views = Table(
    "share_views",
    metadata,
    Column("share_id", String(36), ForeignKey("shares.id", ondelete="CASCADE"), primary_key=True),
    Column("day", Integer, primary_key=True, autoincrement=False, comment="since the epoch, UTC"),
    Column("views", BigInteger, nullable=False),
)
