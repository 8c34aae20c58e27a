"""The database, SQLite or PostgreSQL; nothing outside this room knows which."""

from gateway.db.database import Database
from gateway.db.limits import first
from gateway.db.metadata import drawn, first_id_at, id_at, metadata, moment_of, new_id, now
from gateway.db.scope import across_teams, of_team
from gateway.db.upserts import insert_ignore, upsert

__all__ = [
    "Database",
    "across_teams",
    "drawn",
    "first",
    "first_id_at",
    "id_at",
    "insert_ignore",
    "metadata",
    "moment_of",
    "new_id",
    "now",
    "of_team",
    "upsert",
]
