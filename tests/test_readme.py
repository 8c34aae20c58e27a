"""What README shows is run: its engine is made a package of a stranger's, found by its entry point, and checked."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()

OFFER = """
import asyncio
from gateway.catalog import parse
from gateway.models import Models
from gateway.registry import Registry

async def main():
    models = Models(Registry.discover())
    await models.refresh(parse(open("models.toml").read(), models.registry))
    print(*models.offers, dict(models.problems), dict(models.engine_problems))

asyncio.run(main())
"""


def block(language: str, first_line: str) -> str:
    """The fenced block of README that begins with this comment."""
    found = re.search(rf"```{language}\n(# {re.escape(first_line)}\n.*?)```", README, re.DOTALL)
    assert found, f"README has no {language} block that begins with '# {first_line}'"
    return found[1]


@pytest.fixture
def package(tmp_path: Path) -> Path:
    (tmp_path / "gradient.py").write_text(block("python", "gradient.py"))
    (tmp_path / "test_gradient.py").write_text(block("python", "test_gradient.py"))
    (tmp_path / "models.toml").write_text(block("toml", "models.toml"))
    installed = tmp_path / "gradient-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: gradient\nVersion: 1.0\n")
    table = block("toml", "pyproject.toml of its package")
    (installed / "entry_points.txt").write_text(
        table.replace('project.entry-points."darkroom.engines"', "darkroom.engines").replace('"', "")
    )
    return tmp_path


def run(package: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(package), str(ROOT)])
    return subprocess.run(
        [sys.executable, *arguments], cwd=package, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True
    )


def test_the_engine_has_forty_lines_at_most() -> None:
    assert len([line for line in block("python", "gradient.py").splitlines() if line.strip()]) <= 40


def test_the_engine_keeps_the_contract(package: Path) -> None:
    done = run(package, "-m", "pytest", "-q", "-o", "asyncio_mode=auto", "-p", "no:cacheprovider", "test_gradient.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout


def test_the_gateway_finds_it_and_offers_its_model(package: Path) -> None:
    done = run(package, "-c", OFFER)
    assert done.stdout.strip() == "dusk {} {}", done.stdout + done.stderr


def _anchor(heading: str) -> str:
    """As GitHub makes them: lower case, spaces to hyphens, punctuation left out."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_every_path_that_is_linked_is_there() -> None:
    headings = {_anchor(heading) for heading in re.findall(r"(?m)^#+ (.+)$", README)}
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", README):
        there = target[1:] in headings if target.startswith("#") else (ROOT / target).exists()
        assert there, f"README links to {target}, which is not there"
