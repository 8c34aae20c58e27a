"""The contract suite over the engine: OpenAI's own models, and another server that takes seeds."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from engines.contract import Engine, ModelSpec
from engines.openai.engine import OpenAIEngine
from engines.openai.options import ModelOptions, Options
from engines.suite import EngineSuite
from engines.suite.given import Lose
from tests.fakes.losing import Losing
from tests.fakes.openai_images import GPT_IMAGE, KEY, OpenAIImages

OTHER = Options(base_url="http://images.example/v1", paid=False)
CASES = {
    "gpt-image-2": (Options(api_key="OPENAI_API_KEY"), ModelSpec("cloud", "gpt-image-2", options=ModelOptions(quality="low"))),
    "gpt-image-1-mini": (Options(api_key="OPENAI_API_KEY"), ModelSpec("mini", "gpt-image-1-mini", options=ModelOptions())),
    "one of OpenAI's models at another server": (
        OTHER,
        ModelSpec("other", "gpt-image-2", options=ModelOptions(like="gpt-image-2")),
    ),
    "a model with seeds at another server": (
        OTHER,
        ModelSpec("seeds", "flux", options=ModelOptions(parameters={"seed": "seed", "steps": "steps", "strength": "s"})),
    ),
}


class TestOpenAI(EngineSuite):
    @pytest.fixture(params=list(CASES.values()), ids=list(CASES))
    def case(self, request: pytest.FixtureRequest) -> tuple[Options, ModelSpec]:
        case: tuple[Options, ModelSpec] = request.param
        return case

    @pytest.fixture
    def way(self, case: tuple[Options, ModelSpec]) -> Losing:
        options, _ = case
        upstream = OpenAIImages(models=[*GPT_IMAGE, "flux"], key=KEY if options.api_key else "none")
        upstream.takes_anything = not options.at_openai
        return Losing(httpx.ASGITransport(upstream))

    @pytest.fixture
    async def engine(self, case: tuple[Options, ModelSpec], way: Losing) -> AsyncIterator[Engine]:
        options, _ = case
        engine = OpenAIEngine("cloud", options, way)
        engine.secret = lambda name: KEY if name else ""
        yield engine
        await engine.aclose()

    @pytest.fixture
    def lose(self, way: Losing) -> Lose:
        return way.lose

    @pytest.fixture
    def model(self, case: tuple[Options, ModelSpec]) -> ModelSpec:
        return case[1]

    @pytest.fixture
    def missing_model(self, model: ModelSpec) -> ModelSpec:
        return ModelSpec("gone", "no-such-model", options=ModelOptions())
