"""Who is called when a job is finished, and every call that is owed or was made."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, String, Table, Text

from gateway.db import metadata

webhooks = Table(
    "webhooks",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("team_id", String(36), ForeignKey("teams.id"), nullable=False),
    Column("user_id", String(36), ForeignKey("users.id"), nullable=False, comment="who made it"),
    Column("url", Text, nullable=False),
    Column("description", Text, nullable=False, default=""),
    Column("events", Text, nullable=False, comment="JSON list of what it is told of"),
    Column("active", Boolean, nullable=False, default=True),
    Column("problem", Text, comment="why it was switched off by itself"),
    Column("secret_version", Integer, nullable=False, default=1, comment="grows when its secret is changed"),
    Column("secret_changed_at", BigInteger, comment="until a day after it the secret before signs too"),
    Column("created_at", BigInteger, nullable=False),
)
Index("ix_webhooks_team", webhooks.c.team_id, webhooks.c.id.desc())

request_secrets = Table(
    "webhook_request_secrets",
    metadata,
    # Of the secret that signs calls to addresses which requests name; a team without a row has version 1.
    Column("team_id", String(36), ForeignKey("teams.id"), primary_key=True),
    Column("secret_version", Integer, nullable=False),
    Column("secret_changed_at", BigInteger, nullable=False),
)

deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("id", String(36), primary_key=True, comment="the receiver sees it as webhook-id, the same at each attempt"),
    Column("team_id", String(36), ForeignKey("teams.id"), nullable=False),
    Column("webhook_id", String(36), ForeignKey("webhooks.id", ondelete="CASCADE"), comment="null: the request named the url"),
    # No foreign key: jobs are above webhooks.
    Column("job_id", String(36), nullable=False),
    Column("event", String(32), nullable=False),
    Column("url", Text, nullable=False),
    Column("receiver", String(255), nullable=False, comment="the url's host and port: what slow answers are counted against"),
    Column("state", String(16), nullable=False, comment="pending, delivered or dead"),
    Column("attempts", Integer, nullable=False, default=0, comment="since it was made or sent by hand"),
    Column("next_at", BigInteger, nullable=False, comment="not before this"),
    Column("last_status", Integer, comment="of the last answer; null where there was none"),
    Column("last_error", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("finished_at", BigInteger),
)
Index("ix_webhook_deliveries_team", deliveries.c.team_id, deliveries.c.id.desc())
Index("ix_webhook_deliveries_webhook", deliveries.c.webhook_id)
_PENDING = deliveries.c.state == "pending"
Index("ix_webhook_deliveries_due", deliveries.c.next_at, sqlite_where=_PENDING, postgresql_where=_PENDING)
_FINISHED = deliveries.c.finished_at.is_not(None)
Index("ix_webhook_deliveries_finished", deliveries.c.finished_at, sqlite_where=_FINISHED, postgresql_where=_FINISHED)
