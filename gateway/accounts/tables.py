"""Who may do what: teams, users, which user is in which team, and keys."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, String, Table, Text, UniqueConstraint

from gateway.db import metadata

OWN = "JSON object: limits in place of [settings.limits]; null: none of its own"

teams = Table(
    "teams",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("name", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("closed_at", BigInteger, comment="its keys open nothing since then; what it owns stays"),
    Column("limits", Text, comment=OWN),
    UniqueConstraint("name"),
)

users = Table(
    "users",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("name", Text, nullable=False),
    Column("email", Text, comment="lower case; null for one who only has keys"),
    Column("password", Text, comment="argon2id, with its salt and costs; null for one who cannot sign in"),
    Column("is_admin", Boolean, nullable=False, default=False, comment="may hold keys with the permission admin"),
    Column("created_at", BigInteger, nullable=False),
    Column("closed_at", BigInteger, comment="their keys and sessions open nothing since then"),
    Column("limits", Text, comment=OWN),
    UniqueConstraint("email"),
)

members = Table(
    "members",
    metadata,
    Column("team_id", String(36), ForeignKey("teams.id", ondelete="CASCADE"), primary_key=True),
    Column("user_id", String(36), ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("role", String(16), nullable=False, comment="viewer, member or owner"),
    Column("created_at", BigInteger, nullable=False),
)
Index("ix_members_user", members.c.user_id)

keys = Table(
    "keys",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("team_id", String(36), ForeignKey("teams.id"), nullable=False),
    Column("user_id", String(36), ForeignKey("users.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("origin", String(16), nullable=False, comment="made, preset (by the environment) or command (the local one's)"),
    Column("digest", String(64), nullable=False, comment="SHA-256 of the key, hexadecimal"),
    Column("prefix", String(16), nullable=False, comment="how the key begins, to know it by"),
    Column("permissions", Text, nullable=False, comment="JSON list"),
    Column("bulk", Boolean, nullable=False, default=False, comment="its jobs wait behind interactive ones by default"),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("last_used_at", BigInteger, comment="up to a minute late"),
    Column("revoked_at", BigInteger),
    Column("limits", Text, comment=OWN),
    UniqueConstraint("digest"),
)
Index("ix_keys_team", keys.c.team_id, keys.c.id.desc())
Index("ix_keys_user", keys.c.user_id, keys.c.id.desc())

key_options = Table(
    "key_options",
    metadata,
    Column("team_id", String(36), ForeignKey("teams.id", ondelete="CASCADE"), primary_key=True),
    Column("owner", String(36), primary_key=True, comment="a key's id; a user's, for the sessions of the pages"),
    Column("surface", String(16), primary_key=True, comment="the API that has these options"),
    Column("chosen", Text, nullable=False, comment="JSON object, by the names that the API has for them"),
    Column("updated_at", BigInteger, nullable=False),
)
"""What a key chose for an API whose clients set options beforehand: a small object, read with each request there."""

audit = Table(
    "audit",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("created_at", BigInteger, nullable=False),
    Column("user_id", String(36), nullable=False, comment="who did it; no foreign key, the log outlives everything"),
    Column("key_id", String(36), comment="null: from a session"),
    Column("address", Text, comment="where the request came from, as trusted proxies say"),
    Column("action", String(64), nullable=False),
    Column("target", Text, nullable=False),
    Column("details", Text, nullable=False, comment="JSON object"),
)
Index("ix_audit_target", audit.c.target, audit.c.id.desc())
Index("ix_audit_user", audit.c.user_id, audit.c.id.desc())

sessions = Table(
    "sessions",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("user_id", String(36), ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("team_id", String(36), ForeignKey("teams.id"), nullable=False, comment="the one that it works in now"),
    Column("digest", String(64), nullable=False, comment="SHA-256 of the cookie's token, hexadecimal"),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    UniqueConstraint("digest"),
)
Index("ix_sessions_user", sessions.c.user_id)
Index("ix_sessions_expires", sessions.c.expires_at)

first_starts = Table(
    "first_starts",
    metadata,
    Column("user_id", String(36), ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("digest", String(64), nullable=False, comment="SHA-256 of the one-time token on the console; gone with its use"),
    Column("expires_at", BigInteger, nullable=False),
)
