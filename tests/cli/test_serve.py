"""`darkroom serve` around a stand-in application: the start, what is said, the end."""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import socket
import stat
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import Result
from standin import FIRST_KEY, FIRST_TOKEN, KEY, MAX_CONNECTIONS, wait_until

from gateway.cli import extras, logs

Darkroom = Callable[..., Result]
Spawn = Callable[..., subprocess.Popen[str]]


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    handlers, level = list(logging.root.handlers), logging.root.level
    yield
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)
    logging.captureWarnings(False)


def said_until_ready(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("ready"):
            break
    return "".join(lines)


@pytest.mark.server
def test_it_says_where_it_is_and_tells_its_own_command(data: Path, spawn: Spawn) -> None:
    gateway = spawn("serve", "--port", "0", "--public-url", "https://pictures.example.org/")
    said = said_until_ready(gateway)
    address = re.search(r"address +(http://127\.0\.0\.1:\d+)\n", said)
    assert address
    assert "public   https://pictures.example.org\n" in said
    assert f"models   {data / 'models.toml'}\n" in said
    assert said.count(FIRST_KEY) == 1
    assert said.count(FIRST_TOKEN) == 1
    assert urllib.request.urlopen(address[1] + "/health/live").status == 200
    file = data / "server.json"
    assert json.loads(file.read_text()) == {"url": address[1], "key": KEY, "pid": gateway.pid}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.server
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_in_order(number: int, data: Path, spawn: Spawn) -> None:
    gateway = spawn("serve", "--port", "0")
    said_until_ready(gateway)
    os.kill(gateway.pid, number)
    gateway.communicate(timeout=20)
    assert gateway.returncode == 0
    assert not (data / "server.json").exists()


@pytest.mark.server
def test_a_signal_ends_a_start_too(data: Path, spawn: Spawn) -> None:
    gateway = spawn("serve", "--port", "0")
    wait_until(lambda: (data / "darkroom.lock").exists())
    os.kill(gateway.pid, signal.SIGTERM)
    gateway.communicate(timeout=20)
    assert gateway.returncode == 0
    assert not (data / "server.json").exists()


@pytest.mark.server
def test_an_open_stream_does_not_hold_the_end_up(data: Path, spawn: Spawn) -> None:
    gateway = spawn("serve", "--port", "0")
    said_until_ready(gateway)
    url = json.loads((data / "server.json").read_text())["url"]
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    urllib.request.urlopen(urllib.request.Request(url + "/v1/images/generations", b'{"prompt": "slow"}', headers))
    stream = urllib.request.urlopen(urllib.request.Request(url + "/v1/tasks/task-1/events", headers=headers))
    assert stream.readline()
    os.kill(gateway.pid, signal.SIGTERM)
    gateway.communicate(timeout=12)
    assert gateway.returncode == 0


@pytest.mark.server
def test_beyond_its_connections_it_answers_503(data: Path, spawn: Spawn) -> None:
    gateway = spawn("serve", "--port", "0")
    said_until_ready(gateway)
    url = json.loads((data / "server.json").read_text())["url"]
    port = int(url.rpartition(":")[2])

    def status() -> int:
        try:
            with urllib.request.urlopen(url + "/health/live", timeout=10) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as refused:
            return refused.code

    idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(MAX_CONNECTIONS - 1)]
    wait_until(lambda: status() == 200)
    idle.append(socket.create_connection(("127.0.0.1", port)))
    wait_until(lambda: status() == 503)
    for each in idle:
        each.close()
    wait_until(lambda: status() == 200)


@pytest.mark.server
def test_a_second_one_on_the_same_data_says_who_is_there(data: Path, spawn: Spawn) -> None:
    first = spawn("serve", "--port", "0")
    said_until_ready(first)
    second = spawn("serve", "--port", "0")
    _, said = second.communicate(timeout=20)
    assert second.returncode == 3
    assert f"process {first.pid}" in said


@pytest.mark.server
def test_the_port_of_the_one_that_runs_here_is_told_as_such(data: Path, spawn: Spawn) -> None:
    first = spawn("serve", "--port", "0")
    said_until_ready(first)
    port = json.loads((data / "server.json").read_text())["url"].rpartition(":")[2]
    _, said = spawn("serve", "--port", port).communicate(timeout=20)
    assert "already runs" in said
    assert str(first.pid) in said


def test_a_port_in_use_is_told(darkroom: Darkroom) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        result = darkroom("serve", "--port", other.getsockname()[1])
    assert result.exit_code == 1
    assert "in use by another program" in result.stderr
    assert "--port" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--port", "seventy"], ["--port", "seventy"]),
        (["--port", "70000", "--log", "loud"], ["--port", "70000", "--log", "loud"]),
        (["--host", "no-such-host.invalid"], ["no-such-host.invalid", "--host"]),
        (["--host", "192.0.2.1", "--port", "0"], ["192.0.2.1", "--host"]),
        (["--public-url", "example.org"], ["--public-url"]),
    ],
)
def test_wrong_flags_are_told_with_what_is_allowed(arguments: list[str], words: list[str], darkroom: Darkroom) -> None:
    result = darkroom("serve", *arguments)
    assert result.exit_code == 1
    for word in words:
        assert word in result.stderr


@pytest.mark.server
@pytest.mark.parametrize(
    ("models", "words"),
    [
        ("wrong", ["models.toml is not right", "line 1, [[models]] steps: wrong", "line 2, [[models]] size: wrong"]),
        ("missing", ["a_module_that_nobody_has", "install"]),
    ],
)
def test_what_keeps_it_from_starting_is_told_without_a_traceback(
    models: str, words: list[str], data: Path, spawn: Spawn
) -> None:
    (data / "models.toml").write_text(models)
    gateway = spawn("serve", "--port", "0")
    _, said = gateway.communicate(timeout=20)
    assert gateway.returncode == 1
    for word in words:
        assert word in said
    assert "Traceback" not in said


@pytest.mark.server
def test_a_fault_of_ours_keeps_its_traceback(data: Path, spawn: Spawn) -> None:
    (data / "models.toml").write_text("broken")
    gateway = spawn("serve", "--port", "0")
    _, said = gateway.communicate(timeout=20)
    assert gateway.returncode == 1
    assert "Traceback" in said


def test_a_missing_module_is_told_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    required = ["click>=8", "torch<2.14,>=2.6; extra == 'local'", "asyncpg>=0.30; extra == 'postgres'"]
    monkeypatch.setattr(extras.metadata, "requires", lambda _: required)
    assert extras.extra_for("asyncpg.pool") == "postgres"
    assert extras.extra_for("torch") == "local"
    assert extras.extra_for("click") is None


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('[settings.logging]\nformat = "json"\n', "json"),
        ('[settings.logging]\nformat = "text"\n', "text"),
        ("", "text"),
        ("settings = 3", "text"),
        ("not toml", "text"),
    ],
)
def test_the_logs_form_is_read_leniently(text: str, wanted: str, tmp_path: Path) -> None:
    (tmp_path / "models.toml").write_text(text)
    assert logs.wanted_format(tmp_path / "models.toml") == wanted
    assert logs.wanted_format(tmp_path / "none.toml") == "text"


def test_json_lines_have_one_object_each(capfd: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "json")
    try:
        raise ValueError("two\nlines")
    except ValueError:
        logging.getLogger("gateway.test").exception("it %s", "broke")
    line = json.loads(capfd.readouterr().err)
    assert line["level"] == "error"
    assert line["logger"] == "gateway.test"
    assert line["message"] == "it broke"
    assert line["time"].endswith("Z")
    assert "ValueError: two" in line["error"]
