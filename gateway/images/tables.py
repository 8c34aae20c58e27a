"""Images: one row for each stored picture. The bytes are blobs, named by their hash."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    and_,
)

from gateway.db import metadata

images = Table(
    "images",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("team_id", String(36), ForeignKey("teams.id"), nullable=False),
    Column("user_id", String(36), ForeignKey("users.id"), nullable=False),
    # No foreign key: jobs are above images, and a picture outlives its job.
    Column("job_id", String(36), comment="the job that made it; null for an upload"),
    Column("ordinal", Integer, nullable=False, default=0, comment="its place among the pictures of the job"),
    Column("parent_id", String(36), comment="the image that it was edited from"),
    Column("source", String(16), nullable=False, comment="generate, edit, upscale or upload"),
    Column("blob", String(64), ForeignKey("blobs.hash"), nullable=False),
    Column("thumbnail_256", String(64), ForeignKey("blobs.hash"), nullable=False),
    Column("thumbnail_768", String(64), ForeignKey("blobs.hash"), comment="null where the picture itself is no larger"),
    Column("thumbhash", String(64), nullable=False),
    Column("media_type", String(32), nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("title", Text, nullable=False, default=""),
    Column("model", String(128), nullable=False),
    Column("engine", String(64), nullable=False),
    Column("prompt", Text, nullable=False),
    Column("negative_prompt", Text, nullable=False, default=""),
    Column("seed", BigInteger, comment="null where the model has no seeds"),
    Column("parameters", JSON, nullable=False, comment="everything else that was asked or done"),
    Column("created_at", BigInteger, nullable=False),
    Column("deleted_at", BigInteger, comment="when it went to the trash"),
    # No foreign key, as for the job: presets stand beside images.
    Column("preset_id", String(36), comment="the preset that it was made from"),
    Column("user_prompt", Text, comment="what was asked beside the preset; null: the prompt itself"),
    Column("published_at", BigInteger, comment="when it went to the public gallery; null: not there"),
    Column("unsaved_at", BigInteger, comment="the last use of an upload that no list shows; null: saved"),
    UniqueConstraint("job_id", "ordinal"),
)

SHOWN = and_(images.c.deleted_at.is_(None), images.c.unsaved_at.is_(None))
"""What lists begin with: past the trash, and without uploads that nobody saved. Said so, an index answers."""

# Newest first within a team is what every list begins with. Ids sort by time.
Index("ix_images_shown", images.c.team_id, images.c.id.desc(), sqlite_where=SHOWN, postgresql_where=SHOWN)
# Few, and asked for by the sweep alone.
_UNSAVED = images.c.unsaved_at.is_not(None)
Index("ix_images_unsaved", images.c.unsaved_at, images.c.id, sqlite_where=_UNSAVED, postgresql_where=_UNSAVED)
_VARIANT = images.c.parent_id.is_not(None)
Index("ix_images_parent", images.c.parent_id, sqlite_where=_VARIANT, postgresql_where=_VARIANT)
Index("ix_images_blob", images.c.blob)
Index("ix_images_thumbnail_256", images.c.thumbnail_256)
Index("ix_images_thumbnail_768", images.c.thumbnail_768)
Index(
    "ix_images_preset",
    images.c.team_id,
    images.c.preset_id,
    images.c.id.desc(),
    sqlite_where=images.c.preset_id.is_not(None),
    postgresql_where=images.c.preset_id.is_not(None),
)
_PUBLIC = and_(images.c.published_at.is_not(None), images.c.deleted_at.is_(None))
Index("ix_images_public", images.c.id.desc(), sqlite_where=_PUBLIC, postgresql_where=_PUBLIC)

image_texts = Table(
    "image_texts",
    metadata,
    # What the full-text index knows the row by. It grows as the ids do, so that a search can be read newest first.
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("image_id", String(36), ForeignKey("images.id", ondelete="CASCADE"), nullable=False, unique=True),
    Column("tokens", Text, nullable=False, comment="what it is found by, with spaces between"),
)
