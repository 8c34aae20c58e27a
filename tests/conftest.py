"""What tests of several rooms share."""

from __future__ import annotations

import gc
import shutil
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from gateway.db import Database
from tests.databases import Server, compiled_once, migrated, postgresql
from tests.fakes.web import Web
from tests.gateways import Running, running

ROOT = Path(__file__).parents[1]

gc.disable()


def pytest_collection_finish() -> None:
    """All that was imported stays to the end: the collector need not walk through it again and again."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def _compiled_once() -> Iterator[None]:
    with compiled_once():
        yield


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite database at the end of its history, made once; `database_url` copies it, a hundred times quicker."""
    path = tmp_path_factory.mktemp("migrated") / "darkroom.db"
    migrated(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Server]:
    """A PostgreSQL server; the first test that wants one starts it."""
    with postgresql() as server:
        yield server


@pytest.fixture(scope="session")
def migrated_postgresql(postgresql_server: Server) -> str:
    """The URL of a PostgreSQL database at the end of its history, made once; `database_url` empties it."""
    url = postgresql_server.database("migrated")
    migrated(url)
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a migrated and empty database, one after the other of the two kinds."""
    if request.param == "sqlite":
        path = tmp_path / "darkroom.db"
        shutil.copy(request.getfixturevalue("migrated_file"), path)
        yield f"sqlite:///{path}"
        return
    url = request.getfixturevalue("migrated_postgresql")
    yield url
    request.getfixturevalue("postgresql_server").empty(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def bare_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without any table, one after the other of the two kinds."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/bare.db"
    return str(request.getfixturevalue("postgresql_server").database("bare"))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A real, migrated and empty database, one after the other of the two kinds."""
    database = Database(database_url)
    yield database
    await database.close()


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    """An Internet of the test's own, for the guarded fetcher."""
    async with Web() as web:
        yield web


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds what an installed wheel holds: put it first on a new process's path."""
    dist, folder = tmp_path_factory.mktemp("dist"), tmp_path_factory.mktemp("installed")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", dist], cwd=ROOT, check=True)
    (wheel,) = dist.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture(scope="session")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One real server with the bundled model, as it ships, for all tests that only ask it: to start it takes longest."""
    with running(tmp_path_factory.mktemp("bundled") / "data", (ROOT / "models.toml").read_text()) as found:
        yield found
