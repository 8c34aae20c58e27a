"""Sessions about a picture, and what was said in them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, LargeBinary, PrimaryKeyConstraint, String, Table, Text

from gateway.db import metadata

chat_sessions = Table(
    "chat_sessions",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("team_id", String(36), ForeignKey("teams.id"), nullable=False),
    Column("user_id", String(36), ForeignKey("users.id"), nullable=False, comment="who opened it"),
    # No foreign keys: pictures may be deleted for good, and the talk about them stays.
    Column("gallery_image_id", String(36), nullable=False, comment="the image that it was opened with"),
    Column("image_id", String(36), nullable=False, comment="the image that the next message is about"),
    Column("edit_session_id", String(36), comment="what its edits share; null before the first"),
    Column("title", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
)
Index("ix_chat_sessions_team", chat_sessions.c.team_id, chat_sessions.c.id.desc())
Index("ix_chat_sessions_updated_at", chat_sessions.c.updated_at)
# Asked by the sweep of uploads: which of them a session is about.
Index("ix_chat_sessions_image_id", chat_sessions.c.image_id)
Index("ix_chat_sessions_gallery_image_id", chat_sessions.c.gallery_image_id)

chat_messages = Table(
    "chat_messages",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("session_id", String(36), ForeignKey("chat_sessions.id", ondelete="CASCADE"), nullable=False),
    Column("team_id", String(36), ForeignKey("teams.id"), nullable=False),
    Column("role", String(16), nullable=False, comment="user or assistant"),
    Column("text", Text, nullable=False),
    Column("state", String(16), nullable=False, comment="done, working or failed; a user's is always done"),
    Column("tool", LargeBinary, comment="JSON of chat.tools.Call: what the language model chose to do"),
    # No foreign keys: an image may go for good.
    Column("job_id", String(36), comment="the job that is the answer"),
    Column("image_id", String(36), comment="the image that the job made"),
    Column("error_code", String(64)),
    Column("error_message", Text),
    Column("client_key", String(255), comment="the Idempotency-Key that it was sent with"),
    Column("fingerprint", String(64), comment="of all that was sent under that key"),
    Column("created_at", BigInteger, nullable=False),
)
Index("ix_chat_messages_session", chat_messages.c.session_id, chat_messages.c.id.desc())
_WORKING = chat_messages.c.state == "working"
# The database itself lets a session have one answer in the making.
Index("ix_chat_messages_working", chat_messages.c.session_id, unique=True, sqlite_where=_WORKING, postgresql_where=_WORKING)
_NAMED = chat_messages.c.client_key.is_not(None)
_KEY = (chat_messages.c.team_id, chat_messages.c.client_key)
Index("ix_chat_messages_client_key", *_KEY, unique=True, sqlite_where=_NAMED, postgresql_where=_NAMED)

chat_links = Table(
    "chat_links",
    metadata,
    Column("team_id", String(36), ForeignKey("teams.id"), nullable=False),
    # The client's own ids, of a chat that is not kept here.
    Column("chat_id", String(200), nullable=False),
    Column("message_id", String(200), nullable=False),
    # No foreign key: a job's row may go, and its pictures stay.
    Column("job_id", String(36), nullable=False, comment="what makes that message's pictures"),
    Column("created_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("team_id", "chat_id", "message_id", "job_id"),
)
"""Jobs whose pictures belong to a message in another program's chat, see `chat.links`."""
Index("ix_chat_links_job_id", chat_links.c.job_id)
