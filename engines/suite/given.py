"""What the suite's tests are given; a class of an engine's own tests overrides it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from msgspec.structs import replace

from engines.contract import Engine, ImageRequest, ModelCard, ModelSpec
from engines.suite.driver import Driver
from engines.suite.requests import SEED, Limits, make_request
from engines.suite.tables import Case

Spoil = Callable[[ImageRequest], ImageRequest]
Lose = Callable[[], Callable[[], int]]


class Given:
    """The fixtures, each with a default that does for most engines."""

    pytestmark = pytest.mark.asyncio

    @pytest_asyncio.fixture
    async def engine(self, darkroom_case: Case) -> AsyncIterator[Engine]:
        """As the file's table has it."""
        engine = darkroom_case.build()
        yield engine
        await engine.aclose()

    @pytest.fixture
    def model(self, darkroom_case: Case) -> ModelSpec:
        return darkroom_case.model

    @pytest.fixture
    def lane(self, engine: Engine) -> str:
        """Where to run: the first lane of a remote engine, the processor for a local one."""
        return next(iter(engine.lanes()), "cpu")

    @pytest.fixture
    def limits(self) -> Limits:
        return Limits()

    @pytest.fixture
    def missing_model(self, model: ModelSpec, tmp_path: Path) -> ModelSpec:
        """A model of this engine that is not there."""
        return replace(model, id="no-such-model", source=str(tmp_path / "no-such-model"), revision="none")

    @pytest.fixture
    def spoil(self) -> Spoil | None:
        """How to change a request so that it fails alone, where the engine can be brought to that."""
        return None

    @pytest.fixture
    def lose(self) -> Lose | None:
        """Has the upstream take requests from now on and never answer them; what it returns counts those that came since.

        Engines need it whose card says that each request is paid for (`replay = "never"`).
        """
        return None

    @pytest.fixture
    def driver(self, engine: Engine, model: ModelSpec, lane: str, limits: Limits) -> Iterator[Driver]:
        driver = Driver(engine, model, lane, seconds=limits.seconds)
        yield driver
        driver.close()


def mates(engine: Engine, card: ModelCard, model: ModelSpec, limits: Limits) -> tuple[ImageRequest, ImageRequest]:
    """Two requests that may share a pass."""
    one = make_request(card, model, steps=limits.cancel_steps)
    other = make_request(card, model, steps=limits.cancel_steps, seed=SEED + 9, prompt="a green square on a white background")
    if card.max_batch < 2 or engine.batch_key(one, card) is None:
        pytest.skip("this model takes one request at a time")
    return one, other
