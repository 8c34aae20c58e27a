"""What Alembic runs: the history, over the connection that it is given, within the transaction that is open there."""

from __future__ import annotations

from alembic import context

attributes = context.config.attributes
context.configure(
    connection=attributes["connection"],
    target_metadata=attributes.get("metadata"),
    # The caller's transaction holds all revisions; SQLite keeps schema changes in it as PostgreSQL does, once the
    # driver is kept from committing by itself (gateway/db/database.py).
    transactional_ddl=True,
    # What the full-text index keeps for itself is no table of ours.
    include_name=lambda name, kind, _parents: not (kind == "table" and str(name).startswith("image_words")),
    # SQLite cannot alter most of a table: batches rebuild it there, and alter it on PostgreSQL.
    render_as_batch=True,
    compare_server_default=True,
)
with context.begin_transaction():
    context.run_migrations()
