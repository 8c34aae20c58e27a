"""scripts/test: rooms and their budgets, one summary, no skip unseen."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

Script = Callable[[str], ModuleType]
pytestmark = pytest.mark.server  # they run programs, one after another
TESTS = {
    "tests/test_unit.py": "def test_a(): pass\ndef test_b(): assert False\n",
    "tests/engines/test_contract.py": "import pytest\ndef test_c(): pytest.skip('no tool')\n",
    "tests/api/test_surface.py": "import pytest\n@pytest.mark.server\ndef test_d(): pass\ndef test_e(): pass\n",
    "tests/browser/test_page.py": "def test_g(): pass\n",
    "tests/test_gpu.py": "import pytest\ndef test_f(): pytest.skip('hardware: no GPU')\n",
}


@pytest.fixture
def runner(script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script over a small project of its own, with lint and types that always pass."""
    module = script("run_tests")
    for name, text in TESTS.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = -q -p no:cacheprovider\nmarkers =\n  server: x\n")
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "CHECKS", {"lint": ("python", "-c", ""), "types": ("python", "-c", "raise SystemExit(1)")})
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setattr(module, "cores", lambda: 1)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # the plugins take longer than these tests
    return module


def test_everything_is_run_once_and_counted(runner: ModuleType, capfd: pytest.CaptureFixture[str]) -> None:
    assert runner.main([]) == 1
    said = capfd.readouterr().out
    assert said.rstrip().splitlines()[-1] == "5 passed, 2 failed, 2 skipped"
    assert "  types: python -c" in said
    assert "  tests.test_unit::test_b" in said
    assert "  tests.engines.test_contract::test_c: no tool" in said
    for room, budget in (("static", "1.0"), ("units", "1.0"), ("contract", "2.0"), ("surfaces", "3.0"), ("server", "2.5")):
        assert [line for line in said.splitlines() if line.startswith(room) and line.rstrip().endswith(budget)]


@pytest.mark.parametrize(
    ("cores", "units", "server"), [(1, [], []), (2, ["-n", "2"], ["-n", "2"]), (64, ["-n", "8"], ["-n", "3"])]
)
def test_rooms_that_share_nothing_use_every_core(
    runner: ModuleType, cores: int, units: list[str], server: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "cores", lambda: cores)
    rooms = {room.name: runner.pytest_arguments(room) for room in runner.ROOMS}
    told = {name: [word for word in words if word == "-n" or word.isdigit()] for name, words in rooms.items()}
    assert (told["units"], told["server"], told["browser"]) == (units, server, [])
    assert ("--dist=loadfile" in rooms["server"]) == bool(server), "tests of one file share a server"


def test_what_tests_start_is_compiled_once(runner: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    (runner.ROOT / "tests" / "test_unit.py").write_text("import sys\ndef test_a(): assert not sys.dont_write_bytecode\n")
    assert runner.main(["units", "-k", "test_a"]) == 0


def test_tests_write_into_memory_where_it_has_room(
    runner: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (runner.ROOT / "tests" / "test_unit.py").write_text("def test_a(tmp_path): print('here', tmp_path)\n")
    memory = tmp_path / "memory"
    memory.mkdir()
    monkeypatch.setattr(runner, "MEMORY", memory)
    for room, is_there in ((0, True), (1 << 62, False)):
        monkeypatch.setattr(runner, "ROOM_IN_MEMORY", room)
        runner.main(["units", "-k", "test_a", "-s"])
        assert (f"here {memory}" in capfd.readouterr().out) == is_there
    assert not list(memory.iterdir()), "and leave nothing there"
    monkeypatch.setattr(runner, "MEMORY", tmp_path / "none")
    assert runner.in_memory() is None


def test_a_room_alone_with_words_for_pytest(runner: ModuleType, capfd: pytest.CaptureFixture[str]) -> None:
    assert runner.main(["units", "-k", "test_a"]) == 0
    assert capfd.readouterr().out.rstrip().endswith("1 passed, 0 failed, 0 skipped")


def test_words_for_pytest_reach_every_room(runner: ModuleType, capfd: pytest.CaptureFixture[str]) -> None:
    runner.main(["contract", "surfaces", "server", "-k", "test_d"])
    assert capfd.readouterr().out.rstrip().endswith("1 passed, 0 failed, 0 skipped")


def test_a_file_is_run_whatever_its_room(runner: ModuleType, capfd: pytest.CaptureFixture[str]) -> None:
    assert runner.main(["tests/api/test_surface.py::test_d"]) == 0
    assert capfd.readouterr().out.rstrip().endswith("1 passed, 0 failed, 0 skipped")


def test_in_ci_a_skip_is_a_failure(
    runner: ModuleType, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    assert runner.main(["contract"]) == 1
    said = capfd.readouterr().out
    assert said.rstrip().endswith("0 passed, 1 failed, 0 skipped")
    assert "test_c (skipped: no tool)" in said


def test_in_ci_a_missing_gpu_is_none(
    runner: ModuleType, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    assert runner.main(["units", "-k", "test_f"]) == 0
    assert capfd.readouterr().out.rstrip().endswith("0 passed, 0 failed, 1 skipped")


def test_in_ci_what_the_contract_suite_leaves_out_is_none(
    runner: ModuleType, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    suite = runner.ROOT / "engines" / "suite"
    suite.mkdir(parents=True)
    (suite / "cases.py").write_text("import pytest\nclass Suite:\n  def test_s(self): pytest.skip('the card says no')\n")
    text = "import sys\nsys.path.insert(0, 'engines/suite')\nfrom cases import Suite\nclass TestMine(Suite): pass\n"
    (runner.ROOT / "tests" / "engines" / "test_contract.py").write_text(text)
    monkeypatch.setenv("CI", "true")
    assert runner.main(["contract"]) == 0
    assert capfd.readouterr().out.rstrip().endswith("0 passed, 0 failed, 1 skipped")


def test_a_file_that_cannot_be_imported_is_a_failure(runner: ModuleType, capfd: pytest.CaptureFixture[str]) -> None:
    (runner.ROOT / "tests" / "test_broken.py").write_text("import a_module_that_nobody_has\n")
    assert runner.main(["units"]) == 1
    assert "test_broken" in capfd.readouterr().out.rpartition("failed:")[2]


def test_a_pytest_that_dies_is_a_failure(runner: ModuleType, capfd: pytest.CaptureFixture[str]) -> None:
    (runner.ROOT / "tests" / "test_unit.py").write_text("import os\ndef test_a(): os._exit(3)\n")
    assert runner.main(["units"]) == 1
    assert "units: pytest ended with status 3" in capfd.readouterr().out


def test_a_room_over_its_budget_names_its_slowest(runner: ModuleType) -> None:
    slow = runner.Outcome("units", 1.5, 1.0, passed=2, slowest=[(80.0, "test_slow"), (1.0, "test_quick")])
    said = runner.summary([slow])
    assert "over its budget" in said
    assert "80.0 s  test_slow" in said


def test_tools_are_installed_in_ci_only_where_a_room_needs_them(runner: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[Any] = []
    monkeypatch.setattr(runner.subprocess, "run", lambda command, **_: ran.append(command))
    monkeypatch.setattr(runner.shutil, "which", lambda name: "/usr/bin/apt-get" if name == "apt-get" else None)
    runner.install_tools(runner.STATIC)
    assert ran == []
    browser = next(room for room in runner.ROOMS if room.name == "browser")
    runner.install_tools(browser)
    assert "chromium" in ran[-1]
    monkeypatch.setattr(runner.shutil, "which", lambda name: f"/usr/bin/{name}")
    runner.install_tools(browser)
    assert len(ran) == 2


def test_help() -> None:
    path = Path(__file__).resolve().parent.parent.parent / "scripts" / "run_tests.py"
    said = subprocess.run([sys.executable, path, "--help"], capture_output=True, text=True, check=True).stdout
    assert "scripts/test static units" in said


def test_the_budgets_are_twelve_minutes(script: Script) -> None:
    assert sum(room.minutes for room in script("run_tests").ROOMS) == 12
