"""The contract suite over the engine."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from engines.contract import Engine, ModelSpec
from engines.gemini.engine import GeminiEngine
from engines.gemini.options import ModelOptions, Options
from engines.suite import EngineSuite
from engines.suite.given import Lose
from tests.fakes.gemini_api import KEY, GeminiAPI
from tests.fakes.losing import Losing

CASES = {
    "generateContent": ModelSpec("flash", "gemini-3.1-flash-image", options=ModelOptions(image_size="1K")),
    "predict": ModelSpec("imagen", "imagen-4.0-generate-001", options=ModelOptions(like="imagen-4.0", image_size="1K")),
}


class TestGemini(EngineSuite):
    @pytest.fixture(params=list(CASES.values()), ids=list(CASES))
    def model(self, request: pytest.FixtureRequest) -> ModelSpec:
        model: ModelSpec = request.param
        return model

    @pytest.fixture
    def way(self) -> Losing:
        return Losing(httpx.ASGITransport(GeminiAPI()))

    @pytest.fixture
    async def engine(self, way: Losing) -> AsyncIterator[Engine]:
        engine = GeminiEngine("cloud", Options(api_key="GEMINI_API_KEY"), way)
        engine.secret = lambda name: KEY if name else ""
        yield engine
        await engine.aclose()

    @pytest.fixture
    def lose(self, way: Losing) -> Lose:
        return way.lose

    @pytest.fixture
    def missing_model(self, model: ModelSpec) -> ModelSpec:
        return ModelSpec("gone", "gemini-3-pro-image-preview-99", options=ModelOptions())
