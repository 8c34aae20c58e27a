"""Jobs, and what each state means.

queued -> running -> succeeded | failed | canceled
queued -> canceled | failed          running -> queued (put back)
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, LargeBinary, String, Table, Text, literal_column

from gateway.db import metadata

LONGEST_UPSTREAM_ID = 128
"""Characters; what is longer is cut, for it is only shown and logged once the job is over."""

jobs = Table(
    "jobs",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("team_id", String(36), ForeignKey("teams.id"), nullable=False),
    Column("user_id", String(36), ForeignKey("users.id"), nullable=False),
    Column("key_id", String(36), ForeignKey("keys.id")),
    Column("surface", String(16), nullable=False, comment="the API that it came by"),
    Column("capability", String(16), nullable=False),
    Column("model", String(128), nullable=False, comment="the concrete model's id"),
    Column("engine", String(64), nullable=False),
    Column("revision", String(64), nullable=False, comment="of the model when it was accepted"),
    Column("state", String(16), nullable=False),
    Column("bulk", Boolean, nullable=False, default=False, comment="behind every interactive job"),
    Column("request", LargeBinary, nullable=False, comment="JSON of jobs.request.Resolved"),
    Column("pictures", Integer, nullable=False, comment="how many were asked for"),
    Column("stored", Integer, nullable=False, default=0, comment="how many are durable"),
    Column("price", BigInteger, nullable=False, default=0, comment="for a picture, in ten-thousandths of a credit"),
    Column("charged", BigInteger, nullable=False, default=0),
    Column("refunded", BigInteger, nullable=False, default=0),
    Column("attempt", Integer, nullable=False, default=0, comment="grows with every claim; fences late writers"),
    Column("failures", Integer, nullable=False, default=0, comment="what max_attempts limits"),
    Column("sent", Boolean, nullable=False, default=False, comment="handed to an upstream that must not get it twice"),
    Column("upstream_id", String(LONGEST_UPSTREAM_ID)),
    Column("usage", LargeBinary, comment="JSON, as the upstream reported it"),
    Column("tried", LargeBinary, comment="JSON of jobs.attempts.Tried: attempts that came to nothing"),
    Column("error_code", String(64)),
    Column("error_message", Text),
    Column("retry_of", String(36), comment="the failed job that this one runs again"),
    Column("webhook", Text, comment="the address that the request wants called at the end"),
    Column("version", Integer, nullable=False, default=1, comment="grows with every change of the row"),
    Column("created_at", BigInteger, nullable=False),
    Column("started_at", BigInteger),
    Column("finished_at", BigInteger),
)

Index("ix_jobs_team", jobs.c.team_id, jobs.c.id.desc())
# One for each filter of the list: it is paged and counted without reading what the filter leaves out.
for _column in (jobs.c.state, jobs.c.user_id, jobs.c.model, jobs.c.capability):
    Index(f"ix_jobs_{_column.name}", jobs.c.team_id, _column, jobs.c.id.desc())
# What the queue is rebuilt from, and compared with each minute: the few that are not finished, whatever the table's size.
LIVE = jobs.c.state.in_((literal_column("'queued'"), literal_column("'running'")))
"""Not finished. Said so, beside any other condition, the index over them answers: SQLite sees it in no bound value."""
Index("ix_jobs_live", jobs.c.state, jobs.c.id, sqlite_where=LIVE, postgresql_where=LIVE)

edit_sessions = Table(
    "edit_sessions",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("team_id", String(36), ForeignKey("teams.id"), nullable=False),
    Column("user_id", String(36), ForeignKey("users.id"), nullable=False, comment="who began it"),
    # No foreign key: it may be deleted for good, and the session goes on with what was made of it.
    Column("image_id", String(36), comment="the image that was edited first"),
    Column("created_at", BigInteger, nullable=False),
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("team_id", String(36), ForeignKey("teams.id"), primary_key=True),
    Column("surface", String(16), primary_key=True),
    Column("key", String(255), primary_key=True, comment="the client's own"),
    Column("fingerprint", String(64), nullable=False, comment="SHA-256 of all that was asked, hexadecimal"),
    # No foreign key: it is written before the job, which it may keep from being made, in the same transaction.
    Column("job_id", String(36), nullable=False),
    Column("created_at", BigInteger, nullable=False),
)
Index("ix_idempotency_created_at", idempotency.c.created_at)

job_inputs = Table(
    "job_inputs",
    metadata,
    Column("job_id", String(36), ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("blob", String(64), primary_key=True, comment="the bytes of a picture that it works on"),
    # No foreign key: the picture may go while the job runs; its bytes stay until the job ends.
    Column("image_id", String(36), primary_key=True, default="", comment="empty: bytes alone"),
)
"""What jobs that are not finished work on: it keeps these bytes, and uploads, from the sweep."""
Index("ix_job_inputs_blob", job_inputs.c.blob)
Index("ix_job_inputs_image_id", job_inputs.c.image_id)

exports = Table(
    "exports",
    metadata,
    Column("job_id", String(36), ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("team_id", String(36), ForeignKey("teams.id"), nullable=False),
    Column("images", LargeBinary, nullable=False, comment="JSON: the ids, in the order they were asked for"),
    Column("bytes", BigInteger, comment="of the finished archive; null before, and when it is swept"),
    Column("expires_at", BigInteger, comment="when the archive goes"),
    Column("digest", String(64), comment="of what is in it"),
    Column(
        "expected_bytes",
        BigInteger,
        nullable=False,
        default=0,
        server_default="0",
        comment="of its pictures, when it was asked for",
    ),
)
"""Archives of pictures: jobs without a lane."""
_KEPT = exports.c.bytes.is_not(None)
Index("ix_exports_digest", exports.c.team_id, exports.c.digest)
Index("ix_exports_expires_at", exports.c.expires_at, sqlite_where=_KEPT, postgresql_where=_KEPT)
# How much a team keeps, whatever it had archived before.
_BYTES = (exports.c.team_id, exports.c.expires_at, exports.c.bytes)
Index("ix_exports_kept", *_BYTES, sqlite_where=_KEPT, postgresql_where=_KEPT)
