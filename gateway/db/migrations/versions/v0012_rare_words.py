"""In how many pictures a word is, up to what is called few: SQLite reads few hits forwards, and many backwards.

PostgreSQL's view shows the tokens as well, of which the first is the team.
"""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"
changes_data = False
"""Whether rows are changed or lost: a copy of the database is made before."""

MOST = 65
"""That are told apart; whatever is in more pictures costs no more writes."""
# The conditions are those of 0005. What is deleted stays counted: it may be taken for more than it is, never for less.
_ADDED = (
    "INSERT INTO image_words_known (word, seen) SELECT value, 1"
    " FROM json_each('[\"' || replace(new.tokens, ' ', '\",\"') || '\"]')"
    " WHERE length(value) > 3 AND unicode(value) NOT BETWEEN 57344 AND 63743{besides}"
    " ON CONFLICT (word) DO UPDATE SET seen = seen + 1 WHERE seen < {most}"
)
_UNLESS_BEFORE = " AND value NOT IN (SELECT value FROM json_each('[\"' || replace(old.tokens, ' ', '\",\"') || '\"]'))"
_COUNTED = (
    "UPDATE image_words_known SET seen = min({most},"
    " coalesce((SELECT doc FROM temp.image_words_counted WHERE term = image_words_known.word), 0))"
)
SQLITE = (
    "DROP TRIGGER image_texts_words_added",
    "DROP TRIGGER image_texts_words_changed",
    "ALTER TABLE image_words_known ADD COLUMN seen INTEGER NOT NULL DEFAULT 0",
    "CREATE VIRTUAL TABLE temp.image_words_counted USING fts5vocab('main', 'image_words', 'row')",
    _COUNTED.format(most=MOST),
    "DROP TABLE temp.image_words_counted",
    "CREATE TRIGGER image_texts_words_added AFTER INSERT ON image_texts BEGIN "
    + _ADDED.format(besides="", most=MOST)
    + "; END",
    "CREATE TRIGGER image_texts_words_changed AFTER UPDATE ON image_texts BEGIN "
    + _ADDED.format(besides=_UNLESS_BEFORE, most=MOST)
    + "; END",
)


POSTGRESQL = (
    "CREATE OR REPLACE VIEW image_words AS SELECT number AS rowid, image_id,"
    " array_to_tsvector(string_to_array(tokens, ' ')) AS words, tokens FROM image_texts",
)


def upgrade() -> None:
    for statement in SQLITE if op.get_bind().dialect.name == "sqlite" else POSTGRESQL:
        op.execute(statement)
