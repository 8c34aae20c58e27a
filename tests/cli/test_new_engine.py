"""`darkroom engines new`: what it writes is a package that installs, is found by its entry point, and keeps the contract."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.packages import install, run
from tests.test_readme import OFFER

KINDS = {"local": [], "remote": ["--remote"]}


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_strangers_package_installs_is_found_and_keeps_the_contract(
    kind: str, tmp_path: Path, darkroom: Any, installed: Path
) -> None:
    """Beside an installed Darkroom, whose pytest plug-in runs the contract suite over its models.toml."""
    package, target = tmp_path / "darkroom-night-sky", tmp_path / "installed"
    said = darkroom("engines", "new", package, *KINDS[kind])
    assert "darkroom_night_sky.py" in said.stdout
    install(package, target)
    assert (target / "darkroom_night_sky-0.1.0.dist-info" / "entry_points.txt").exists()
    # From the wheel alone, not from the folder that it was written into.
    (package / "darkroom_night_sky.py").unlink()
    path = target, installed
    tested = run(package, "-m", "pytest", "-p", "no:cacheprovider", "-W", "error", path=path)
    assert tested.returncode == 0, tested.stdout + tested.stderr
    assert " passed" in tested.stdout
    assert f"over the models of {package / 'models.toml'}" in tested.stdout
    offered = run(package, "-c", OFFER, path=path)
    if kind == "local":
        assert offered.stdout.strip() == "night-sky-dusk {} {}", offered.stdout + offered.stderr
    else:
        assert "'night-sky-small': 'The server of night-sky cannot be reached" in offered.stdout, (
            offered.stdout + offered.stderr
        )


@pytest.mark.parametrize("kind", KINDS)
def test_what_it_writes_is_in_good_form(kind: str, tmp_path: Path, darkroom: Any) -> None:
    package = tmp_path / "dusk"
    darkroom("engines", "new", package, *KINDS[kind])
    written = sorted(str(path.relative_to(package)) for path in package.rglob("*") if path.is_file())
    assert written == ["README.md", "darkroom_dusk.py", "models.toml", "pyproject.toml", "tests/test_darkroom_dusk.py"]
    assert not [path for path in written if "@" in (package / path).read_text().replace("@pytest", "").replace("@click", "")]
    checked = [sys.executable, "-m", "ruff", "check", "--select", "E,F,I,UP,B", "--line-length", "128", "."]
    linted = subprocess.run(checked, cwd=package, capture_output=True, text=True)
    assert linted.returncode == 0, linted.stdout
    formatted = [sys.executable, "-m", "ruff", "format", "--check", "--line-length", "128", "."]
    assert subprocess.run(formatted, cwd=package, capture_output=True, text=True).returncode == 0


def test_nothing_is_written_over(tmp_path: Path, darkroom: Any) -> None:
    (tmp_path / "dusk").mkdir()
    (tmp_path / "dusk" / "mine.py").write_text("# mine")
    result = darkroom("engines", "new", tmp_path / "dusk")
    assert result.exit_code == 1
    assert "is not empty" in result.stderr
    assert [path.name for path in (tmp_path / "dusk").iterdir()] == ["mine.py"]


@pytest.mark.parametrize("name", ["Dusk", "9", "a--b", "my engine", "ä"])
def test_names_that_are_none_are_refused(name: str, tmp_path: Path, darkroom: Any) -> None:
    result = darkroom("engines", "new", tmp_path / name)
    assert result.exit_code == 1
    assert "is no name for an engine" in result.stderr
    assert not (tmp_path / name).exists()
