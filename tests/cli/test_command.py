"""The command as a whole: quick, light, and its help teaches."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import pytest
from click.testing import Result

from gateway import __version__
from gateway.cli import main

HEAVY = ("torch", "litestar", "sqlalchemy", "uvicorn", "httpx", "numpy", "rich", "obstore", "PIL")


def test_help_is_quick_and_imports_nothing_heavy(data: object) -> None:
    code = (
        "import sys; from gateway.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    before = os.times()
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    after = os.times()
    assert run.stderr.strip() == "[]"
    # Of the processor, not of the clock: a busy machine does not make it more.
    assert after.children_user + after.children_system - before.children_user - before.children_system < 0.4


def test_version(darkroom: Callable[..., Result]) -> None:
    assert darkroom("--version").stdout == f"darkroom, version {__version__}\n"


@pytest.mark.parametrize("name", sorted(main.commands))
def test_every_command_teaches_by_examples(name: str, darkroom: Callable[..., Result]) -> None:
    text = darkroom(name, "--help").stdout
    assert "Examples:" in text
    assert f"darkroom {name}" in text


@pytest.mark.parametrize("module", ["gateway", "gateway.cli"])
def test_python_m_is_the_same_command(data: object, module: str) -> None:
    run = subprocess.run([sys.executable, "-m", module, "--version"], capture_output=True, text=True, check=True)
    assert run.stdout.startswith("darkroom, version")


def test_ctrl_c_while_the_code_is_being_read_leaves_no_traceback() -> None:
    code = (
        "import sys\n"
        "class Pressed:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'gateway.cli.keys': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Pressed())\n"
        "from gateway.__main__ import main\n"
        "main()"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (run.returncode, run.stdout, run.stderr) == (130, "", "")


def test_an_unknown_command_is_a_usage_error(darkroom: Callable[..., Result]) -> None:
    result = darkroom("genrate")
    assert result.exit_code == 2
    assert "genrate" in result.stderr
