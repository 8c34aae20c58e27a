"""The full-text index over image_texts, which each database has in its own way, under one name: image_words."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
changes_data = False
"""Whether rows are changed or lost: a copy of the database is made before."""

# Every token is kept as it comes: between ASCII's letters, digits and whatever is past them. Places are not kept, for no
# one asks for phrases, and without them the index is half as large.
SQLITE = (
    "CREATE VIRTUAL TABLE image_words USING fts5"
    "(image_id UNINDEXED, tokens, content='image_texts', content_rowid='number',"
    " tokenize='ascii', detail='none', prefix='1 2 3')",
    "CREATE TRIGGER image_texts_added AFTER INSERT ON image_texts BEGIN"
    " INSERT INTO image_words(rowid, image_id, tokens) VALUES (new.number, new.image_id, new.tokens); END",
    "CREATE TRIGGER image_texts_removed AFTER DELETE ON image_texts BEGIN"
    " INSERT INTO image_words(image_words, rowid, image_id, tokens)"
    " VALUES ('delete', old.number, old.image_id, old.tokens); END",
    "CREATE TRIGGER image_texts_changed AFTER UPDATE ON image_texts BEGIN"
    " INSERT INTO image_words(image_words, rowid, image_id, tokens)"
    " VALUES ('delete', old.number, old.image_id, old.tokens);"
    " INSERT INTO image_words(rowid, image_id, tokens) VALUES (new.number, new.image_id, new.tokens); END",
)
POSTGRESQL = (
    "CREATE INDEX ix_image_texts_words ON image_texts USING gin (array_to_tsvector(string_to_array(tokens, ' ')))"
    " WITH (fastupdate = off)",
    "CREATE VIEW image_words AS SELECT number AS rowid, image_id,"
    " array_to_tsvector(string_to_array(tokens, ' ')) AS words FROM image_texts",
)


def upgrade() -> None:
    for statement in SQLITE if op.get_bind().dialect.name == "sqlite" else POSTGRESQL:
        op.execute(statement)
