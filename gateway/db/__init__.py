"""The database, SQLite or PostgreSQL; nothing outside this room knows which."""

from gateway.db.database import Database
from gateway.db.metadata import metadata, new_id, now

__all__ = ["Database", "metadata", "new_id", "now"]
