"""The `dot` model (scripts/make_model.py), made once per session, and an engine that has it loaded on the CPU."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engines.contract import ModelSpec
from engines.diffusers.engine import DiffusersEngine
from engines.diffusers.options import Options

SMALL = Options(threads=1)
"""A model of this size is quicker on one thread than on two that wait for each other."""


@pytest.fixture(scope="session")
def dot_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the model lies; copy it before changing it."""
    from scripts.make_model import make_dot

    return make_dot(tmp_path_factory.mktemp("models") / "dot")


@pytest.fixture(scope="session")
def dot(dot_folder: Path) -> ModelSpec:
    return ModelSpec(id="dot", source=str(dot_folder), revision="1")


@pytest.fixture(scope="session")
def loaded(dot: ModelSpec) -> Iterator[DiffusersEngine]:
    engine = DiffusersEngine("diffusers", SMALL)
    engine.load(dot, "cpu")
    yield engine
    engine.unload(dot, "cpu")


@pytest.fixture
def new_engine() -> DiffusersEngine:
    return DiffusersEngine("diffusers", SMALL)
