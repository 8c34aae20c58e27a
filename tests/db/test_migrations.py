from __future__ import annotations

import re
import shutil
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect

from gateway.db import Database
from gateway.db.migrations import FOLDER, alembic_config, migrate
from gateway.db.migrations.__main__ import write_revision
from gateway.db.migrations.rooms import metadata
from gateway.errors import ConfigurationError, StorageFull

CURE = 'run `python -m gateway.db.migrations "what changes"` and read what it writes'

REVISION = """
import sqlalchemy as sa
from alembic import op
revision = "{number}"
down_revision = {before}
changes_data = {changes_data}
def upgrade():
    {steps}
"""


OF_SEARCH = re.compile(r"image_words|ix_image_texts_words")
"""Made by hand in a revision, for SQLAlchemy has no words for it."""


@pytest.fixture
async def fresh(bare_url: str) -> AsyncIterator[Database]:
    """A database without any table, one after the other of the two kinds."""
    database = Database(bare_url)
    yield database
    await database.close()


@pytest.fixture
async def other(bare_url: str, request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """A second one of the same kind."""
    is_sqlite = bare_url.startswith("sqlite")
    url = f"sqlite:///{tmp_path}/other.db" if is_sqlite else request.getfixturevalue("postgresql_server").database("other")
    database = Database(url)
    yield database
    await database.close()


@pytest.fixture
async def file(tmp_path: Path) -> AsyncIterator[Database]:
    """SQLite, where only that has what is tested."""
    database = Database(f"sqlite:///{tmp_path}/darkroom.db")
    yield database
    await database.close()


@pytest.fixture
def history(tmp_path: Path) -> Path:
    """A history of its own, with this room's env.py."""
    folder = tmp_path / "100% history"
    (folder / "versions").mkdir(parents=True)
    for name in ("env.py", "script.py.mako"):
        shutil.copy(FOLDER / name, folder)
    return folder


@pytest.fixture
def add(history: Path) -> Callable[..., None]:
    def add(number: int, *steps: str, changes_data: bool = False) -> None:
        before = repr(f"{number - 1:04d}") if number > 1 else None
        text = REVISION.format(number=f"{number:04d}", before=before, changes_data=changes_data, steps="\n    ".join(steps))
        (history / "versions" / f"v{number:04d}.py").write_text(text)

    return add


def names(folder: Path, pattern: str) -> list[str]:
    return sorted(path.name for path in folder.rglob(pattern))


async def tables(database: Database) -> set[str]:
    async with database.read() as connection:
        return set(await connection.run_sync(lambda sync: inspect(sync).get_table_names())) - {"alembic_version"}


async def described(database: Database) -> set[str]:
    """The indexes and checks, as the database itself tells them."""
    if database.is_sqlite:
        found = await rows(database, "select type, sql from sqlite_master where sql is not null and name != 'alembic_version'")
        words = [(kind, re.sub(r"\s+", " ", sql).lower()) for kind, sql in found]
        indexes = {sql for kind, sql in words if kind == "index"}
        checks = {check for _, sql in words for check in re.findall(r"constraint \w+ check .*?\)\)", sql)}
        return indexes | checks
    indexes = {sql.lower() for (sql,) in await rows(database, "select indexdef from pg_indexes where schemaname = 'public'")}
    query = (
        "select conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) from pg_constraint where conrelid != 0"
    )
    constraints = {sql.lower() for (sql,) in await rows(database, query)}
    return {sql for sql in indexes | constraints if "alembic_version" not in sql}


async def rows(database: Database, query: str) -> list[tuple[Any, ...]]:
    async with database.read() as connection:
        return [tuple(row) for row in await connection.exec_driver_sql(query)]


# ------------------------------------------------------------------------------------------ our own history


async def test_the_history_leads_to_the_rooms_tables(fresh: Database) -> None:
    def differences(connection: Connection) -> list[Any]:
        opts = {"compare_type": True, "compare_server_default": True}
        opts |= {"include_name": lambda name, _kind, _parents: not OF_SEARCH.match(name or "")}
        context = MigrationContext.configure(connection, opts=opts)
        return list(compare_metadata(context, metadata))

    await migrate(fresh)
    async with fresh.reshape() as connection:
        found = await connection.run_sync(differences)
    assert not found, CURE


async def test_the_history_makes_the_same_indexes_and_checks(fresh: Database, other: Database) -> None:
    """What Alembic's comparison does not see: the conditions of partial indexes, and checks."""
    await migrate(fresh)
    async with other.write() as connection:
        await connection.run_sync(metadata.create_all)
    wanted = await described(other)
    assert any(" where " in sql for sql in wanted)
    assert any("check " in sql for sql in wanted)
    assert {sql for sql in await described(fresh) if not OF_SEARCH.search(sql)} == wanted, CURE


async def test_an_up_to_date_database_is_left_alone_quickly(file: Database, tmp_path: Path) -> None:
    assert await migrate(file)
    before = (tmp_path / "darkroom.db").stat().st_mtime_ns
    took = []
    for _ in range(3):
        started = time.perf_counter()
        assert await migrate(file) == []
        took.append(time.perf_counter() - started)
    assert min(took) < 0.05
    assert (tmp_path / "darkroom.db").stat().st_mtime_ns == before
    assert names(tmp_path, "*.db") == ["darkroom.db"]


async def test_a_new_revision_says_nothing_when_nothing_changed(history: Path) -> None:
    shutil.copytree(FOLDER / "versions", history / "versions", dirs_exist_ok=True)
    text = (await write_revision("nothing", history)).read_text()
    assert "pass" in text
    assert "op." not in text


async def test_a_new_revision_leads_from_nothing_to_the_rooms_tables(history: Path, fresh: Database) -> None:
    path = await write_revision("all rooms", history)
    assert path.name == "v0001_all_rooms.py"
    assert await migrate(fresh, folder=history) == ["0001"]
    assert await tables(fresh) == set(metadata.tables)


def test_revisions_import_no_room() -> None:
    for path in (FOLDER / "versions").glob("*.py"):
        assert "gateway" not in path.read_text(), f"{path.name}: describe the tables as they are then, not as they are today"


# ------------------------------------------------------------------------------------------ how any history runs


async def test_what_is_lacking_runs_in_order(fresh: Database, history: Path, add: Callable[..., None]) -> None:
    add(1, "op.create_table('a', sa.Column('x', sa.Integer))")
    assert await migrate(fresh, folder=history) == ["0001"]
    add(2, "op.create_table('b', sa.Column('x', sa.Integer))")
    add(3, "op.execute('insert into b values (5)')")
    assert await migrate(fresh, folder=history) == ["0002", "0003"]
    assert await rows(fresh, "select x from b") == [(5,)]


async def test_a_revision_that_fails_leaves_nothing_of_any(fresh: Database, history: Path, add: Callable[..., None]) -> None:
    add(1, "op.create_table('a', sa.Column('x', sa.Integer))")
    await migrate(fresh, folder=history)
    add(2, "op.create_table('b', sa.Column('x', sa.Integer))")
    add(3, "op.create_table('c', sa.Column('x', sa.Integer))", "raise ZeroDivisionError")
    with pytest.raises(ZeroDivisionError):
        await migrate(fresh, folder=history)
    assert await tables(fresh) == {"a"}
    assert await rows(fresh, "select version_num from alembic_version") == [("0001",)]


async def test_a_table_that_others_point_to_can_be_rebuilt(file: Database, history: Path, add: Callable[..., None]) -> None:
    add(1, "op.create_table('a', sa.Column('x', sa.Integer, primary_key=True))",
        "op.create_table('b', sa.Column('a', sa.Integer, sa.ForeignKey('a.x', ondelete='CASCADE')))",
        "op.execute('insert into a values (1)')", "op.execute('insert into b values (1)')")  # fmt: skip
    add(2, "with op.batch_alter_table('a', recreate='always') as batch:", "    batch.add_column(sa.Column('y', sa.Text))")
    await migrate(file, folder=history)
    assert await rows(file, "select a from b") == [(1,)]
    assert await rows(file, "select x, y from a") == [(1, None)]


async def test_a_revision_that_orphans_rows_is_undone(file: Database, history: Path, add: Callable[..., None]) -> None:
    add(1, "op.create_table('a', sa.Column('x', sa.Integer, primary_key=True))",
        "op.create_table('b', sa.Column('a', sa.Integer, sa.ForeignKey('a.x')))",
        "op.execute('insert into a values (1)')", "op.execute('insert into b values (1)')")  # fmt: skip
    await migrate(file, folder=history)
    add(2, "op.execute('delete from a')")
    with pytest.raises(RuntimeError, match="b -> a"):
        await migrate(file, folder=history)
    assert await rows(file, "select x from a") == [(1,)]


async def test_a_copy_is_made_before_rows_are_changed(
    file: Database, history: Path, add: Callable[..., None], tmp_path: Path
) -> None:
    add(1, "op.create_table('a', sa.Column('x', sa.Integer))", "op.execute('insert into a values (1)')", changes_data=True)
    await migrate(file, tmp_path / "copies", folder=history)
    assert not (tmp_path / "copies").exists(), "there was nothing yet to copy"
    add(2, "op.execute('update a set x = 2')", changes_data=True)
    add(3, "op.create_table('b', sa.Column('x', sa.Integer))")
    await migrate(file, tmp_path / "copies", folder=history)
    (copy,) = (tmp_path / "copies").iterdir()
    assert re.fullmatch(r"darkroom-at-0001-\d{8}T\d{6}Z\.db", copy.name)
    assert copy.stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("select x from a").fetchall() == [(1,)]
        assert connection.execute("select version_num from alembic_version").fetchall() == [("0001",)]
        assert connection.execute("pragma integrity_check").fetchone() == ("ok",)
    assert await rows(file, "select x from a") == [(2,)]


async def test_the_copy_lies_beside_the_database_by_default(
    file: Database, history: Path, add: Callable[..., None], tmp_path: Path
) -> None:
    add(1, "op.create_table('a', sa.Column('x', sa.Integer))")
    await migrate(file, folder=history)
    add(2, "op.execute('delete from a')", changes_data=True)
    await migrate(file, folder=history)
    assert names(tmp_path, "*.db")[0].startswith("darkroom-at-0001-")


async def test_without_room_for_the_copy_nothing_is_migrated(
    file: Database, history: Path, add: Callable[..., None], tmp_path: Path
) -> None:
    add(1, "op.create_table('a', sa.Column('x', sa.Integer))")
    await migrate(file, folder=history)
    add(2, "op.execute('insert into a values (1)')", changes_data=True)
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageFull, match="Make room"):
        await migrate(file, tmp_path / "file", folder=history)
    assert await rows(file, "select * from a") == []
    assert names(tmp_path, "*.part") == []


async def test_no_copy_is_made_when_only_tables_change(
    file: Database, history: Path, add: Callable[..., None], tmp_path: Path
) -> None:
    for number in (1, 2):
        add(number, f"op.create_table('t{number}', sa.Column('x', sa.Integer))")
        await migrate(file, folder=history)
    assert names(tmp_path, "*.db") == ["darkroom.db"]


async def test_a_database_of_a_newer_darkroom_is_refused(fresh: Database, history: Path, add: Callable[..., None]) -> None:
    add(1, "op.create_table('a', sa.Column('x', sa.Integer))")
    add(2, "op.create_table('b', sa.Column('x', sa.Integer))")
    await migrate(fresh, folder=history)
    (history / "versions" / "v0002.py").unlink()
    with pytest.raises(ConfigurationError, match=r"0002, which this version of Darkroom does not know: a newer one"):
        await migrate(fresh, folder=history)


def test_the_settings_point_into_the_package() -> None:
    assert alembic_config().get_main_option("script_location") == str(FOLDER)
