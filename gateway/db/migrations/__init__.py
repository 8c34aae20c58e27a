"""The schema's history, and `migrate`, which brings a database to its end.

A revision is a module of `versions/` that describes its steps without importing any room's tables (those show the
schema of today, not of then). One that changes rows says so with `changes_data = True`. `python -m gateway.db.migrations
"what changes"` writes a new one from the difference between the history and the rooms' tables.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection

from gateway.db.database import Database
from gateway.db.migrations.backup import back_up
from gateway.errors import ConfigurationError

log = logging.getLogger(__name__)

FOLDER = Path(__file__).parent
"""env.py, the template and versions/; all of it ships in the wheel."""


async def migrate(database: Database, backup_folder: Path | None = None, *, folder: Path = FOLDER) -> list[str]:
    """Run every revision that the database lacks, all in one transaction; the ids of those, oldest first.

    Before the first revision that changes data a copy of a SQLite file is put into `backup_folder` (else beside it).
    Raises ConfigurationError for a database that a newer Darkroom wrote, StorageFull when there is no room for the copy.
    Whatever a revision raises passes, and the database is as it was.
    """
    config = alembic_config(folder)
    async with database.read() as connection:
        current = await connection.run_sync(_current)
    lacking = _lacking(config, current)
    if not lacking:
        return []
    if current and any(getattr(revision.module, "changes_data", False) for revision in lacking):
        await _keep_a_copy(database, backup_folder, current)
    async with database.reshape() as connection:
        await connection.run_sync(_upgrade, config)
    log.info("the database was brought from revision %s to %s", ", ".join(current) or "none", lacking[-1].revision)
    return [revision.revision for revision in lacking]


def alembic_config(folder: Path = FOLDER) -> Config:
    """Alembic's settings for a history in `folder`; env.py takes its connection from `attributes`."""
    config = Config()
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.set_main_option("file_template", "v%%(rev)s_%%(slug)s")
    return config


def _current(connection: Connection) -> tuple[str, ...]:
    return MigrationContext.configure(connection).get_current_heads()


def _lacking(config: Config, current: Sequence[str]) -> list[Script]:
    history = ScriptDirectory.from_config(config)
    try:
        known = [history.get_revision(revision) for revision in current]
    except CommandError:
        raise ConfigurationError(
            f"The database is at revision {', '.join(current)}, which this version of Darkroom does not know: a newer one "
            "wrote it. Start that version again, or go back to a copy of the database from before."
        ) from None
    newest_first = history.iterate_revisions("heads", tuple(revision.revision for revision in known if revision) or "base")
    return list(newest_first)[::-1]


def _upgrade(connection: Connection, config: Config) -> None:
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    finally:
        del config.attributes["connection"]


async def _keep_a_copy(database: Database, backup_folder: Path | None, current: Sequence[str]) -> None:
    path = database.path
    if path is None:
        log.warning("the coming migration changes rows; Darkroom copies no PostgreSQL, `pg_dump` does")
        return
    copy = await asyncio.to_thread(back_up, path, backup_folder or path.parent, "-".join(current))
    log.info("a copy of the database from before the migration is at %s", copy)
