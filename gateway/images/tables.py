"""Images: one row for each stored picture. The bytes are blobs, named by their hash."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint

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
    UniqueConstraint("job_id", "ordinal"),
)

# Newest first within a team, past the trash, is what every list begins with. Ids sort by time.
_SHOWN = images.c.deleted_at.is_(None)
Index("ix_images_newest", images.c.team_id, images.c.id.desc(), sqlite_where=_SHOWN, postgresql_where=_SHOWN)
Index("ix_images_blob", images.c.blob)
Index("ix_images_thumbnail_256", images.c.thumbnail_256)
Index("ix_images_thumbnail_768", images.c.thumbnail_768)
