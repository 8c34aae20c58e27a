from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from engines import contract
from engines.contract import EngineError
from gateway.catalog import EngineEntry
from gateway.registry import Registry
from tests.fakes.fake_engine import FakeEngine, FakeOptions, FakeRemoteEngine, environment, make_error
from tests.fakes.pictures import colour

ROOT = Path(__file__).parents[2]


def test_the_fakes_come_in_by_the_same_door_as_a_stranger() -> None:
    code = "from gateway.registry import Registry; print(*Registry.discover().plugins)"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(ROOT), capture_output=True, text=True, check=True, cwd=ROOT / "tests"
    )
    assert {"fake", "fake-remote"} <= set(done.stdout.split())


def test_the_registry_builds_them() -> None:
    registry = Registry({"fake": FakeEngine, "fake-remote": FakeRemoteEngine})
    entry = EngineEntry(name="far", plugin="fake-remote", options_table={"servers": ["one", "two"]})
    assert list(registry.build(entry).lanes()) == ["one", "two"]
    built = registry.build(EngineEntry(name="near", plugin="fake"))
    assert built.options == FakeOptions()


@pytest.mark.parametrize(
    "name", [name for name, kind in vars(contract).items() if isinstance(kind, type) and issubclass(kind, EngineError)]
)
def test_every_error_of_the_contract_can_be_scripted(name: str) -> None:
    error = make_error(name)
    assert type(error).__name__ == name


def test_each_seed_has_its_colour() -> None:
    assert len({colour(seed) for seed in range(1000)}) == 1000
    assert colour(7) == colour(7)
