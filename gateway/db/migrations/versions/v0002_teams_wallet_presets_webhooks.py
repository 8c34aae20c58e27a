"""teams wallet presets webhooks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
changes_data = False
"""Whether rows are changed or lost: a copy of the database is made before."""


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column(
            "user_id", sa.String(length=36), nullable=False, comment="who did it; no foreign key, the log outlives everything"
        ),
        sa.Column("key_id", sa.String(length=36), nullable=True, comment="null: from a session"),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("details", sa.Text(), nullable=False, comment="JSON object"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    with op.batch_alter_table("audit", schema=None) as batch_op:
        batch_op.create_index("ix_audit_target", ["target", sa.literal_column("id DESC")], unique=False)
        batch_op.create_index("ix_audit_user", ["user_id", sa.literal_column("id DESC")], unique=False)

    op.create_table(
        "usage",
        sa.Column("day", sa.String(length=10), nullable=False, comment="2026-11-21, UTC: when the jobs were accepted"),
        sa.Column("team_id", sa.String(length=36), nullable=False),
        sa.Column("user_id", sa.String(length=36), nullable=False),
        sa.Column("model", sa.String(length=128), nullable=False),
        sa.Column("jobs", sa.Integer(), nullable=False),
        sa.Column("pictures", sa.BigInteger(), nullable=False, comment="how many were delivered"),
        sa.Column(
            "charged", sa.BigInteger(), nullable=False, comment="what the jobs cost, whether or not credits were enabled"
        ),
        sa.Column("refunded", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", "team_id", "user_id", "model", name=op.f("pk_usage")),
    )
    with op.batch_alter_table("usage", schema=None) as batch_op:
        batch_op.create_index("ix_usage_team", ["team_id", "day"], unique=False)

    op.create_table(
        "allowances",
        sa.Column("team_id", sa.String(length=36), nullable=False),
        sa.Column("user_id", sa.String(length=36), nullable=False, comment="a member of the team; empty for the team itself"),
        sa.Column("amount", sa.BigInteger(), nullable=False, comment="granted each month, whatever the settings say for all"),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_allowances_team_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("team_id", "user_id", name=op.f("pk_allowances")),
    )
    op.create_table(
        "first_starts",
        sa.Column("user_id", sa.String(length=36), nullable=False),
        sa.Column(
            "digest",
            sa.String(length=64),
            nullable=False,
            comment="SHA-256 of the one-time token on the console; gone with its use",
        ),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_first_starts_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_first_starts")),
    )
    op.create_table(
        "idempotency",
        sa.Column("team_id", sa.String(length=36), nullable=False),
        sa.Column("surface", sa.String(length=16), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False, comment="the client's own"),
        sa.Column("fingerprint", sa.String(length=64), nullable=False, comment="SHA-256 of all that was asked, hexadecimal"),
        sa.Column("job_id", sa.String(length=36), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_idempotency_team_id")),
        sa.PrimaryKeyConstraint("team_id", "surface", "key", name=op.f("pk_idempotency")),
    )
    with op.batch_alter_table("idempotency", schema=None) as batch_op:
        batch_op.create_index("ix_idempotency_created_at", ["created_at"], unique=False)

    op.create_table(
        "ledger",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("team_id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False, comment="grant, charge, refund or adjust"),
        sa.Column("amount", sa.BigInteger(), nullable=False, comment="what it adds to the balance; negative for a charge"),
        sa.Column("balance", sa.BigInteger(), nullable=False, comment="after this entry"),
        sa.Column(
            "job_id",
            sa.String(length=36),
            nullable=True,
            comment="what was charged or refunded; null for what an administrator or a month did",
        ),
        sa.Column(
            "user_id",
            sa.String(length=36),
            nullable=True,
            comment="whose job, whose allowance, or the administrator; null where it is nobody's",
        ),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=True, comment="2026-11; only of an allowance"),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_ledger_team_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger")),
        sa.UniqueConstraint("job_id", "kind", name=op.f("uq_ledger_job_id_kind")),
    )
    with op.batch_alter_table("ledger", schema=None) as batch_op:
        batch_op.create_index(
            "ix_ledger_member_allowance",
            ["team_id", "month", "user_id"],
            unique=True,
            sqlite_where=sa.text("month IS NOT NULL AND user_id IS NOT NULL"),
            postgresql_where=sa.text("month IS NOT NULL AND user_id IS NOT NULL"),
        )
        batch_op.create_index("ix_ledger_team", ["team_id", sa.literal_column("id DESC")], unique=False)
        batch_op.create_index(
            "ix_ledger_team_allowance",
            ["team_id", "month"],
            unique=True,
            sqlite_where=sa.text("month IS NOT NULL AND user_id IS NULL"),
            postgresql_where=sa.text("month IS NOT NULL AND user_id IS NULL"),
        )

    op.create_table(
        "presets",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("team_id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.Text(), nullable=False, comment="as in the newest version"),
        sa.Column("version", sa.Integer(), nullable=False, comment="the newest one's"),
        sa.Column("content", sa.LargeBinary(), nullable=False, comment="JSON of presets.presets.Content, the newest"),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("deleted_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_presets_team_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_presets")),
    )
    with op.batch_alter_table("presets", schema=None) as batch_op:
        batch_op.create_index(
            "ix_presets_newest",
            ["team_id", sa.literal_column("id DESC")],
            unique=False,
            sqlite_where=sa.text("deleted_at IS NULL"),
            postgresql_where=sa.text("deleted_at IS NULL"),
        )

    op.create_table(
        "sessions",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("user_id", sa.String(length=36), nullable=False),
        sa.Column("team_id", sa.String(length=36), nullable=False, comment="the one that it works in now"),
        sa.Column("digest", sa.String(length=64), nullable=False, comment="SHA-256 of the cookie's token, hexadecimal"),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_sessions_team_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_sessions_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
        sa.UniqueConstraint("digest", name=op.f("uq_sessions_digest")),
    )
    with op.batch_alter_table("sessions", schema=None) as batch_op:
        batch_op.create_index("ix_sessions_expires", ["expires_at"], unique=False)
        batch_op.create_index("ix_sessions_user", ["user_id"], unique=False)

    op.create_table(
        "team_models",
        sa.Column("team_id", sa.String(length=36), nullable=False),
        sa.Column(
            "model", sa.String(length=200), nullable=False, comment="id or alias of what is taken where a request names none"
        ),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_team_models_team_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("team_id", name=op.f("pk_team_models")),
    )
    op.create_table(
        "wallets",
        sa.Column("team_id", sa.String(length=36), nullable=False),
        sa.Column("balance", sa.BigInteger(), nullable=False, comment="the sum of the team's ledger"),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_wallets_team_id")),
        sa.PrimaryKeyConstraint("team_id", name=op.f("pk_wallets")),
    )
    op.create_table(
        "webhook_request_secrets",
        sa.Column("team_id", sa.String(length=36), nullable=False),
        sa.Column("secret_version", sa.Integer(), nullable=False),
        sa.Column("secret_changed_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_webhook_request_secrets_team_id")),
        sa.PrimaryKeyConstraint("team_id", name=op.f("pk_webhook_request_secrets")),
    )
    op.create_table(
        "webhooks",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("team_id", sa.String(length=36), nullable=False),
        sa.Column("user_id", sa.String(length=36), nullable=False, comment="who made it"),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("events", sa.Text(), nullable=False, comment="JSON list of what it is told of"),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=True, comment="why it was switched off by itself"),
        sa.Column("secret_version", sa.Integer(), nullable=False, comment="grows when its secret is changed"),
        sa.Column(
            "secret_changed_at", sa.BigInteger(), nullable=True, comment="until a day after it the secret before signs too"
        ),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_webhooks_team_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_webhooks_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhooks")),
    )
    with op.batch_alter_table("webhooks", schema=None) as batch_op:
        batch_op.create_index("ix_webhooks_team", ["team_id", sa.literal_column("id DESC")], unique=False)

    op.create_table(
        "image_texts",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("image_id", sa.String(length=36), nullable=False),
        sa.Column("tokens", sa.Text(), nullable=False, comment="what it is found by, with spaces between"),
        sa.ForeignKeyConstraint(["image_id"], ["images.id"], name=op.f("fk_image_texts_image_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_image_texts")),
        sa.UniqueConstraint("image_id", name=op.f("uq_image_texts_image_id")),
    )
    op.create_table(
        "preset_versions",
        sa.Column("preset_id", sa.String(length=36), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("team_id", sa.String(length=36), nullable=False),
        sa.Column("user_id", sa.String(length=36), nullable=False, comment="who wrote it"),
        sa.Column("content", sa.LargeBinary(), nullable=False, comment="JSON of presets.presets.Content; never changed"),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["preset_id"], ["presets.id"], name=op.f("fk_preset_versions_preset_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_preset_versions_team_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_preset_versions_user_id")),
        sa.PrimaryKeyConstraint("preset_id", "version", name=op.f("pk_preset_versions")),
    )
    op.create_table(
        "webhook_deliveries",
        sa.Column(
            "id", sa.String(length=36), nullable=False, comment="the receiver sees it as webhook-id, the same at each attempt"
        ),
        sa.Column("team_id", sa.String(length=36), nullable=False),
        sa.Column("webhook_id", sa.String(length=36), nullable=True, comment="null: the request named the url"),
        sa.Column("job_id", sa.String(length=36), nullable=False),
        sa.Column("event", sa.String(length=32), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column(
            "receiver",
            sa.String(length=255),
            nullable=False,
            comment="the url's host and port: what slow answers are counted against",
        ),
        sa.Column("state", sa.String(length=16), nullable=False, comment="pending, delivered or dead"),
        sa.Column("attempts", sa.Integer(), nullable=False, comment="since it was made or sent by hand"),
        sa.Column("next_at", sa.BigInteger(), nullable=False, comment="not before this"),
        sa.Column("last_status", sa.Integer(), nullable=True, comment="of the last answer; null where there was none"),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_webhook_deliveries_team_id")),
        sa.ForeignKeyConstraint(
            ["webhook_id"], ["webhooks.id"], name=op.f("fk_webhook_deliveries_webhook_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_deliveries")),
    )
    with op.batch_alter_table("webhook_deliveries", schema=None) as batch_op:
        batch_op.create_index(
            "ix_webhook_deliveries_due",
            ["next_at"],
            unique=False,
            sqlite_where=sa.text("state = 'pending'"),
            postgresql_where=sa.text("state = 'pending'"),
        )
        batch_op.create_index(
            "ix_webhook_deliveries_finished",
            ["finished_at"],
            unique=False,
            sqlite_where=sa.text("finished_at IS NOT NULL"),
            postgresql_where=sa.text("finished_at IS NOT NULL"),
        )
        batch_op.create_index("ix_webhook_deliveries_team", ["team_id", sa.literal_column("id DESC")], unique=False)
        batch_op.create_index("ix_webhook_deliveries_webhook", ["webhook_id"], unique=False)

    with op.batch_alter_table("images", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("preset_id", sa.String(length=36), nullable=True, comment="the preset that it was made from")
        )
        batch_op.add_column(
            sa.Column(
                "user_prompt", sa.Text(), nullable=True, comment="what was asked beside the preset; null: the prompt itself"
            )
        )
        batch_op.add_column(
            sa.Column(
                "published_at", sa.BigInteger(), nullable=True, comment="when it went to the public gallery; null: not there"
            )
        )
        batch_op.add_column(
            sa.Column(
                "unsaved_at",
                sa.BigInteger(),
                nullable=True,
                comment="the last use of an upload that no list shows; null: saved",
            )
        )
        batch_op.drop_index(batch_op.f("ix_images_newest"), sqlite_where=sa.text("deleted_at IS NULL"))
        batch_op.create_index(
            "ix_images_parent",
            ["parent_id"],
            unique=False,
            sqlite_where=sa.text("parent_id IS NOT NULL"),
            postgresql_where=sa.text("parent_id IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_images_preset",
            ["team_id", "preset_id", sa.literal_column("id DESC")],
            unique=False,
            sqlite_where=sa.text("preset_id IS NOT NULL"),
            postgresql_where=sa.text("preset_id IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_images_public",
            [sa.literal_column("id DESC")],
            unique=False,
            sqlite_where=sa.text("published_at IS NOT NULL AND deleted_at IS NULL"),
            postgresql_where=sa.text("published_at IS NOT NULL AND deleted_at IS NULL"),
        )
        batch_op.create_index(
            "ix_images_shown",
            ["team_id", sa.literal_column("id DESC")],
            unique=False,
            sqlite_where=sa.text("deleted_at IS NULL AND unsaved_at IS NULL"),
            postgresql_where=sa.text("deleted_at IS NULL AND unsaved_at IS NULL"),
        )
        batch_op.create_index(
            "ix_images_unsaved",
            ["unsaved_at", "id"],
            unique=False,
            sqlite_where=sa.text("unsaved_at IS NOT NULL"),
            postgresql_where=sa.text("unsaved_at IS NOT NULL"),
        )

    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("webhook", sa.Text(), nullable=True, comment="the address that the request wants called at the end")
        )

    with op.batch_alter_table("teams", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "closed_at", sa.BigInteger(), nullable=True, comment="its keys open nothing since then; what it owns stays"
            )
        )

    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "password",
                sa.Text(),
                nullable=True,
                comment="argon2id, with its salt and costs; null for one who cannot sign in",
            )
        )
        batch_op.add_column(
            sa.Column("closed_at", sa.BigInteger(), nullable=True, comment="their keys and sessions open nothing since then")
        )
