"""What old rows need once and a start need not look for again: done in the background, however many starts it takes."""

from __future__ import annotations

from sqlalchemy import select

from gateway.db.database import Database
from gateway.db.metadata import now
from gateway.db.tables import marks
from gateway.db.upserts import insert_ignore


async def is_done(db: Database, name: str) -> bool:
    """Whether `done` was ever said of it; in this database, however often the gateway started since."""
    async with db.read() as connection:
        return (await connection.execute(select(marks.c.name).where(marks.c.name == name))).first() is not None


async def done(db: Database, name: str) -> None:
    """No row needs it any more, and none will: what is written since does it by itself."""
    async with db.write() as connection:
        await insert_ignore(connection, marks, {"name": name, "done_at": now()})
