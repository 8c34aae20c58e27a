"""What starts and sweeps look for is found by itself: they read no table to its end any more."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
changes_data = False
"""Whether rows are changed or lost: a copy of the database is made before."""

_SOME = (
    ("ix_exports_kept", "exports", ["team_id", "expires_at", "bytes"], "bytes IS NOT NULL"),
    ("ix_images_unsaved_blob", "images", ["team_id", "user_id", "blob"], "unsaved_at IS NOT NULL"),
    (
        "ix_images_uncopied",
        "images",
        ["id"],
        "published_at IS NOT NULL AND deleted_at IS NULL AND public_blob IS NULL",
    ),
)
_ALL = (
    ("ix_chat_links_job_id", "chat_links", "job_id"),
    ("ix_chat_sessions_gallery_image_id", "chat_sessions", "gallery_image_id"),
    ("ix_chat_sessions_image_id", "chat_sessions", "image_id"),
    ("ix_chat_sessions_updated_at", "chat_sessions", "updated_at"),
)


def upgrade() -> None:
    op.create_table(
        "marks",
        sa.Column("name", sa.String(length=64), nullable=False, comment="of what had to be done once"),
        sa.Column("done_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_marks")),
    )
    for name, table, columns, rows in _SOME:
        op.create_index(name, table, columns, unique=False, sqlite_where=sa.text(rows), postgresql_where=sa.text(rows))
    for name, table, column in _ALL:
        op.create_index(name, table, [column], unique=False)
