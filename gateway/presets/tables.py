"""Presets and their versions, and the model that a team prefers."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, String, Table, Text

from gateway.db import metadata

presets = Table(
    "presets",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("team_id", String(36), ForeignKey("teams.id"), nullable=False),
    Column("name", Text, nullable=False, comment="as in the newest version"),
    Column("version", Integer, nullable=False, comment="the newest one's"),
    Column("content", LargeBinary, nullable=False, comment="JSON of presets.presets.Content, the newest"),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    # The row stays: pictures that were made from it still name it.
    Column("deleted_at", BigInteger),
)
_LIVE = presets.c.deleted_at.is_(None)
Index("ix_presets_newest", presets.c.team_id, presets.c.id.desc(), sqlite_where=_LIVE, postgresql_where=_LIVE)

preset_versions = Table(
    "preset_versions",
    metadata,
    Column("preset_id", String(36), ForeignKey("presets.id", ondelete="CASCADE"), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("team_id", String(36), ForeignKey("teams.id"), nullable=False),
    Column("user_id", String(36), ForeignKey("users.id"), nullable=False, comment="who wrote it"),
    Column("content", LargeBinary, nullable=False, comment="JSON of presets.presets.Content; never changed"),
    Column("created_at", BigInteger, nullable=False),
)

team_models = Table(
    "team_models",
    metadata,
    Column("team_id", String(36), ForeignKey("teams.id", ondelete="CASCADE"), primary_key=True),
    Column("model", String(200), nullable=False, comment="id or alias of what is taken where a request names none"),
    Column("updated_at", BigInteger, nullable=False),
)
