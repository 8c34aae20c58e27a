"""Which messages of other programs' chats pictures were made for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
changes_data = False
"""Whether rows are changed or lost: a copy of the database is made before."""


def upgrade() -> None:
    op.create_table(
        "chat_links",
        sa.Column("team_id", sa.String(length=36), nullable=False),
        sa.Column("chat_id", sa.String(length=200), nullable=False),
        sa.Column("message_id", sa.String(length=200), nullable=False),
        sa.Column("job_id", sa.String(length=36), nullable=False, comment="what makes that message's pictures"),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_chat_links_team_id")),
        sa.PrimaryKeyConstraint("team_id", "chat_id", "message_id", "job_id", name=op.f("pk_chat_links")),
    )
