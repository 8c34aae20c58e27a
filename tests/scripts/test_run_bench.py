"""scripts/bench: figures beside their targets."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

SCRIPTS = Path(__file__).resolve().parent.parent.parent / "scripts"


@pytest.fixture
def runner(script: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script with one bench more, `made_up`, which measures nothing."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    module = script("run_bench")
    made_up = ModuleType("benches.made_up", "Measures nothing.\n\nIn two lines.")
    made_up.run = lambda: [  # type: ignore[attr-defined]
        module.Figure("ratio", 0.97, "", ">= 0.95", 1.0, "the bare loop"),
        module.Figure("seconds", 1.23456, "s"),
    ]
    monkeypatch.setitem(sys.modules, "benches.made_up", made_up)
    monkeypatch.setattr(module, "names", lambda: ["made_up"])
    return module


def test_the_list_says_what_each_measures(runner: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert runner.main(["--list"]) == 0
    assert capsys.readouterr().out.split(maxsplit=1) == ["made_up", "Measures nothing.\n"]


def test_a_table_for_people_and_a_file_for_programs(
    runner: ModuleType, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert runner.main(["made_up", "--json", str(tmp_path / "figures.json")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["ratio", "0.97", ">=", "0.95", "1", "ok", "the", "bare", "loop"]
    assert lines[2].split() == ["seconds", "1.235", "s"]
    assert json.loads((tmp_path / "figures.json").read_text()) == {
        "ratio": {"value": 0.97, "unit": "", "target": ">= 0.95", "reference": 1.0},
        "seconds": {"value": 1.23456, "unit": "s", "target": None, "reference": None},
    }


def test_json_alone_on_standard_output(runner: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    runner.main(["made_up", "--json", "-"])
    said = capsys.readouterr()
    assert json.loads(said.out)["seconds"]["unit"] == "s"
    assert "ratio" in said.err


def test_a_target_that_is_missed_is_the_status(runner: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    sys.modules["benches.made_up"].run = lambda: [runner.Figure("ratio", 0.9, "", ">= 0.95")]  # type: ignore[attr-defined]
    assert runner.main(["made_up"]) == 1
    assert "MISSED" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "status", "word"),
    [
        (["nothing"], 2, "made_up"),
        (["made_up", "--jsn", "x"], 2, "--json FILE"),
        (["made_up", "--json"], 2, "--json FILE"),
        ([], 2, "scripts/bench NAME"),
        (["--help"], 0, "scripts/bench NAME"),
    ],
)
def test_usage(arguments: list[str], status: int, word: str, runner: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert runner.main(arguments) == status
    said = capsys.readouterr()
    assert word in said.out + said.err


@pytest.mark.parametrize(
    ("value", "target", "met"),
    [(1, ">= 1", True), (0.9, ">= 1", False), (1, "<= 1", True), (1, "< 1", False), (2, "> 1", True), (1, None, True)],
)
def test_targets(value: float, target: str | None, met: bool, runner: ModuleType) -> None:
    assert runner.Figure("x", value, "", target).met is met


@pytest.mark.parametrize("target", ["0.95", "about 1", ">= one"])
def test_a_target_that_says_nothing_is_refused(target: str, runner: ModuleType) -> None:
    with pytest.raises(ValueError, match=r"target|float"):
        runner.Figure("x", 1, "", target)


def test_every_bench_says_what_it_measures(script: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    module = script("run_bench")
    for name in module.names():
        assert module.first_line(module.bench(name))
