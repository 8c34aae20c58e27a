"""The contract over the A1111 engine, with each kind of server behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from msgspec.structs import replace

from engines.a1111.engine import A1111Engine
from engines.a1111.options import ModelOptions, Options
from engines.contract import Engine, ImageRequest, Lora, ModelSpec
from engines.suite import EngineSuite, Limits
from tests.fakes.a1111.server import A1111
from tests.fakes.serving import served

KINDS = ("webui", "forge", "a1111", "sdcpp", "kobold")


class TestA1111(EngineSuite):
    @pytest.fixture(params=KINDS)
    async def server(self, request: pytest.FixtureRequest) -> A1111:
        return A1111(request.param, step_seconds=0.001)

    @pytest.fixture
    async def engine(self, server: A1111) -> AsyncIterator[Engine]:
        async with served(server) as address:
            engine = A1111Engine("a1111", Options(servers=(address,), exclusive=True, poll_seconds=0.005))
            yield engine
            await engine.aclose()

    @pytest.fixture
    def model(self) -> ModelSpec:
        return ModelSpec(id="small", source="random-sd15", options=ModelOptions())

    @pytest.fixture
    def limits(self) -> Limits:
        return Limits(seconds=10, cancel_steps=60)

    @pytest.fixture
    def spoil(self, server: A1111) -> Callable[[ImageRequest], ImageRequest] | None:
        return lambda request: replace(request, loras=(Lora("no-such-lora"),))


class TestUpscaler(TestA1111):
    @pytest.fixture(params=("a1111",))
    async def server(self, request: pytest.FixtureRequest) -> A1111:
        return A1111(request.param, step_seconds=0.001)

    @pytest.fixture
    def model(self) -> ModelSpec:
        return ModelSpec(id="esrgan", source="upscaler:R-ESRGAN 4x+", options=ModelOptions())

    @pytest.fixture
    def missing_model(self, model: ModelSpec) -> ModelSpec:
        return replace(model, id="none", source="upscaler:No Such")

    @pytest.fixture
    def spoil(self) -> Any:
        return None
