"""The catalog follows its file; a bad edit leaves the old one in force and says so."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import tomlkit

from gateway.catalog import Catalog, CatalogFile
from gateway.errors import CatalogError
from gateway.registry import Registry

GOOD = "[settings.urls]\nlifetime_days = {}\n"


class Watched:
    """A file that is watched, and what was told of it."""

    def __init__(self, file: CatalogFile) -> None:
        self.file = file
        self.told: list[tuple[int, int]] = []
        self.fails = False

    async def on_change(self, old: Catalog, new: Catalog) -> None:
        self.told.append((days(old), days(new)))
        if self.fails:
            raise RuntimeError("a listener's own fault")

    async def until(self, happened: Callable[[], object]) -> None:
        async with asyncio.timeout(20):
            while not happened():
                await asyncio.sleep(0.005)


def save(path: Path, text: str) -> None:
    path.write_text(text)


def remove(path: Path) -> None:
    path.unlink()


def days(catalog: Catalog) -> int:
    return catalog.settings.urls.lifetime_days


@asynccontextmanager
async def watching(path: Path, registry: Registry) -> AsyncIterator[Watched]:
    watched = Watched(CatalogFile(path, registry))
    task = asyncio.create_task(watched.file.watch(watched.on_change, every=0.01, settle=0.01))
    yield watched
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "models.toml"
    save(path, GOOD.format(3))
    return path


def test_a_broken_file_at_the_start_tells_every_problem(path: Path, registry: Registry) -> None:
    save(path, "[setings]\n[settings.urls]\nlifetime_days = 0\n")
    with pytest.raises(CatalogError) as raised:
        CatalogFile(path, registry)
    assert len(raised.value.problems) == 2


async def test_a_save_is_noticed_and_told_once(path: Path, registry: Registry) -> None:
    async with watching(path, registry) as watched:
        save(path, GOOD.format(4))
        await watched.until(lambda: watched.told)
        assert watched.told == [(3, 4)]
        assert days(watched.file.catalog) == 4
        await asyncio.sleep(0.05)
        assert len(watched.told) == 1


async def test_an_editor_that_replaces_the_file_is_followed(path: Path, registry: Registry) -> None:
    async with watching(path, registry) as watched:
        for times, new in enumerate((4, 5), start=1):
            beside = path.with_suffix(".swp")
            save(beside, GOOD.format(new))
            os.replace(beside, path)
            await watched.until(lambda: len(watched.told) == times)  # noqa: B023  (waited for within the turn)
        assert watched.told == [(3, 4), (4, 5)]


async def test_a_save_that_says_the_same_is_not_told(path: Path, registry: Registry) -> None:
    async with watching(path, registry) as watched:
        save(path, "# a comment\n" + GOOD.format(3))
        await asyncio.sleep(0.1)
        assert watched.told == []


async def test_a_bad_edit_leaves_the_old_catalog_in_force(
    path: Path, registry: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    async with watching(path, registry) as watched:
        with caplog.at_level(logging.ERROR):
            save(path, GOOD.format('"soon"'))
            await watched.until(lambda: watched.file.problem)
        assert "lifetime_days" in (watched.file.problem or "")
        assert "stays in force" in caplog.text
        assert days(watched.file.catalog) == 3
        save(path, GOOD.format(5))
        await watched.until(lambda: watched.told)
        assert watched.file.problem is None
        assert watched.told == [(3, 5)]


async def test_a_bad_edit_that_is_taken_back_is_forgotten(path: Path, registry: Registry) -> None:
    async with watching(path, registry) as watched:
        save(path, "broken")
        await watched.until(lambda: watched.file.problem)
        save(path, GOOD.format(3))
        await watched.until(lambda: watched.file.problem is None)
        assert watched.told == []


async def test_a_file_that_is_gone_is_said_and_comes_back(path: Path, registry: Registry) -> None:
    async with watching(path, registry) as watched:
        remove(path)
        await watched.until(lambda: watched.file.problem)
        assert "is gone" in (watched.file.problem or "")
        assert days(watched.file.catalog) == 3
        save(path, GOOD.format(6))
        await watched.until(lambda: watched.told == [(3, 6)])


async def test_half_a_file_is_not_taken_for_a_whole_one(path: Path, registry: Registry) -> None:
    watched = Watched(CatalogFile(path, registry))
    task = asyncio.create_task(watched.file.watch(watched.on_change, every=0.01, settle=1.0))
    # What a slow save looks like: empty (which is valid), then the beginning, then all of it.
    for part in ("", "[settings.urls]\n", GOOD.format(8)):
        save(path, part)
        await asyncio.sleep(0.05)
    await watched.until(lambda: watched.told)
    assert watched.told == [(3, 8)]
    task.cancel()


async def test_a_listener_that_fails_does_not_end_the_watch(
    path: Path, registry: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    async with watching(path, registry) as watched:
        watched.fails = True
        save(path, GOOD.format(4))
        await watched.until(lambda: len(watched.told) == 1)
        save(path, GOOD.format(5))
        await watched.until(lambda: len(watched.told) == 2)
    assert "could not be followed" in caplog.text


async def test_an_edit_is_in_force_at_once_and_told(path: Path, registry: Registry) -> None:
    def change(document: tomlkit.TOMLDocument) -> None:
        document["settings"]["urls"]["lifetime_days"] = 9

    async with watching(path, registry) as watched:
        assert days(await watched.file.edit(change)) == 9
        assert days(watched.file.catalog) == 9
        await watched.until(lambda: watched.told == [(3, 9)])


async def test_a_refused_edit_changes_nothing(path: Path, registry: Registry) -> None:
    def change(document: tomlkit.TOMLDocument) -> None:
        document["setings"] = 1

    file = CatalogFile(path, registry)
    with pytest.raises(CatalogError):
        await file.edit(change)
    assert days(file.catalog) == 3
    assert file.problem is None
