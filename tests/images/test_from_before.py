"""Pictures from before lists counted: the migration makes of them what they would be if they were added today."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection, insert, select, update

from gateway.db import Database, across_teams, now
from gateway.images import library, records
from gateway.images.library import Wanted
from gateway.images.tables import image_texts, images
from gateway.images.tokens import terms
from gateway.presets.tables import presets
from tests.images.shelf import DAY, MINE, YOURS, check_counts, furnish, picture

PRESET = "01900000-0000-7000-8000-000000000001"


async def rows(database: Database) -> tuple[list[Any], list[Any]]:
    async with database.read() as connection:
        kept = await connection.execute(select(image_texts.c.image_id, image_texts.c.tokens).order_by(image_texts.c.number))
        columns = (images.c.id, images.c.title_key, images.c.found_by)
        shown = await connection.execute(across_teams(select(*columns)).order_by(images.c.id))
        return [(row[0], sorted(row[1].split())) for row in kept], [tuple(row) for row in shown]


def brought_up(connection: Connection) -> None:
    with Operations.context(MigrationContext.configure(connection)):
        import_module("gateway.db.migrations.versions.v0006_what_lists_count").upgrade()


async def test_what_is_there_is_counted_and_found(database: Database) -> None:
    await furnish(database)
    several = [
        picture("red", title="Ünder ONE", at=now() - 3 * DAY, seed=7),
        picture("red", team_id=YOURS, model="other/m", preset_id=PRESET, found_by="Poster"),
        picture("red", source="upload", model=""),
        picture("red", source="upload", unsaved_at=now()),
        picture("red", deleted_at=now()),
    ]
    about = {"version": 1, "content": b"{}", "created_at": 1, "updated_at": 1}
    async with database.write() as connection:
        await connection.execute(insert(presets), [{"id": PRESET, "team_id": YOURS, "name": "Poster", **about}])
        await records.add_all(connection, several)
    today = await rows(database)
    async with database.write() as connection:
        for table in ("image_counts", "image_days"):
            await connection.exec_driver_sql(f"DELETE FROM {table}")
        await connection.execute(across_teams(update(images)).values(title_key="\U0010ffff", found_by=None))
        for image_id, tokens in today[0]:
            words = [token for token in tokens if not "\ue001" <= token[0] <= "\ue0ff"]
            before = " ".join(sorted(words, key=lambda token: token[0] != "\ue000"))
            await connection.execute(update(image_texts).where(image_texts.c.image_id == image_id).values(tokens=before))
    async with database.write() as connection:
        await connection.run_sync(brought_up)
    assert await rows(database) == today
    async with database.read() as connection:
        await check_counts(connection)
        found = await library.page(connection, MINE, Wanted(terms=tuple(terms("red")), model="m", seed=7), limit=9)
        assert [each.id for each in found.images] == [several[0].id]
