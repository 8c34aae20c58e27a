"""`darkroom generate` where no gateway runs: one of its own, as a process, stopped behind it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from click.testing import Result
from standin import FIRST_KEY, picture, wait_until

from gateway.cli import private, server_file
from gateway.db import lock

Darkroom = Callable[..., Result]
Spawn = Callable[..., subprocess.Popen[str]]
pytestmark = pytest.mark.server


def tasks(data: Path) -> dict[str, dict[str, object]]:
    try:
        return dict(json.loads((data / "tasks.json").read_text()))
    except (OSError, ValueError):
        return {}


def server_pid(data: Path) -> int:
    wait_until(lambda: server_file.read(data / "server.json"))
    found = server_file.read(data / "server.json")
    assert found is not None
    return found.pid


def test_one_is_started_and_stopped_again(darkroom: Darkroom, data: Path) -> None:
    result = darkroom("generate", "cat", "-o", "out.png")
    assert result.exit_code == 0, result.stderr
    assert Path("out.png").read_bytes() == picture("task-1-0")
    assert "darkroom serve" in result.stderr.splitlines()[0]
    assert FIRST_KEY in result.stderr
    assert not (data / "server.json").exists()
    with lock.hold(data):
        pass


def test_the_key_of_the_first_start_is_told_once(darkroom: Darkroom, data: Path) -> None:
    darkroom("generate", "cat")
    assert FIRST_KEY not in darkroom("generate", "cat").stderr


def test_what_went_wrong_at_its_start_is_told(darkroom: Darkroom, data: Path) -> None:
    (data / "models.toml").write_text("wrong")
    result = darkroom("generate", "cat")
    assert result.exit_code == 1
    assert "line 1, [[models]] steps: wrong" in result.stderr
    assert "line 2, [[models]] size: wrong" in result.stderr


def test_a_job_outlives_the_death_of_its_gateway(darkroom: Darkroom, data: Path) -> None:
    result = darkroom("generate", "crash once", "-o", "out.png")
    assert result.exit_code == 0, result.stderr
    assert list(tasks(data)) == ["task-1"]
    assert Path("out.png").exists()


def test_one_that_is_already_starting_is_used(darkroom: Darkroom, data: Path, spawn: Spawn) -> None:
    """The lock is taken before the file is written: whoever comes in between waits for the file."""
    other = spawn("serve", "--port", "0")
    wait_until(lambda: (data / "darkroom.lock").exists())
    result = darkroom("generate", "cat", "-o", "out.png")
    assert result.exit_code == 0, result.stderr
    assert other.poll() is None


def test_one_that_is_ending_is_waited_for(darkroom: Darkroom, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = lock.hold(data)
    held.__enter__()
    launches = []
    launch = private.Private._launch

    def launched(own: private.Private) -> subprocess.Popen[bytes]:
        if launches:
            held.__exit__(None, None, None)
        launches.append(own)
        return launch(own)

    monkeypatch.setattr(private.Private, "_launch", launched)
    assert darkroom("generate", "cat", "-o", "out.png").exit_code == 0
    assert len(launches) == 2


def test_ctrl_c_cancels_the_job_and_stops_it(data: Path, spawn: Spawn) -> None:
    command = spawn("generate", "slow cat")
    server = psutil.Process(server_pid(data))
    wait_until(lambda: "running" in str(tasks(data)))
    os.kill(command.pid, signal.SIGINT)
    _, said = command.communicate(timeout=20)
    assert command.returncode == 130
    assert "task-1 is canceled" in said
    assert tasks(data)["task-1"]["status"] == "canceled"
    assert not server.is_running()


def test_it_ends_when_the_command_is_killed(data: Path, spawn: Spawn) -> None:
    command = spawn("generate", "slow cat")
    server = psutil.Process(server_pid(data))
    command.kill()
    server.wait(20)
    assert not (data / "server.json").exists()


def test_another_gateway_that_cannot_be_found_is_told(darkroom: Darkroom, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(private, "SECONDS_FOR_ANOTHER", 0.0)
    with lock.hold(data):
        result = darkroom("generate", "cat")
    assert result.exit_code == 1
    assert "Another gateway" in result.stderr
