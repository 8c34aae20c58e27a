"""The contract suite over the diffusers engine and the dot model."""

from __future__ import annotations

import pytest

from engines.contract import ModelSpec
from engines.diffusers.engine import DiffusersEngine
from engines.suite import EngineSuite


class TestDiffusers(EngineSuite):
    @pytest.fixture
    def engine(self, new_engine: DiffusersEngine) -> DiffusersEngine:
        return new_engine

    @pytest.fixture
    def model(self, dot: ModelSpec) -> ModelSpec:
        return dot
