"""`python -m gateway.db.migrations "what changes"` writes the next revision; read it before you keep it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from gateway.db import Database
from gateway.db.migrations import FOLDER, alembic_config, migrate
from gateway.db.migrations.rooms import metadata


async def write_revision(message: str, folder: Path = FOLDER) -> Path:
    """Compare the history's end with the rooms' tables, and write the steps between them as a new module; its path."""
    config = alembic_config(folder)
    config.attributes["metadata"] = metadata
    number = 1 + len(list(ScriptDirectory.from_config(config).walk_revisions()))

    def compare(connection: Connection) -> Path:
        config.attributes["connection"] = connection
        script = command.revision(config, message, autogenerate=True, rev_id=f"{number:04d}")
        if script is None or isinstance(script, list):
            raise RuntimeError("Alembic wrote no single revision")
        return _tidied(Path(script.path))

    with tempfile.TemporaryDirectory() as scratch:
        database = Database(f"sqlite:///{scratch}/scratch.db")
        try:
            await migrate(database, folder=folder)
            async with database.reshape() as connection:
                return await connection.run_sync(compare)
        finally:
            await database.close()


def _tidied(revision: Path) -> Path:
    """Without Alembic's remarks, and as ruff writes it where ruff is there."""
    lines = revision.read_text().splitlines(keepends=True)
    revision.write_text("".join(line for line in lines if not line.lstrip().startswith("# ###")))
    if find_spec("ruff"):
        subprocess.run([sys.executable, "-m", "ruff", "format", "--quiet", revision], check=True)  # noqa: S603
    return revision


if __name__ == "__main__":
    if len(sys.argv) != 2 or not sys.argv[1].strip():
        sys.exit('usage: python -m gateway.db.migrations "what changes"')
    print(asyncio.run(write_revision(sys.argv[1].strip())))
