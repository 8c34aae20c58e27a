"""What tests of several rooms share."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gateway.db import Database
from gateway.db.migrations import migrate

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database at the end of its history, made once; `database` copies it, which is a hundred times quicker."""
    path = tmp_path_factory.mktemp("migrated") / "darkroom.db"

    async def make() -> None:
        database = Database(f"sqlite:///{path}")
        await migrate(database)
        await database.close()

    with ThreadPoolExecutor(1) as own_thread:  # away from any event loop of pytest's own
        own_thread.submit(asyncio.run, make()).result()
    return path


@pytest.fixture
async def database(tmp_path: Path, migrated_file: Path) -> AsyncIterator[Database]:
    """A real, migrated and empty SQLite database in a file of its own."""
    path = tmp_path / "darkroom.db"
    shutil.copy(migrated_file, path)
    database = Database(f"sqlite:///{path}")
    yield database
    await database.close()


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds what an installed wheel holds: put it first on a new process's path."""
    dist, folder = tmp_path_factory.mktemp("dist"), tmp_path_factory.mktemp("installed")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", dist], cwd=ROOT, check=True)
    (wheel,) = dist.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder
