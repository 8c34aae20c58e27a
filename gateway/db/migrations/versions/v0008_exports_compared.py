"""What exports are compared by, and how large they will be."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
changes_data = False
"""Whether rows are changed or lost: a copy of the database is made before."""


def upgrade() -> None:
    with op.batch_alter_table("exports", schema=None) as batch_op:
        batch_op.add_column(sa.Column("digest", sa.String(length=64), nullable=True, comment="of what is in it"))
        batch_op.add_column(
            sa.Column(
                "expected_bytes",
                sa.BigInteger(),
                server_default="0",
                nullable=False,
                comment="of its pictures, when it was asked for",
            )
        )
        batch_op.create_index("ix_exports_digest", ["team_id", "digest"], unique=False)
