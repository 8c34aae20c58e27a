"""`darkroom doctor` as a person calls it, beside a gateway and without one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from click.testing import Result
from tiny_engine import MODEL, TINY, Tiny

from gateway.cli.checks import machine
from gateway.registry import Registry

Darkroom = Callable[..., Result]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """torch's import takes seconds; one test below asks it in earnest."""
    monkeypatch.setattr(machine, "_probe", list)
    monkeypatch.setattr(machine, "listed", list)
    monkeypatch.setattr(Registry, "discover", lambda: Registry({"tiny": Tiny}, {"strange": "it does not load"}))


def test_without_a_gateway_all_is_looked_at_here(darkroom: Darkroom, data: Path, quick: None) -> None:
    (data / "models.toml").write_text(TINY + MODEL)
    result = darkroom("doctor")
    assert result.exit_code == 0, result.stdout
    for word in ("gateway", "versions", "memory", "data", "links", "models.toml", "devices", "engines", "models", "marks"):
        assert f" {word} " in result.stdout
    assert "warning  engines      it does not load" in result.stdout
    assert result.stdout.splitlines()[-1].startswith("problems: 0")
    assert not list(data.glob("*.db*"))


def test_a_problem_is_the_exit_status(darkroom: Darkroom, data: Path, quick: None) -> None:
    (data / "models.toml").write_text('[engine.tiny]\nplugin = "tiny"\n')
    result = darkroom("doctor", "--json")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert {"level", "subject", "text", "cure"} == set(found[0])
    assert [each["subject"] for each in found if each["level"] == "problem"] == ["models.toml"]


def test_a_running_gateway_is_asked(darkroom: Darkroom, data: Path, running: Any, quick: None) -> None:
    (data / "models.toml").write_text(TINY)
    running.app.answers |= {
        "/health/ready": {"status": "ready"},
        "/admin/engines": {
            "data": [
                {"name": "tiny", "plugin": "tiny", "problem": None},
                {"name": "far", "plugin": "x", "problem": "it is gone"},
            ],
            "plugins": [{"name": "strange", "problem": "it does not load"}],
        },
        "/admin/models": {
            "problem": "line 3 is wrong",
            "data": [
                {"id": "dot", "retired": None, "available": True, "capabilities": ["text_to_image"]},
                {"id": "big", "retired": None, "available": False, "reason": "no weights"},
                {"id": "old", "retired": "dot", "available": False, "reason": "retired"},
            ],
        },
        "/admin/devices": {
            "data": [
                {"name": "cpu", "healthy": True, "state": "idle", "budget_bytes": 1 << 30},
                {"name": "cuda:0", "healthy": False, "reason": "it crashed three times", "state": "resting"},
            ]
        },
    }
    result = darkroom("doctor")
    assert result.exit_code == 1
    for line in (
        f"ok       gateway      {running.url} is ready",
        "PROBLEM  engines      it is gone",
        "warning  engines      it does not load",
        "PROBLEM  models.toml  line 3 is wrong",
        "ok       models       dot: text to image",
        "PROBLEM  models       big is not available: no weights",
        "ok       lanes        cpu is idle, 1.0 GiB for models",
        "PROBLEM  lanes        cuda:0: it crashed three times",
    ):
        assert line in result.stdout
    assert "old" not in result.stdout


def test_another_machines_gateway_says_nothing_of_this_one(darkroom: Darkroom, running: Any) -> None:
    result = darkroom("doctor", "--server", running.url, "--key", "dk_wrong")
    assert result.exit_code == 1
    assert "This key is not known." in result.stdout
    assert "memory" not in result.stdout


def test_a_gateway_that_is_silent_is_pointed_out(darkroom: Darkroom, data: Path, quick: None) -> None:
    mine = psutil.Process().pid
    (data / "server.json").write_text(json.dumps({"url": "http://127.0.0.1:9", "key": "k", "pid": mine}))
    (data / "server.json").chmod(0o644)
    said = darkroom("doctor").stdout
    assert f"warning  gateway      process {mine} should answer" in said
    assert f"chmod 600 {data / 'server.json'}" in said
