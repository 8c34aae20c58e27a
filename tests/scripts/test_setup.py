"""scripts/setup: quick when nothing changed, finished when it was interrupted, clear when it cannot."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SCRIPTS = Path(__file__).resolve().parent.parent.parent / "scripts"
Script = Callable[[str], ModuleType]
pytestmark = pytest.mark.server  # they run programs, one after another
PYPROJECT = """
[build-system]
requires = []
build-backend = "nothing"

[project]
name = "thing"
version = "1"

[project.optional-dependencies]
local = []
dev = []
"""
FAKE_PIP = """
import os, sys, time
from pathlib import Path

root = Path(__file__).resolve().parents[5]
with open(root / "calls", "a") as calls:
    print("begin", *sys.argv[1:], file=calls, flush=True)
while (root / "wait").exists():
    time.sleep(0.02)
print("Downloading torch-2.13.0-cp311-none-linux_x86_64.whl (812.3 MB)")
print("what pip says")
with open(root / "calls", "a") as calls:
    print("end", file=calls)
sys.exit(int((root / "status").read_text()))
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a .venv whose pip only writes down that it was called."""
    root = tmp_path / "a project"
    (root / "scripts").mkdir(parents=True)
    for name in ("setup", "environment.py"):
        shutil.copy(SCRIPTS / name, root / "scripts" / name)
    (root / "scripts" / "constraints.txt").write_text("click==8.5.1\n")
    (root / "pyproject.toml").write_text(PYPROJECT)
    (root / "status").write_text("0")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", root / ".venv"], check=True)
    pip = next((root / ".venv" / "lib").iterdir()) / "site-packages" / "pip"
    pip.mkdir()
    (pip / "__init__.py").touch()
    (pip / "__main__.py").write_text(FAKE_PIP)
    (root / ".venv" / "bin" / "pip").write_text(f"#!{root}/.venv/bin/python\n")
    return root


def setup(project: Path, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run([project / "scripts" / "setup", *arguments], capture_output=True, text=True, check=False, **options)


def calls(project: Path) -> list[str]:
    path = project / "calls"
    return path.read_text().splitlines() if path.exists() else []


def installs(project: Path) -> int:
    return sum(line.startswith("begin") for line in calls(project))


def test_it_installs_once_and_sees_that_it_did(project: Path) -> None:
    first = setup(project, "--local")
    assert first.returncode == 0, first.stderr
    assert first.stdout == ""
    assert "installing Darkroom with local" in first.stderr
    assert "downloading torch, 812.3 MB" in first.stderr
    assert f"{project}[local]" in calls(project)[0]
    assert str(project / "scripts" / "constraints.txt") in calls(project)[0]
    began = cpu_seconds()
    assert setup(project, "--local").stderr == ""
    assert cpu_seconds() - began < 0.3
    assert installs(project) == 1


def test_without_arguments_it_is_for_running_and_testing(project: Path) -> None:
    setup(project)
    assert f"{project}[dev,local]" in calls(project)[0]


def test_what_was_installed_stays_when_more_is_wanted(project: Path) -> None:
    setup(project, "--local")
    setup(project, "--dev")
    assert f"{project}[dev,local]" in calls(project)[-2]
    setup(project, "--local")
    assert installs(project) == 2


@pytest.mark.parametrize("name", ["pyproject.toml", "scripts/constraints.txt"])
def test_a_change_of_what_is_needed_installs_again(name: str, project: Path) -> None:
    setup(project, "--local")
    with (project / name).open("a") as file:
        file.write("# changed\n")
    setup(project, "--local")
    assert installs(project) == 2


def test_when_pip_fails_its_words_are_shown_and_it_is_tried_again(project: Path) -> None:
    (project / "status").write_text("1")
    failed = setup(project, "--local")
    assert failed.returncode == 1
    assert "what pip says" in failed.stderr
    assert str(project / ".venv" / "setup.log") in failed.stderr
    (project / "status").write_text("0")
    assert setup(project, "--local").returncode == 0
    assert installs(project) == 2


def test_one_that_was_killed_is_finished_by_the_next(project: Path) -> None:
    (project / "wait").touch()
    first = subprocess.Popen([project / "scripts" / "setup", "--local"], stderr=subprocess.PIPE)
    wait_for_install(project)
    first.terminate()
    first.communicate(timeout=10)
    assert not (project / ".venv" / "setup.json").exists()
    (project / "wait").unlink()
    assert setup(project, "--local").returncode == 0
    assert calls(project)[-1] == "end"


def test_packages_that_were_cut_off_are_installed_again(project: Path) -> None:
    packages = next((project / ".venv" / "lib").iterdir()) / "site-packages"
    for name, whole in (("half-1.dist-info", False), ("whole-1.dist-info", True)):
        (packages / name).mkdir()
        if whole:
            (packages / name / "INSTALLER").write_text("pip\n")
    (packages / "~orch").mkdir()
    setup(project, "--local")
    assert not (packages / "half-1.dist-info").exists()
    assert not (packages / "~orch").exists()
    assert (packages / "whole-1.dist-info").exists()


def test_two_at_once_take_turns(project: Path) -> None:
    (project / "wait").touch()
    command = [project / "scripts" / "setup", "--local"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as first:
        wait_for_install(project)
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as second:
            assert second.stderr
            assert "another set-up is at work here" in second.stderr.readline()
            (project / "wait").unlink()
    assert (first.returncode, second.returncode) == (0, 0)
    assert installs(project) == 1


def test_a_venv_that_was_moved_or_broken_is_made_anew(project: Path, script: Script) -> None:
    environment = script("environment")
    here = environment.Environment(project)
    assert here.works()
    (project / ".venv" / "bin" / "pip").write_text("#!/somewhere/else/.venv/bin/python\n")
    assert not here.works()
    shutil.rmtree(project / ".venv" / "bin")
    assert not here.works()


def test_an_unknown_extra_is_told_with_those_there_are(project: Path) -> None:
    failed = setup(project, "--loacl")
    assert failed.returncode == 1
    assert "--loacl" in failed.stderr
    assert "--local, --dev" in failed.stderr
    assert installs(project) == 0


def test_help(project: Path) -> None:
    helped = setup(project, "--help")
    assert helped.returncode == 0
    assert "--local" in helped.stdout


def fake_path(tmp_path: Path, python3: str | None) -> dict[str, str]:
    """A PATH with nothing but what the script itself needs."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in ("bash", "dirname", "cat", "env"):
        (folder / tool).symlink_to(str(shutil.which(tool)))
    if python3:
        (folder / "python3").write_text(python3)
        (folder / "python3").chmod(0o755)
    return {"PATH": str(folder)}


@pytest.mark.parametrize(
    ("python3", "words"),
    [("#!/usr/bin/env bash\necho 3.9.2\n", ["3.11 or newer", "python3 is 3.9.2"]), (None, ["3.11 or newer", "no python3"])],
)
def test_a_python_that_is_too_old_is_told(python3: str | None, words: list[str], project: Path, tmp_path: Path) -> None:
    shutil.rmtree(project / ".venv")
    failed = setup(project, env=fake_path(tmp_path, python3))
    assert failed.returncode == 1
    for word in [*words, "apt-get install python3", "PYTHON="]:
        assert word in failed.stderr


def test_a_python_without_venv_is_told(project: Path, script: Script, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    environment = script("environment")
    poor = tmp_path / "python"
    poor.write_text("#!/usr/bin/env bash\nexit 1\n")
    poor.chmod(0o755)
    monkeypatch.setattr(environment.sys, "_base_executable", str(poor))
    shutil.rmtree(project / ".venv")
    (project / ".venv").mkdir()
    with pytest.raises(environment.SetupFailed, match="apt-get install python3-venv"):
        environment.Environment(project).make_folder()


def cpu_seconds() -> float:
    """Of the processes that this one started and that have ended: a busy machine does not make them more."""
    spent = os.times()
    return spent.children_user + spent.children_system


def wait_for_install(project: Path) -> None:
    deadline = time.monotonic() + 20
    while not calls(project):
        assert time.monotonic() < deadline
        time.sleep(0.02)
