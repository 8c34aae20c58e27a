"""What a key chose for an API whose clients set options beforehand."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
changes_data = False
"""Whether rows are changed or lost: a copy of the database is made before."""


def upgrade() -> None:
    op.create_table(
        "key_options",
        sa.Column("team_id", sa.String(length=36), nullable=False),
        sa.Column("owner", sa.String(length=36), nullable=False, comment="a key's id; a user's, for the sessions of the pages"),
        sa.Column("surface", sa.String(length=16), nullable=False, comment="the API that has these options"),
        sa.Column("chosen", sa.Text(), nullable=False, comment="JSON object, by the names that the API has for them"),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_key_options_team_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("team_id", "owner", "surface", name=op.f("pk_key_options")),
    )
