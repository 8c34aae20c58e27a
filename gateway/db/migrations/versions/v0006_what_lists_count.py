"""What lists count and find pictures by, for those that are there already: counters, titles' keys, models and seeds."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
changes_data = True
"""Whether rows are changed or lost: a copy of the database is made before."""

BATCH = 1_000
_SHOWN = "images.deleted_at IS NULL AND images.unsaved_at IS NULL"
_ROWS = sa.text(
    "SELECT images.id, images.team_id, images.title, images.model, images.seed, images.source, images.deleted_at,"
    " images.unsaved_at, image_texts.number, image_texts.tokens FROM images"
    " LEFT JOIN image_texts ON image_texts.image_id = images.id WHERE images.id > :after ORDER BY images.id LIMIT :batch"
)


def upgrade() -> None:
    connection = op.get_bind()
    if connection.execute(sa.text("SELECT 1 FROM images LIMIT 1")).first() is None:
        return
    # What a picture was made from stays what it is found by, also when it is indexed again.
    op.execute("UPDATE images SET found_by = (SELECT name FROM presets WHERE presets.id = images.preset_id)"
               " WHERE preset_id IS NOT NULL")  # fmt: skip
    counts: Counter[tuple[str, str, str]] = Counter()
    days: Counter[tuple[str, str, str, int]] = Counter()
    for rows in _batches(connection):
        for row in rows:
            _count(row, counts, days)
        _title(connection, rows)
        _index(connection, rows)
    # What no list shows no search reads.
    op.execute(f"DELETE FROM image_texts WHERE image_id IN (SELECT id FROM images WHERE NOT ({_SHOWN}))")  # noqa: S608
    _fill(connection, "image_counts", ("team_id", "kind", "key"), counts, {"label": "key"})
    _fill(connection, "image_days", ("team_id", "kind", "key", "day"), days, {})


def _batches(connection: sa.Connection) -> Iterator[Sequence[Any]]:
    after = ""
    while rows := connection.execute(_ROWS, {"after": after, "batch": BATCH}).fetchall():
        yield rows
        after = rows[-1].id


def _count(row: Any, counts: Counter[tuple[str, str, str]], days: Counter[tuple[str, str, str, int]]) -> None:
    """As counters began: there were neither tags nor favorites."""
    if row.deleted_at is not None:
        counts[row.team_id, "trash", ""] += 1
    elif row.unsaved_at is None:
        day = int(row.id[:8] + row.id[9:13], 16) // 86_400_000
        if row.source == "upload":
            counts[row.team_id, "upload", ""] += 1
        for kind, key in (("shown", ""), *([("model", row.model)] if row.model else [])):
            counts[row.team_id, kind, key] += 1
            days[row.team_id, kind, key, day] += 1


def _title(connection: sa.Connection, rows: Sequence[Any]) -> None:
    titled = [{"identity": row.id, "key": _folded(row.title)[:64]} for row in rows if _folded(row.title)]
    if titled:
        connection.execute(sa.text("UPDATE images SET title_key = :key WHERE id = :identity"), titled)


def _index(connection: sa.Connection, rows: Sequence[Any]) -> None:
    """Behind the team's token; what has none yet is indexed whole at the next start."""
    changed = []
    for row in rows:
        if row.number is not None and row.deleted_at is None and row.unsaved_at is None:
            team, _, words = row.tokens.partition(" ")
            changed.append({"number": row.number, "tokens": " ".join(filter(None, [team, *_facets(row), words]))})
    if changed:
        connection.execute(sa.text("UPDATE image_texts SET tokens = :tokens WHERE number = :number"), changed)


def _facets(row: Any) -> Iterator[str]:
    for character, key in (
        ("\ue002", "" if row.source == "upload" else None),
        ("\ue003", row.model or None),
        ("\ue005", row.seed),
    ):
        if key is not None:
            yield character + blake2b(str(key).encode(), digest_size=10).hexdigest()


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def _fill(connection: sa.Connection, table: str, names: tuple[str, ...], counted: Counter[Any], also: dict[str, str]) -> None:
    columns = (*names, *also, "count")
    rows = []
    for key, count in counted.items():
        row = dict(zip(names, key, strict=True))
        rows.append({**row, **{name: row[of] for name, of in also.items()}, "count": count})
    if rows:
        connection.execute(sa.insert(sa.table(table, *map(sa.column, columns))), rows)
