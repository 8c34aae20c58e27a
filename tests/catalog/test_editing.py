"""Edits by program: comments and order stay, and the file is changed whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import tomlkit

from gateway.catalog import ensure_models_file, load
from gateway.catalog.editing import edit
from gateway.errors import CatalogError, WrongState
from gateway.registry import Registry

TEXT = """# mine
[settings.urls]   # links
lifetime_days = 3 # short

[engines.easel]
plugin = "painter"
url = "http://easel"
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "models.toml"
    path.write_text(TEXT)
    path.chmod(0o640)
    return path


def lifetime(days: object) -> Callable[[tomlkit.TOMLDocument], None]:
    def change(document: tomlkit.TOMLDocument) -> None:
        document["settings"]["urls"]["lifetime_days"] = days

    return change


def test_an_edit_changes_its_place_only(path: Path, registry: Registry) -> None:
    catalog = edit(path, lifetime(9), registry)
    assert catalog.settings.urls.lifetime_days == 9
    assert path.read_text() == TEXT.replace("lifetime_days = 3", "lifetime_days = 9")
    assert load(path, registry) == catalog
    assert path.stat().st_mode & 0o777 == 0o640
    assert [child.name for child in path.parent.iterdir()] == ["models.toml"]


def test_an_edit_that_would_be_wrong_is_refused_whole(path: Path, registry: Registry) -> None:
    with pytest.raises(CatalogError, match="lifetime_days"):
        edit(path, lifetime(-1), registry)
    assert path.read_text() == TEXT


@pytest.mark.parametrize("text", ["a = = 1", "[setings]"])
def test_a_file_that_is_wrong_already_is_not_touched(path: Path, registry: Registry, text: str) -> None:
    path.write_text(text)
    with pytest.raises(CatalogError):
        edit(path, lambda _: None, registry)
    assert path.read_text() == text


def test_somebody_elses_save_is_not_lost(path: Path, registry: Registry) -> None:
    def slow(document: tomlkit.TOMLDocument) -> None:
        path.write_text(TEXT + "# theirs\n")
        lifetime(9)(document)

    with pytest.raises(WrongState, match="somebody else"):
        edit(path, slow, registry)
    assert path.read_text() == TEXT + "# theirs\n"


def test_a_link_stays_a_link(path: Path, registry: Registry, tmp_path: Path) -> None:
    link = tmp_path / "link.toml"
    link.symlink_to(path)
    edit(link, lifetime(9), registry)
    assert link.is_symlink()
    assert "lifetime_days = 9" in path.read_text()


def test_a_model_is_edited_within_the_file_that_ships(tmp_path: Path) -> None:
    path = tmp_path / "models.toml"
    ensure_models_file(path)
    before = path.read_text("utf-8")

    def change(document: tomlkit.TOMLDocument) -> None:
        shapes = document["models"][0]
        shapes["defaults"]["steps"] = 30
        shapes["title"] = "Forms"

    catalog = edit(path, change, Registry({}, dict.fromkeys(("diffusers", "lanczos"), "not needed here")))
    assert catalog.models["shapes"].defaults.steps == 30
    assert path.read_text("utf-8") == before.replace("{ steps = 20,", "{ steps = 30,", 1).replace('"Shapes"', '"Forms"')
