"""The contract suite over the engine and a server of its kind."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from engines.comfyui.engine import ComfyUIEngine
from engines.contract import ModelSpec
from engines.suite import EngineSuite, Limits
from tests.engines.comfyui.conftest import opened, spec
from tests.fakes.comfyui import FakeComfy

SERVERS = {"0.3.64": {}, "newer, with a job API": {"newer": True}, "without previews": {"previews": False}}


class TestComfyUI(EngineSuite):
    @pytest.fixture(params=SERVERS)
    async def engine(self, request: pytest.FixtureRequest) -> AsyncIterator[ComfyUIEngine]:
        async with opened(FakeComfy(**SERVERS[request.param])) as lane:
            yield lane.engine

    @pytest.fixture
    def model(self) -> ModelSpec:
        return spec()

    @pytest.fixture
    def limits(self) -> Limits:
        return Limits(seconds=10.0, cancel_seconds=1.0, cancel_steps=50)
