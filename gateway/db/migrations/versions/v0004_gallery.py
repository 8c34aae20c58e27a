"""gallery."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
changes_data = False
"""Whether rows are changed or lost: a copy of the database is made before."""


def upgrade() -> None:
    op.create_table(
        "purged_images",
        sa.Column("image_id", sa.String(length=36), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False, comment="when the last signed address of it has expired"),
        sa.PrimaryKeyConstraint("image_id", name=op.f("pk_purged_images")),
    )
    with op.batch_alter_table("purged_images", schema=None) as batch_op:
        batch_op.create_index("ix_purged_images_until", ["until"], unique=False)

    op.create_table(
        "chat_sessions",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("team_id", sa.String(length=36), nullable=False),
        sa.Column("user_id", sa.String(length=36), nullable=False, comment="who opened it"),
        sa.Column("gallery_image_id", sa.String(length=36), nullable=False, comment="the image that it was opened with"),
        sa.Column("image_id", sa.String(length=36), nullable=False, comment="the image that the next message is about"),
        sa.Column(
            "edit_session_id", sa.String(length=36), nullable=True, comment="what its edits share; null before the first"
        ),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_chat_sessions_team_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_chat_sessions_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chat_sessions")),
    )
    with op.batch_alter_table("chat_sessions", schema=None) as batch_op:
        batch_op.create_index("ix_chat_sessions_team", ["team_id", sa.literal_column("id DESC")], unique=False)

    op.create_table(
        "edit_sessions",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("team_id", sa.String(length=36), nullable=False),
        sa.Column("user_id", sa.String(length=36), nullable=False, comment="who began it"),
        sa.Column("image_id", sa.String(length=36), nullable=True, comment="the image that was edited first"),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_edit_sessions_team_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_edit_sessions_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_edit_sessions")),
    )
    op.create_table(
        "image_counts",
        sa.Column("team_id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False, comment="shown, trash, favorite, upload, model or tag"),
        sa.Column(
            "key",
            sa.Text().with_variant(sa.Text(collation="C"), "postgresql"),
            nullable=False,
            comment="the model, or the folded tag; else empty",
        ),
        sa.Column("label", sa.Text(), nullable=False, comment="the tag as it was first written"),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_image_counts_team_id")),
        sa.PrimaryKeyConstraint("team_id", "kind", "key", name=op.f("pk_image_counts")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("image_counts", schema=None) as batch_op:
        batch_op.create_index("ix_image_counts_most", ["team_id", "kind", "count"], unique=False)
        batch_op.create_index(
            "ix_image_counts_none",
            ["count"],
            unique=False,
            sqlite_where=sa.text("count <= 0"),
            postgresql_where=sa.text("count <= 0"),
        )

    op.create_table(
        "image_days",
        sa.Column("team_id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False, comment="shown, favorite, model or tag"),
        sa.Column("key", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False, comment="since the epoch, UTC, of the image's id"),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_image_days_team_id")),
        sa.PrimaryKeyConstraint("team_id", "kind", "key", "day", name=op.f("pk_image_days")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("image_days", schema=None) as batch_op:
        batch_op.create_index(
            "ix_image_days_none",
            ["count"],
            unique=False,
            sqlite_where=sa.text("count <= 0"),
            postgresql_where=sa.text("count <= 0"),
        )

    op.create_table(
        "chat_messages",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("session_id", sa.String(length=36), nullable=False),
        sa.Column("team_id", sa.String(length=36), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False, comment="user or assistant"),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False, comment="done, working or failed; a user's is always done"),
        sa.Column(
            "tool", sa.LargeBinary(), nullable=True, comment="JSON of chat.tools.Call: what the language model chose to do"
        ),
        sa.Column("job_id", sa.String(length=36), nullable=True, comment="the job that is the answer"),
        sa.Column("image_id", sa.String(length=36), nullable=True, comment="the image that the job made"),
        sa.Column("error_code", sa.String(length=64), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("client_key", sa.String(length=255), nullable=True, comment="the Idempotency-Key that it was sent with"),
        sa.Column("fingerprint", sa.String(length=64), nullable=True, comment="of all that was sent under that key"),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["session_id"], ["chat_sessions.id"], name=op.f("fk_chat_messages_session_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_chat_messages_team_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chat_messages")),
    )
    with op.batch_alter_table("chat_messages", schema=None) as batch_op:
        batch_op.create_index(
            "ix_chat_messages_client_key",
            ["team_id", "client_key"],
            unique=True,
            sqlite_where=sa.text("client_key IS NOT NULL"),
            postgresql_where=sa.text("client_key IS NOT NULL"),
        )
        batch_op.create_index("ix_chat_messages_session", ["session_id", sa.literal_column("id DESC")], unique=False)
        batch_op.create_index(
            "ix_chat_messages_working",
            ["session_id"],
            unique=True,
            sqlite_where=sa.text("state = 'working'"),
            postgresql_where=sa.text("state = 'working'"),
        )

    op.create_table(
        "image_tags",
        sa.Column("team_id", sa.String(length=36), nullable=False),
        sa.Column(
            "tag",
            sa.Text().with_variant(sa.Text(collation="C"), "postgresql"),
            nullable=False,
            comment="folded: as it is compared",
        ),
        sa.Column("is_favorite", sa.Boolean(), nullable=False),
        sa.Column("image_id", sa.String(length=36), nullable=False),
        sa.Column("model", sa.String(length=128), nullable=False),
        sa.ForeignKeyConstraint(["image_id"], ["images.id"], name=op.f("fk_image_tags_image_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_image_tags_team_id")),
        sa.PrimaryKeyConstraint("team_id", "tag", "is_favorite", "image_id", name=op.f("pk_image_tags")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("image_tags", schema=None) as batch_op:
        batch_op.create_index("ix_image_tags_image_id", ["image_id"], unique=False)
        batch_op.create_index("ix_image_tags_model", ["team_id", "tag", "model", "is_favorite", "image_id"], unique=False)

    op.create_table(
        "shares",
        sa.Column("id", sa.String(length=36), nullable=False, comment="the token is an HMAC over it"),
        sa.Column("team_id", sa.String(length=36), nullable=False),
        sa.Column("user_id", sa.String(length=36), nullable=False, comment="who made it"),
        sa.Column("image_id", sa.String(length=36), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False, comment="SHA-256 of the token, hexadecimal"),
        sa.Column("copy_blob", sa.String(length=64), nullable=True, comment="the picture without private data; null: ended"),
        sa.Column(
            "source_type", sa.String(length=64), nullable=True, comment="the IPTC digital source type that the picture declares"
        ),
        sa.Column(
            "show_prompt", sa.Boolean(), nullable=False, comment="show how it was made, and the picture with all its data"
        ),
        sa.Column("password", sa.Text(), nullable=True, comment="argon2id, with its salt and costs; null: none is asked for"),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column(
            "ended_at",
            sa.BigInteger(),
            nullable=True,
            comment="when it was revoked or, after it had expired, replaced; null: the image's link",
        ),
        sa.Column("is_revoked", sa.Boolean(), nullable=False),
        sa.Column("views", sa.BigInteger(), nullable=False, comment="the sum of share_views"),
        sa.ForeignKeyConstraint(["copy_blob"], ["blobs.hash"], name=op.f("fk_shares_copy_blob")),
        sa.ForeignKeyConstraint(["image_id"], ["images.id"], name=op.f("fk_shares_image_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_shares_team_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_shares_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shares")),
        sa.UniqueConstraint("digest", name=op.f("uq_shares_digest")),
    )
    with op.batch_alter_table("shares", schema=None) as batch_op:
        batch_op.create_index("ix_shares_copy_blob", ["copy_blob"], unique=False)
        batch_op.create_index("ix_shares_image_id", ["image_id"], unique=False)
        batch_op.create_index(
            "ux_shares_current",
            ["image_id"],
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    op.create_table(
        "exports",
        sa.Column("job_id", sa.String(length=36), nullable=False),
        sa.Column("team_id", sa.String(length=36), nullable=False),
        sa.Column("images", sa.LargeBinary(), nullable=False, comment="JSON: the ids, in the order they were asked for"),
        sa.Column(
            "bytes", sa.BigInteger(), nullable=True, comment="of the finished archive; null before, and when it is swept"
        ),
        sa.Column("expires_at", sa.BigInteger(), nullable=True, comment="when the archive goes"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_exports_job_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_exports_team_id")),
        sa.PrimaryKeyConstraint("job_id", name=op.f("pk_exports")),
    )
    with op.batch_alter_table("exports", schema=None) as batch_op:
        batch_op.create_index(
            "ix_exports_expires_at",
            ["expires_at"],
            unique=False,
            sqlite_where=sa.text("bytes IS NOT NULL"),
            postgresql_where=sa.text("bytes IS NOT NULL"),
        )

    op.create_table(
        "job_inputs",
        sa.Column("job_id", sa.String(length=36), nullable=False),
        sa.Column("blob", sa.String(length=64), nullable=False, comment="the bytes of a picture that it works on"),
        sa.Column("image_id", sa.String(length=36), nullable=False, comment="empty: bytes alone"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_job_inputs_job_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("job_id", "blob", "image_id", name=op.f("pk_job_inputs")),
    )
    with op.batch_alter_table("job_inputs", schema=None) as batch_op:
        batch_op.create_index("ix_job_inputs_blob", ["blob"], unique=False)
        batch_op.create_index("ix_job_inputs_image_id", ["image_id"], unique=False)

    op.create_table(
        "share_views",
        sa.Column("share_id", sa.String(length=36), nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False, comment="since the epoch, UTC"),
        sa.Column("views", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["share_id"], ["shares.id"], name=op.f("fk_share_views_share_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("share_id", "day", name=op.f("pk_share_views")),
    )
    with op.batch_alter_table("audit", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("address", sa.Text(), nullable=True, comment="where the request came from, as trusted proxies say")
        )

    with op.batch_alter_table("blobs", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "modified_at",
                sa.BigInteger(),
                nullable=True,
                comment="of the file at `path`, in nanoseconds: a later one is another file",
            )
        )
        batch_op.create_index(
            "ix_blobs_path",
            ["path"],
            unique=False,
            sqlite_where=sa.text("path IS NOT NULL"),
            postgresql_where=sa.text("path IS NOT NULL"),
        )

    with op.batch_alter_table("images", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "public_blob", sa.String(length=64), nullable=True, comment="what it shows there: a copy without private data"
            )
        )
        batch_op.add_column(sa.Column("is_favorite", sa.Boolean(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("tags", sa.JSON(), nullable=True, comment="as they are shown, in order; null for none"))
        batch_op.add_column(
            sa.Column(
                "title_key",
                sa.Text().with_variant(sa.Text(collation="C"), "postgresql"),
                server_default="\U0010ffff",
                nullable=False,
                comment="sorts by the title",
            )
        )
        batch_op.add_column(
            sa.Column(
                "edit_session_id", sa.String(length=36), nullable=True, comment="what edits that go on from each other share"
            )
        )
        batch_op.add_column(
            sa.Column("origin", sa.Text(), nullable=True, comment="where an import came from: a path or a name")
        )
        batch_op.add_column(
            sa.Column("lost_at", sa.BigInteger(), nullable=True, comment="when its bytes were found to be gone")
        )
        batch_op.add_column(
            sa.Column(
                "found_by",
                sa.Text(),
                nullable=True,
                comment="what it is found by besides, such as its preset's name when it was made",
            )
        )
        batch_op.create_index(
            "ix_images_favorite",
            ["team_id", "is_favorite", "id"],
            unique=False,
            sqlite_where=sa.text("deleted_at IS NULL AND unsaved_at IS NULL"),
            postgresql_where=sa.text("deleted_at IS NULL AND unsaved_at IS NULL"),
        )
        batch_op.create_index(
            "ix_images_lost",
            ["id"],
            unique=False,
            sqlite_where=sa.text("lost_at IS NOT NULL"),
            postgresql_where=sa.text("lost_at IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_images_model",
            ["team_id", "model", "is_favorite", "id"],
            unique=False,
            sqlite_where=sa.text("deleted_at IS NULL AND unsaved_at IS NULL"),
            postgresql_where=sa.text("deleted_at IS NULL AND unsaved_at IS NULL"),
        )
        batch_op.create_index(
            "ix_images_public_blob",
            ["public_blob"],
            unique=False,
            sqlite_where=sa.text("public_blob IS NOT NULL"),
            postgresql_where=sa.text("public_blob IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_images_title",
            ["team_id", "title_key", "id"],
            unique=False,
            sqlite_where=sa.text("deleted_at IS NULL AND unsaved_at IS NULL"),
            postgresql_where=sa.text("deleted_at IS NULL AND unsaved_at IS NULL"),
        )
        batch_op.create_index(
            "ix_images_trash",
            ["team_id", "deleted_at", "id"],
            unique=False,
            sqlite_where=sa.text("deleted_at IS NOT NULL"),
            postgresql_where=sa.text("deleted_at IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_images_trashed",
            ["deleted_at", "id"],
            unique=False,
            sqlite_where=sa.text("deleted_at IS NOT NULL"),
            postgresql_where=sa.text("deleted_at IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_images_variants",
            ["team_id", "parent_id", sa.literal_column("id DESC")],
            unique=False,
            sqlite_where=sa.text("parent_id IS NOT NULL"),
            postgresql_where=sa.text("parent_id IS NOT NULL"),
        )

    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.create_index("ix_jobs_capability", ["team_id", "capability", sa.literal_column("id DESC")], unique=False)
        batch_op.create_index("ix_jobs_model", ["team_id", "model", sa.literal_column("id DESC")], unique=False)
        batch_op.create_index("ix_jobs_state", ["team_id", "state", sa.literal_column("id DESC")], unique=False)
        batch_op.create_index("ix_jobs_user_id", ["team_id", "user_id", sa.literal_column("id DESC")], unique=False)

    with op.batch_alter_table("keys", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "limits",
                sa.Text(),
                nullable=True,
                comment="JSON object: limits in place of [settings.limits]; null: none of its own",
            )
        )

    with op.batch_alter_table("teams", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "limits",
                sa.Text(),
                nullable=True,
                comment="JSON object: limits in place of [settings.limits]; null: none of its own",
            )
        )

    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "limits",
                sa.Text(),
                nullable=True,
                comment="JSON object: limits in place of [settings.limits]; null: none of its own",
            )
        )
