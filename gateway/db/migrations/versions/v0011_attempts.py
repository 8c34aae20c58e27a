"""What became of a job's earlier attempts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
changes_data = False
"""Whether rows are changed or lost: a copy of the database is made before."""


def upgrade() -> None:
    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "tried", sa.LargeBinary(), nullable=True, comment="JSON of jobs.attempts.Tried: attempts that came to nothing"
            )
        )
