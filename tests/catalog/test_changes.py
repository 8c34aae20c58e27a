"""What HTTP may change of models.toml, and what is the file's alone."""

from __future__ import annotations

import asyncio
import tomllib
from pathlib import Path
from typing import Any

import pytest

from gateway.catalog import CatalogFile, changes
from gateway.errors import AlreadyExists, InvalidInput, NotFound, WrongState
from gateway.registry import Registry

TEXT = """\
[engines.easel]
plugin = "painter"
url = "http://easel"

[engines.lost]
plugin = "broken"

[[models]]
id = "first"
engine = "easel"
source = "easel/first"
aliases = ["one"]

[[models]]
id = "trusting"
engine = "easel"
source = "easel/trusting"
call = { run = 1 }

[settings.urls]
# how long
#lifetime_days = 7
"""


DEEP: list[Any] = []
for _ in range(1000):
    DEEP = [DEEP]


@pytest.fixture
def file(tmp_path: Path, registry: Registry) -> CatalogFile:
    path = tmp_path / "models.toml"
    path.write_text(TEXT)
    return CatalogFile(path, registry)


def read(file: CatalogFile) -> dict[str, Any]:
    return tomllib.loads(file.path.read_text())


async def test_settings_are_in_force_at_once_and_go_back_to_the_default(file: CatalogFile) -> None:
    catalog = await changes.apply(file, changes.settings_edit({"urls": {"lifetime_days": 3}, "credits": {"enabled": True}}))
    assert file.catalog is catalog
    assert (catalog.settings.urls.lifetime_days, catalog.settings.credits.enabled) == (3, True)
    assert "#lifetime_days = 7\nlifetime_days = 3\n" in file.path.read_text()
    catalog = await changes.apply(file, changes.settings_edit({"urls": {"lifetime_days": None}}))
    assert catalog.settings.urls.lifetime_days == 7


async def test_the_first_setting_of_a_file(tmp_path: Path, registry: Registry) -> None:
    path = tmp_path / "models.toml"
    path.write_text("")
    file = CatalogFile(path, registry)
    catalog = await changes.apply(file, changes.settings_edit({"limits": {"team": {"queued_jobs": 4}}}))
    assert catalog.settings.limits.team.queued_jobs == 4


@pytest.mark.parametrize(
    ("patch", "field", "says"),
    [
        ({"urls": {"lifetime_days": 0}}, "urls.lifetime_days", "1 to 3650"),
        ({"urls": {"lifetime_days": "7"}}, "urls.lifetime_days", "whole number"),
        ({"urls": {"lifetime": 7}}, "urls.lifetime", "lifetime_days"),
        ({"credit": {"enabled": True}}, "credit", "credits"),
        ({"urls": 7}, "urls", "table"),
        ({"urls": {"lifetime_days": 2**70}}, "urls.lifetime_days", "cannot hold"),
        ({"urls": {"lifetime_days": [None]}}, "urls.lifetime_days", "cannot hold"),
        ({"urls": {"lifetime_days": DEEP}}, "urls.lifetime_days", "cannot hold"),
        ({"limits": {"team": {"queued_jobs": -1}}}, "limits.team.queued_jobs", "0 to"),
    ],
)
async def test_a_wrong_setting_changes_nothing(file: CatalogFile, patch: dict[str, Any], field: str, says: str) -> None:
    before = file.catalog
    with pytest.raises(InvalidInput, match=says) as caught:
        await changes.apply(file, changes.settings_edit({"jobs": {"max_attempts": 9}, **patch}))
    assert caught.value.field == field
    assert "line " not in caught.value.message
    assert file.path.read_text() == TEXT
    assert file.catalog is before


async def test_a_model_is_added_changed_and_removed(file: CatalogFile, registry: Registry) -> None:
    entry = {"id": "new", "engine": "easel", "source": "easel/new", "dtype": "full", "tags": ["x"], "title": None}
    catalog = await changes.apply(file, changes.added_model(entry, registry))
    assert catalog.models["new"].options.dtype == "full"
    written = {key: value for key, value in entry.items() if value is not None}
    assert await changes.written_model(file, "new") == written
    patch = {"defaults": {"steps": 4}, "tags": None, "dtype": None}
    catalog = await changes.apply(file, changes.changed_model("new", patch, registry))
    assert (catalog.models["new"].defaults.steps, catalog.models["new"].tags) == (4, ())
    catalog = await changes.apply(file, changes.removed_model("new"))
    assert set(catalog.models) == {"first", "trusting"}
    assert file.path.read_text() == TEXT


@pytest.mark.parametrize(
    ("entry", "field", "says"),
    [
        ({"engine": "stool"}, "engine", "easel"),
        ({"stepz": 4}, "stepz", "dtype"),
        ({"defaults": {"stepz": 4}}, "defaults.stepz", "steps"),
        ({"retired": "nothing"}, "retired", "no model"),
        ({"aliases": ["one"]}, "aliases", "first"),
        ({"call": {"x": 1}}, "call", "models.toml only"),
        ({"parts": []}, "parts", "models.toml only"),
        ({"engine": "lost", "dtype": "full"}, "dtype", "models.toml only"),
        ({"source": "/srv/models/x"}, "source", "path"),
        ({"source": "~/x"}, "source", "path"),
        ({"source": "./x"}, "source", "path"),
        ({"source": "a/../../x"}, "source", "path"),
        ({"source": "C:\\x"}, "source", "path"),
        ({"source": "file:///x"}, "source", "path"),
        ({"source": "folder"}, "source", "path"),
        ({"tags": [None]}, "tags", "cannot hold"),
    ],
)
async def test_a_model_that_cannot_be_added_so(
    file: CatalogFile,
    registry: Registry,
    entry: dict[str, Any],
    field: str,
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    whole = {"id": "new", "engine": "easel", "source": "easel/new", **entry}
    with pytest.raises(InvalidInput, match=says) as caught:
        await changes.apply(file, changes.added_model(whole, registry))
    assert caught.value.field == field
    assert file.path.read_text() == TEXT


@pytest.mark.parametrize(
    "patch", [{"source": "evil/repo"}, {"engine": "lost"}, {"dtype": "full"}, {"call": None}, {"call": {"run": 2}}]
)
async def test_what_a_model_is_trusted_with_is_not_handed_to_another_source(
    file: CatalogFile, registry: Registry, patch: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInput, match=r"models\.toml"):
        await changes.apply(file, changes.changed_model("trusting", patch, registry))
    assert file.path.read_text() == TEXT
    catalog = await changes.apply(file, changes.changed_model("trusting", {"title": "T"}, registry))
    assert catalog.models["trusting"].options.call == {"run": 1}


async def test_names_that_are_taken_missing_or_would_change(file: CatalogFile, registry: Registry) -> None:
    with pytest.raises(AlreadyExists, match="first"):
        await changes.apply(file, changes.added_model({"id": "first", "retired": "trusting"}, registry))
    for edit in (changes.changed_model("frist", {}, registry), changes.removed_model("frist")):
        with pytest.raises(NotFound, match='did you mean "first"'):
            await changes.apply(file, edit)
    with pytest.raises(NotFound):
        await changes.written_model(file, "frist")
    with pytest.raises(InvalidInput, match="stays as it is"):
        await changes.apply(file, changes.changed_model("first", {"id": "second"}, registry))


async def test_a_model_that_others_need_is_not_removed(file: CatalogFile, registry: Registry) -> None:
    await changes.apply(file, changes.added_model({"id": "old", "retired": "first"}, registry))
    with pytest.raises(InvalidInput, match='"old" retired'):
        await changes.apply(file, changes.removed_model("first"))


async def test_a_file_that_is_wrong_already_must_be_mended_first(file: CatalogFile, registry: Registry) -> None:
    for text in (TEXT + "wrong = 1\n", "not toml"):
        file.path.write_text(text)
        with pytest.raises(WrongState, match="mend it first"):
            await changes.apply(file, changes.settings_edit({"jobs": {"max_attempts": 9}}))
        assert file.path.read_text() == text
    with pytest.raises(WrongState, match="cannot be read"):
        await changes.written_model(file, "first")


async def test_who_made_a_change_can_wait_until_it_is_followed(file: CatalogFile) -> None:
    told: list[int] = []

    async def follow(_old: Any, new: Any) -> None:
        await asyncio.sleep(0.02)
        told.append(new.settings.jobs.max_attempts)

    watching = asyncio.create_task(file.watch(follow, every=30))
    for attempts in (8, 9):
        await changes.apply(file, changes.settings_edit({"jobs": {"max_attempts": attempts}}))
        await file.followed()
        assert told[-1] == attempts
    watching.cancel()
    await asyncio.wait([watching])
    await changes.apply(file, changes.settings_edit({"jobs": {"max_attempts": 4}}))
    await file.followed(seconds=0.01)  # nobody watches: it does not wait for ever


async def test_engines_that_are_there_can_be_changed_and_no_other(file: CatalogFile) -> None:
    edit = changes.together(
        changes.engines_edit({"easel": {"url": "http://other", "seconds": 30}}),
        changes.settings_edit({"urls": {"lifetime_days": 2}}),
    )
    catalog = await changes.apply(file, edit)
    assert catalog.engines["easel"].options.url == "http://other"
    assert read(file)["engines"]["easel"] == {"plugin": "painter", "url": "http://other", "seconds": 30}
    assert read(file)["settings"] == {"urls": {"lifetime_days": 2}}
    assert "# how long" in file.path.read_text()
    await changes.apply(file, changes.engines_edit({"easel": {"seconds": None}}))
    assert "seconds" not in read(file)["engines"]["easel"]
    before = file.path.read_text()
    for patches, field in (({"new": {"url": "http://x"}}, "new"), ({"easel": {"url": "ftp://x"}}, "")):
        with pytest.raises(InvalidInput) as refusal:
            await changes.apply(file, changes.engines_edit(patches))
        assert refusal.value.field == field
    with pytest.raises(InvalidInput, match=r"models\.toml only"):
        changes.engines_edit({"easel": {"plugin": "broken"}})
    assert file.path.read_text() == before
