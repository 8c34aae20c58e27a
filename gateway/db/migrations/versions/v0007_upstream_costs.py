"""What clouds were paid, beside the credits."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
changes_data = False
"""Whether rows are changed or lost: a copy of the database is made before."""


def upgrade() -> None:
    with op.batch_alter_table("usage", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "upstream",
                sa.BigInteger(),
                server_default="0",
                nullable=False,
                comment="millionths of a US dollar, paid to clouds",
            )
        )
