"""The command and the real gateway, each in a process of its own, with engines that need no weights."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from standin import wait_until

from tests.fakes.fake_engine import environment, read_journal

Darkroom = Callable[..., Result]
Spawn = Callable[..., subprocess.Popen[str]]
ROOT = Path(__file__).resolve().parent.parent.parent
MODELS = """
[engines.fake]
plugin = "fake"
journal = "{journal}"

[[models]]
id = "dot"
engine = "fake"
source = "fake:dot"
step_seconds = 0.01

[[models]]
id = "slow"
engine = "fake"
source = "fake:slow"
step_seconds = 0.2
"""
pytestmark = [pytest.mark.server, pytest.mark.slow]


@pytest.fixture(autouse=True)
def journal(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the engine of this test's gateways was asked to do."""
    monkeypatch.setenv("PYTHONPATH", environment(ROOT)["PYTHONPATH"])
    (data / "models.toml").write_text(MODELS.format(journal=tmp_path / "journal"))
    return tmp_path / "journal"


@pytest.fixture
def serving(data: Path, spawn: Spawn) -> subprocess.Popen[str]:
    gateway = spawn("serve", "--port", "0")
    wait_until(lambda: (data / "server.json").exists() or gateway.poll() is not None, 60)
    assert gateway.poll() is None, gateway.communicate()
    return gateway


def test_the_same_seed_is_the_same_picture_with_and_without_a_gateway(darkroom: Darkroom, data: Path, spawn: Spawn) -> None:
    first = darkroom("generate", "a red circle", "-m", "dot", "--size", "64x32", "--seed", 7, "-o", "first.png")
    assert first.exit_code == 0, first.stderr
    assert "64x32, seed 7" in first.stdout
    assert "dk_" in first.stderr
    assert not (data / "server.json").exists()
    gateway = spawn("serve", "--port", "0")
    wait_until(lambda: (data / "server.json").exists(), 60)
    second = darkroom("generate", "a red circle", "-m", "dot", "--size", "64x32", "--seed", 7, "-o", "second.png")
    assert second.exit_code == 0, second.stderr
    assert Path("first.png").read_bytes() == Path("second.png").read_bytes()
    os.kill(gateway.pid, signal.SIGTERM)
    said, log = gateway.communicate(timeout=30)
    assert gateway.returncode == 0
    assert "dk_" not in said
    assert "Traceback" not in log


@pytest.mark.usefixtures("serving")
def test_what_the_gateway_has_is_listed(darkroom: Darkroom, spawn: Spawn) -> None:
    assert "dot" in darkroom("models").stdout
    assert "runs" in darkroom("engines").stdout
    assert "Nothing waits." in darkroom("queue").stdout
    for command in ("models", "engines", "queue"):
        assert json.loads(darkroom(command, "--json").stdout)
    doctor = spawn("doctor")
    said, _ = doctor.communicate(timeout=60)
    assert doctor.returncode == 0, said
    assert "ok       models       dot" in said


@pytest.mark.usefixtures("serving")
def test_keys_are_made_used_and_revoked(darkroom: Darkroom, data: Path) -> None:
    url = json.loads((data / "server.json").read_text())["url"]
    made = json.loads(darkroom("keys", "create", "shop", "--days", 3, "--json").stdout)
    listed = darkroom("keys").stdout
    assert "shop" in listed
    assert made["key"] not in listed
    mine = ("--server", url, "--key", made["key"])
    assert darkroom("generate", "cat", "-m", "dot", *mine).exit_code == 0
    refused = darkroom("queue", *mine)
    assert refused.exit_code == 1
    assert "admin" in refused.stderr
    assert darkroom("keys", "revoke", made["id"]).exit_code == 0
    assert darkroom("generate", "cat", "-m", "dot", *mine).exit_code == 1
    assert "revoked" in darkroom("keys", "list", "--all").stdout


@pytest.mark.usefixtures("serving")
def test_a_team_its_owner_and_their_key(darkroom: Darkroom, data: Path) -> None:
    url = json.loads((data / "server.json").read_text())["url"]
    for arguments in (
        ("teams", "create", "studio"),
        ("users", "create", "Ann", "--email", "ann@example.org"),
        ("teams", "add", "studio", "ann@example.org", "--role", "owner"),
    ):
        assert darkroom(*arguments).exit_code == 0
    made = json.loads(darkroom("keys", "create", "x", "--team", "studio", "--user", "ann@example.org", "--json").stdout)
    assert darkroom("keys", "list", "--team", "studio").stdout.count("gallery.write") == 1
    new = darkroom("keys", "rotate", made["id"]).stdout.strip()
    assert darkroom("generate", "cat", "-m", "dot", "--server", url, "--key", made["key"]).exit_code == 1
    assert darkroom("generate", "cat", "-m", "dot", "--server", url, "--key", new).exit_code == 0
    assert darkroom("users", "close", "ann@example.org").exit_code == 0
    refused = darkroom("generate", "cat", "-m", "dot", "--server", url, "--key", new)
    assert "user is closed" in refused.stderr


REFUSED = {
    "dot": ["cat", "-m", "dto"],
    "size": ["cat", "-m", "dot", "--size", "64x5000"],
    "n": ["cat", "-m", "dot", "-n", "9"],
    "steps": ["cat", "-m", "dot", "--steps", "101"],
    "refuse me": ["refuse me", "-m", "dot"],
}


@pytest.mark.usefixtures("serving")
def test_refusals_name_what_to_change(darkroom: Darkroom) -> None:
    for word, arguments in REFUSED.items():
        result = darkroom("generate", *arguments)
        assert result.exit_code == 1
        assert word in result.stderr


@pytest.mark.usefixtures("serving")
def test_several_pictures_have_seeds_of_their_own(darkroom: Darkroom) -> None:
    answer = json.loads(darkroom("generate", "cat", "-m", "dot", "-n", 3, "--seed", 5, "-o", "cat.png", "--json").stdout)
    assert [image["seed"] for image in answer["output"]["images"]] == [5, 6, 7]
    assert len({Path(image["file"]).read_bytes() for image in answer["output"]["images"]}) == 3


def test_ctrl_c_stops_the_engine(serving: subprocess.Popen[str], spawn: Spawn, journal: Path) -> None:
    command = spawn("generate", "cat", "-m", "slow", "--steps", "100")
    wait_until(lambda: any(entry["call"] == "run" for entry in read_journal(journal)), 30)
    os.kill(command.pid, signal.SIGINT)
    _, said = command.communicate(timeout=20)
    assert command.returncode == 130
    assert "is canceled" in said
    wait_until(lambda: any(entry["call"] == "ran" for entry in read_journal(journal)), 5)


def test_a_picture_survives_the_death_of_its_gateway(
    serving: subprocess.Popen[str], spawn: Spawn, journal: Path, data: Path
) -> None:
    """The gateway is killed while it draws; the command starts one of its own, which goes on with the job."""
    command = spawn("generate", "cat", "-m", "slow", "--steps", "10", "-o", "cat.png")
    wait_until(lambda: any(entry["call"] == "run" for entry in read_journal(journal)), 30)
    serving.kill()
    said, notes = command.communicate(timeout=90)
    assert command.returncode == 0, notes
    assert Path("cat.png").exists()
    assert said.count("\n  id ") == 1
    assert [entry["attempts"] for entry in read_journal(journal) if entry["call"] == "run"] == [[1], [2]]


def test_a_second_gateway_on_the_same_data_is_refused(serving: subprocess.Popen[str], spawn: Spawn) -> None:
    second = spawn("serve", "--port", "0")
    _, said = second.communicate(timeout=60)
    assert second.returncode == 3
    assert f"process {serving.pid}" in said
    assert "Traceback" not in said
