"""Images: one row for each stored picture. The bytes are blobs, named by their hash."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    and_,
    text,
)

from gateway.db import metadata

UNTITLED = "\U0010ffff"
"""`title_key` of a picture without a title: behind all that have one."""
_ORDERED = Text().with_variant(Text(collation="C"), "postgresql")
"""Sorted by its bytes, on both databases: a cursor must mean the same place to either."""

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
    Column("source", String(16), nullable=False, comment="generate, edit, upscale or upload"),  # or import
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
    # No foreign key, for which SQLite would build the whole table anew; the sweep asks about this column as well.
    Column("public_blob", String(64), comment="what it shows there: a copy without private data"),
    Column("unsaved_at", BigInteger, comment="the last use of an upload that no list shows; null: saved"),
    Column("is_favorite", Boolean, nullable=False, default=False, server_default="0"),
    Column("tags", JSON, comment="as they are shown, in order; null for none"),
    Column("title_key", _ORDERED, nullable=False, default=UNTITLED, server_default=UNTITLED, comment="sorts by the title"),
    Column("edit_session_id", String(36), comment="what edits that go on from each other share"),
    Column("origin", Text, comment="where an import came from: a path or a name"),
    Column("lost_at", BigInteger, comment="when its bytes were found to be gone"),
    Column("found_by", Text, comment="what it is found by besides, such as its preset's name when it was made"),
    UniqueConstraint("job_id", "ordinal"),
)

SHOWN = and_(images.c.deleted_at.is_(None), images.c.unsaved_at.is_(None))
"""What lists begin with: past the trash, and without uploads that nobody saved. Said so, an index answers."""

# Newest first within a team is what every list begins with. Ids sort by time.
Index("ix_images_shown", images.c.team_id, images.c.id.desc(), sqlite_where=SHOWN, postgresql_where=SHOWN)
# Each list that is filtered or sorted walks one of these, or several side by side (gateway/images/ranges.py).
_SHOWN_ONLY: dict[str, Any] = {"sqlite_where": SHOWN, "postgresql_where": SHOWN}
Index("ix_images_favorite", images.c.team_id, images.c.is_favorite, images.c.id, **_SHOWN_ONLY)
Index("ix_images_model", images.c.team_id, images.c.model, images.c.is_favorite, images.c.id, **_SHOWN_ONLY)
Index("ix_images_title", images.c.team_id, images.c.title_key, images.c.id, **_SHOWN_ONLY)
_TRASH = images.c.deleted_at.is_not(None)
Index("ix_images_trash", images.c.team_id, images.c.deleted_at, images.c.id, sqlite_where=_TRASH, postgresql_where=_TRASH)
Index("ix_images_trashed", images.c.deleted_at, images.c.id, sqlite_where=_TRASH, postgresql_where=_TRASH)
_LOST = images.c.lost_at.is_not(None)
Index("ix_images_lost", images.c.id, sqlite_where=_LOST, postgresql_where=_LOST)
# Few, and asked for by the sweep alone.
_UNSAVED = images.c.unsaved_at.is_not(None)
Index("ix_images_unsaved", images.c.unsaved_at, images.c.id, sqlite_where=_UNSAVED, postgresql_where=_UNSAVED)
# Where the same bytes come again, as a conversation's pictures do with each turn.
_SAME = (images.c.team_id, images.c.user_id, images.c.blob)
Index("ix_images_unsaved_blob", *_SAME, sqlite_where=_UNSAVED, postgresql_where=_UNSAVED)
_VARIANT = images.c.parent_id.is_not(None)
Index("ix_images_parent", images.c.parent_id, sqlite_where=_VARIANT, postgresql_where=_VARIANT)
# A picture's own variants, newest first; without it SQLite walks all that the team has, in the hope of soon finding some.
_OF_PARENT = (images.c.team_id, images.c.parent_id, images.c.id.desc())
Index("ix_images_variants", *_OF_PARENT, sqlite_where=_VARIANT, postgresql_where=_VARIANT)
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
_COPIED = images.c.public_blob.is_not(None)
Index("ix_images_public_blob", images.c.public_blob, sqlite_where=_COPIED, postgresql_where=_COPIED)
_PUBLIC = and_(images.c.published_at.is_not(None), images.c.deleted_at.is_(None))
Index("ix_images_public", images.c.id.desc(), sqlite_where=_PUBLIC, postgresql_where=_PUBLIC)
# None, but after an upgrade and after copies were lost: what each start looks for.
_UNCOPIED = and_(_PUBLIC, images.c.public_blob.is_(None))
Index("ix_images_uncopied", images.c.id, sqlite_where=_UNCOPIED, postgresql_where=_UNCOPIED)

image_tags = Table(
    "image_tags",
    metadata,
    Column("team_id", String(36), ForeignKey("teams.id"), nullable=False),
    Column("tag", _ORDERED, nullable=False, comment="folded: as it is compared"),
    Column("is_favorite", Boolean, nullable=False),
    Column("image_id", String(36), ForeignKey("images.id", ondelete="CASCADE"), nullable=False),
    Column("model", String(128), nullable=False),
    PrimaryKeyConstraint("team_id", "tag", "is_favorite", "image_id"),
    # The list of a tag is read in the key's order; there need be no other.
    sqlite_with_rowid=False,
)
"""Of the pictures that lists show, and of no others. Model and favorite stand here too, so that one range has all three."""
Index(
    "ix_image_tags_model",
    image_tags.c.team_id,
    image_tags.c.tag,
    image_tags.c.model,
    image_tags.c.is_favorite,
    image_tags.c.image_id,
)
Index("ix_image_tags_image_id", image_tags.c.image_id)

image_counts = Table(
    "image_counts",
    metadata,
    Column("team_id", String(36), ForeignKey("teams.id"), nullable=False),
    Column("kind", String(16), nullable=False, comment="shown, trash, favorite, upload, model or tag"),
    Column("key", _ORDERED, nullable=False, comment="the model, or the folded tag; else empty"),
    Column("label", Text, nullable=False, comment="the tag as it was first written"),
    Column("count", BigInteger, nullable=False),
    PrimaryKeyConstraint("team_id", "kind", "key"),
    sqlite_with_rowid=False,
)
"""How many pictures there are of a kind: kept by `counters` in the transaction that changes them."""
_NONE: dict[str, Any] = {"sqlite_where": text("count <= 0"), "postgresql_where": text("count <= 0")}
"""What a change leaves behind where it takes the last; removed at once."""
Index("ix_image_counts_none", image_counts.c.count, **_NONE)
Index("ix_image_counts_most", image_counts.c.team_id, image_counts.c.kind, image_counts.c.count)

image_days = Table(
    "image_days",
    metadata,
    Column("team_id", String(36), ForeignKey("teams.id"), nullable=False),
    Column("kind", String(16), nullable=False, comment="shown, favorite, model or tag"),
    Column("key", _ORDERED, nullable=False),
    Column("day", Integer, nullable=False, comment="since the epoch, UTC, of the image's id"),
    Column("count", BigInteger, nullable=False),
    PrimaryKeyConstraint("team_id", "kind", "key", "day"),
    sqlite_with_rowid=False,
)
"""The same for each day."""
Index("ix_image_days_none", image_days.c.count, **_NONE)

image_texts = Table(
    "image_texts",
    metadata,
    # What the full-text index knows the row by. It grows as the ids do, so that a search can be read newest first.
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("image_id", String(36), ForeignKey("images.id", ondelete="CASCADE"), nullable=False, unique=True),
    Column("tokens", Text, nullable=False, comment="what it is found by, with spaces between"),
)

purged_images = Table(
    "purged_images",
    metadata,
    # No foreign key: the row of the image is gone.
    Column("image_id", String(36), primary_key=True),
    Column("until", BigInteger, nullable=False, comment="when the last signed address of it has expired"),
)
"""What was deleted for good while addresses of it may still open; see `images.closed`."""
Index("ix_purged_images_until", purged_images.c.until)
