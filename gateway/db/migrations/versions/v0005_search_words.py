"""The words that searches find by their beginnings, for SQLite: its index reads a word newest first, a beginning not."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
changes_data = False
"""Whether rows are changed or lost: a copy of the database is made before."""

# Beginnings of up to three characters have postings of their own (0003), and team, models and tags, which begin with a
# private character, are never asked for by their beginnings. No token has a quote or a backslash.
_WORDS = (
    "INSERT OR IGNORE INTO image_words_known SELECT value"
    " FROM {source}json_each('[\"' || replace({row}.tokens, ' ', '\",\"') || '\"]')"
    " WHERE length(value) > 3 AND unicode(value) NOT BETWEEN 57344 AND 63743"
)
SQLITE = (
    "CREATE TABLE image_words_known (word TEXT PRIMARY KEY NOT NULL) WITHOUT ROWID",
    f"CREATE TRIGGER image_texts_words_added AFTER INSERT ON image_texts BEGIN {_WORDS.format(source='', row='new')}; END",
    f"CREATE TRIGGER image_texts_words_changed AFTER UPDATE ON image_texts BEGIN {_WORDS.format(source='', row='new')}; END",
    _WORDS.format(source="image_texts, ", row="image_texts"),
)


def upgrade() -> None:
    for statement in SQLITE if op.get_bind().dialect.name == "sqlite" else ():
        op.execute(statement)
