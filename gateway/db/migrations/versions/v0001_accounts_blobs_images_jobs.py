"""accounts blobs images jobs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
changes_data = False
"""Whether rows are changed or lost: a copy of the database is made before."""


def upgrade() -> None:
    op.create_table(
        "blobs",
        sa.Column("hash", sa.String(length=64), nullable=False, comment="SHA-256 of the bytes, in hex"),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column(
            "path",
            sa.Text(),
            nullable=True,
            comment="where a file lies that was imported in place: never deleted by us; null: in the blob store",
        ),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("touched_at", sa.BigInteger(), nullable=False, comment="when someone last meant to keep it"),
        sa.CheckConstraint("state in ('live', 'deleting')", name=op.f("ck_blobs_state")),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_blobs")),
    )
    with op.batch_alter_table("blobs", schema=None) as batch_op:
        batch_op.create_index(
            "ix_blobs_deleting",
            ["hash"],
            unique=False,
            sqlite_where=sa.text("state = 'deleting'"),
            postgresql_where=sa.text("state = 'deleting'"),
        )

    op.create_table(
        "teams",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_teams")),
        sa.UniqueConstraint("name", name=op.f("uq_teams_name")),
    )
    op.create_table(
        "users",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=True, comment="lower case; null for one who only has keys"),
        sa.Column("is_admin", sa.Boolean(), nullable=False, comment="may hold keys with the permission admin"),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("email", name=op.f("uq_users_email")),
    )
    op.create_table(
        "images",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("team_id", sa.String(length=36), nullable=False),
        sa.Column("user_id", sa.String(length=36), nullable=False),
        sa.Column("job_id", sa.String(length=36), nullable=True, comment="the job that made it; null for an upload"),
        sa.Column("ordinal", sa.Integer(), nullable=False, comment="its place among the pictures of the job"),
        sa.Column("parent_id", sa.String(length=36), nullable=True, comment="the image that it was edited from"),
        sa.Column("source", sa.String(length=16), nullable=False, comment="generate, edit, upscale or upload"),
        sa.Column("blob", sa.String(length=64), nullable=False),
        sa.Column("thumbnail_256", sa.String(length=64), nullable=False),
        sa.Column("thumbnail_768", sa.String(length=64), nullable=True, comment="null where the picture itself is no larger"),
        sa.Column("thumbhash", sa.String(length=64), nullable=False),
        sa.Column("media_type", sa.String(length=32), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("model", sa.String(length=128), nullable=False),
        sa.Column("engine", sa.String(length=64), nullable=False),
        sa.Column("prompt", sa.Text(), nullable=False),
        sa.Column("negative_prompt", sa.Text(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=True, comment="null where the model has no seeds"),
        sa.Column("parameters", sa.JSON(), nullable=False, comment="everything else that was asked or done"),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("deleted_at", sa.BigInteger(), nullable=True, comment="when it went to the trash"),
        sa.ForeignKeyConstraint(["blob"], ["blobs.hash"], name=op.f("fk_images_blob")),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_images_team_id")),
        sa.ForeignKeyConstraint(["thumbnail_256"], ["blobs.hash"], name=op.f("fk_images_thumbnail_256")),
        sa.ForeignKeyConstraint(["thumbnail_768"], ["blobs.hash"], name=op.f("fk_images_thumbnail_768")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_images_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_images")),
        sa.UniqueConstraint("job_id", "ordinal", name=op.f("uq_images_job_id_ordinal")),
    )
    with op.batch_alter_table("images", schema=None) as batch_op:
        batch_op.create_index("ix_images_blob", ["blob"], unique=False)
        batch_op.create_index(
            "ix_images_newest",
            ["team_id", sa.literal_column("id DESC")],
            unique=False,
            sqlite_where=sa.text("deleted_at IS NULL"),
            postgresql_where=sa.text("deleted_at IS NULL"),
        )
        batch_op.create_index("ix_images_thumbnail_256", ["thumbnail_256"], unique=False)
        batch_op.create_index("ix_images_thumbnail_768", ["thumbnail_768"], unique=False)

    op.create_table(
        "keys",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("team_id", sa.String(length=36), nullable=False),
        sa.Column("user_id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "origin",
            sa.String(length=16),
            nullable=False,
            comment="made, preset (by the environment) or command (the local one's)",
        ),
        sa.Column("digest", sa.String(length=64), nullable=False, comment="SHA-256 of the key, hexadecimal"),
        sa.Column("prefix", sa.String(length=16), nullable=False, comment="how the key begins, to know it by"),
        sa.Column("permissions", sa.Text(), nullable=False, comment="JSON list"),
        sa.Column("bulk", sa.Boolean(), nullable=False, comment="its jobs wait behind interactive ones by default"),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("last_used_at", sa.BigInteger(), nullable=True, comment="up to a minute late"),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_keys_team_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_keys_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_keys")),
        sa.UniqueConstraint("digest", name=op.f("uq_keys_digest")),
    )
    with op.batch_alter_table("keys", schema=None) as batch_op:
        batch_op.create_index("ix_keys_team", ["team_id", sa.literal_column("id DESC")], unique=False)
        batch_op.create_index("ix_keys_user", ["user_id", sa.literal_column("id DESC")], unique=False)

    op.create_table(
        "members",
        sa.Column("team_id", sa.String(length=36), nullable=False),
        sa.Column("user_id", sa.String(length=36), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False, comment="viewer, member or owner"),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_members_team_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_members_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("team_id", "user_id", name=op.f("pk_members")),
    )
    with op.batch_alter_table("members", schema=None) as batch_op:
        batch_op.create_index("ix_members_user", ["user_id"], unique=False)

    op.create_table(
        "jobs",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("team_id", sa.String(length=36), nullable=False),
        sa.Column("user_id", sa.String(length=36), nullable=False),
        sa.Column("key_id", sa.String(length=36), nullable=True),
        sa.Column("surface", sa.String(length=16), nullable=False, comment="the API that it came by"),
        sa.Column("capability", sa.String(length=16), nullable=False),
        sa.Column("model", sa.String(length=128), nullable=False, comment="the concrete model's id"),
        sa.Column("engine", sa.String(length=64), nullable=False),
        sa.Column("revision", sa.String(length=64), nullable=False, comment="of the model when it was accepted"),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("bulk", sa.Boolean(), nullable=False, comment="behind every interactive job"),
        sa.Column("request", sa.LargeBinary(), nullable=False, comment="JSON of jobs.request.Resolved"),
        sa.Column("pictures", sa.Integer(), nullable=False, comment="how many were asked for"),
        sa.Column("stored", sa.Integer(), nullable=False, comment="how many are durable"),
        sa.Column("price", sa.BigInteger(), nullable=False, comment="for a picture, in ten-thousandths of a credit"),
        sa.Column("charged", sa.BigInteger(), nullable=False),
        sa.Column("refunded", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False, comment="grows with every claim; fences late writers"),
        sa.Column("failures", sa.Integer(), nullable=False, comment="what max_attempts limits"),
        sa.Column("sent", sa.Boolean(), nullable=False, comment="handed to an upstream that must not get it twice"),
        sa.Column("upstream_id", sa.String(length=128), nullable=True),
        sa.Column("usage", sa.LargeBinary(), nullable=True, comment="JSON, as the upstream reported it"),
        sa.Column("error_code", sa.String(length=64), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("retry_of", sa.String(length=36), nullable=True, comment="the failed job that this one runs again"),
        sa.Column("version", sa.Integer(), nullable=False, comment="grows with every change of the row"),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["key_id"], ["keys.id"], name=op.f("fk_jobs_key_id")),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_jobs_team_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_jobs_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
    )
    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.create_index(
            "ix_jobs_live",
            ["state", "id"],
            unique=False,
            sqlite_where=sa.text("state IN ('queued', 'running')"),
            postgresql_where=sa.text("state IN ('queued', 'running')"),
        )
        batch_op.create_index("ix_jobs_team", ["team_id", sa.literal_column("id DESC")], unique=False)
