"""`darkroom storage check`: waits for the gateway's check, and tells people what it found."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import Result

from gateway.cli.storage import PATH

Darkroom = Callable[..., Result]
NONE = {"count": 0, "bytes": 0}
WELL: dict[str, Any] = {
    "state": "finished", "repair": False, "progress": 1.0, "problem": None, "orphans": NONE, "missing": NONE, "wrong": NONE,
    "pictures_lost": {"count": 0, "ids": []},
    "repaired": {"orphans_removed": 0, "pictures_marked": 0, "thumbnails_made": 0, "pictures_found_again": 0},
}  # fmt: skip


@pytest.fixture
def answers(running: Any) -> Any:
    return running.app.answers


def test_all_is_well(darkroom: Darkroom, answers: Any) -> None:
    answers[PATH] = WELL
    result = darkroom("storage", "check")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[1].split() == ["files", "that", "no", "picture", "has", "0"]
    assert json.loads(darkroom("storage", "check", "--json").stdout) == WELL


def test_what_is_wrong_is_told(darkroom: Darkroom, answers: Any) -> None:
    answers[PATH] = {
        **WELL,
        "orphans": {"count": 2, "bytes": 2048},
        "missing": {"count": 1, "bytes": 10},
        "pictures_lost": {"count": 21, "ids": [f"id{number}" for number in range(21)]},
    }
    result = darkroom("storage", "check")
    assert result.exit_code == 1
    assert "2  2.0 KiB" in result.stdout
    assert "id19, …" in result.stderr
    assert "--repair" in result.stderr


def test_what_was_repaired_is_told(darkroom: Darkroom, answers: Any) -> None:
    repaired = {"orphans_removed": 2, "pictures_marked": 0, "thumbnails_made": 3, "pictures_found_again": 4}
    answers[PATH] = {
        **WELL, "repair": True, "orphans": {"count": 2, "bytes": 5}, "missing": {"count": 3, "bytes": 9}, "repaired": repaired,
    }  # fmt: skip
    result = darkroom("storage", "check", "--repair")
    assert result.exit_code == 0
    for said in ("2 removed", "3 thumbnails made anew", "unmarked"):
        assert said in result.stdout


def test_a_check_that_stopped(darkroom: Darkroom, answers: Any) -> None:
    answers[PATH] = {**WELL, "state": "failed", "problem": "The disk is away."}
    result = darkroom("storage", "check")
    assert result.exit_code == 1
    assert "The disk is away." in result.stderr
