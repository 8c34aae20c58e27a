"""The contract suite over every engine that this repository has."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec import Struct
from msgspec.structs import replace

from engines.contract import Engine, ImageRequest, ModelSpec, UpstreamOutcomeUnknown
from engines.lanczos import SOURCE, LanczosEngine
from engines.suite import EngineSuite
from engines.suite.given import Lose
from tests.contract.broken import losing
from tests.fakes.fake_engine import FakeEngine, FakeOptions, FakeRemoteEngine, FakeRemoteOptions, Script

Spoil = Callable[[ImageRequest], ImageRequest]
BAD = "these words go wrong"


class Case(Struct, frozen=True):
    """One engine under test."""

    engine: Callable[[], Engine]
    model: ModelSpec
    spoil: Spoil | None = None
    paid: bool = False


def spoiled_prompt(request: ImageRequest) -> ImageRequest:
    return replace(request, prompt=BAD)


def fake(build: Callable[[], Engine], **script: object) -> Case:
    options = Script(error="ContentRejected", error_words=BAD, error_alone=True, **script)  # type: ignore[arg-type]
    return Case(build, ModelSpec("fake", "fake:one", "r1", options), spoiled_prompt)


def local() -> Engine:
    return FakeEngine("fake", FakeOptions())


def remote() -> Engine:
    return FakeRemoteEngine("fake-remote", FakeRemoteOptions(servers=("one", "two")))


CASES = {
    "lanczos": Case(lambda: LanczosEngine("lanczos", LanczosEngine.Options()), ModelSpec("lanczos", SOURCE)),
    "fake": fake(local),
    "fake-remote": fake(remote),
    "fake that hands over PNG": fake(local, encoded=True),
    "fake with native sizes, alone": fake(local, natives=((64, 64), (96, 64)), max_batch=1, max_images=1),
    "fake that lets a background be chosen": fake(
        local, choices={"background": ("opaque", "transparent"), "quality": ("low", "high")}
    ),
    "fake that only looks at pictures": fake(local, takes_source=False, max_references=2),
    "fake remote that is never sent twice": replace(
        fake(remote, replay="never", repeatable=False, can=("text_to_image",)), paid=True
    ),
}


class TestEngines(EngineSuite):
    @pytest.fixture(params=list(CASES.values()), ids=list(CASES))
    def case(self, request: pytest.FixtureRequest) -> Case:
        case: Case = request.param
        return case

    @pytest.fixture
    def engine(self, case: Case) -> Engine:
        return case.engine()

    @pytest.fixture
    def model(self, case: Case) -> ModelSpec:
        return case.model

    @pytest.fixture
    def spoil(self, case: Case) -> Spoil | None:
        return case.spoil

    @pytest.fixture
    def lose(self, case: Case, engine: Engine) -> Lose | None:
        return losing(engine, UpstreamOutcomeUnknown("The fake server broke off.")) if case.paid else None
