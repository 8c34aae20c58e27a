"""The suite itself must be able to fail: each engine of `broken` breaks one rule, and the suite says which."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from engines.contract import Engine, EngineError, Event, ImageRequest, InvalidRequest, Loading, ModelCard, ModelSpec, Size, Span
from engines.suite import Driver, EngineSuite, checks
from tests.contract.broken import ASKED, BROKEN, LIMITS, LOST, TWISTS, UNKNOWN, Twist, Twisted, losing
from tests.fakes.fake_engine import FakeEngine, FakeOptions, FakeRemoteEngine, FakeRemoteOptions, Script, read_journal

ROOT = Path(__file__).parents[2]


@pytest.fixture
def try_rule(tmp_path: Path) -> Iterator[Callable[..., Any]]:
    drivers: list[Driver] = []

    async def try_rule(engine: FakeEngine, rule: str, script: Script) -> None:
        model = ModelSpec("fake", "fake:one", "r1", script)
        driver = Driver(engine, model, "cpu", seconds=LIMITS.seconds)
        drivers.append(driver)
        missing = ModelSpec("no-such-model", str(tmp_path / "none"), "none", Script())
        offered = {"engine": engine, "driver": driver, "limits": LIMITS, "missing_model": missing, "spoil": spoil}
        function = getattr(EngineSuite, rule)
        wanted = function.__code__.co_varnames[1 : function.__code__.co_argcount]
        await function(EngineSuite(), *(offered[name] for name in wanted))

    yield try_rule
    for driver in drivers:
        driver.close()


def spoil(request: ImageRequest) -> ImageRequest:
    return replace(request, prompt="spoiled")


@pytest.mark.parametrize(("twist", "rule", "says"), TWISTS.values(), ids=TWISTS.keys())
async def test_wrong_events_are_found(try_rule: Callable[..., Any], twist: Twist, rule: str, says: str) -> None:
    with pytest.raises(AssertionError, match=says):
        await try_rule(Twisted(twist), rule, Script())


@pytest.mark.parametrize(("engine", "rule", "says"), BROKEN, ids=lambda value: getattr(value, "__name__", ""))
async def test_wrong_engines_are_found(try_rule: Callable[..., Any], engine: type[FakeEngine], rule: str, says: str) -> None:
    with pytest.raises((AssertionError, InvalidRequest, KeyError), match=says):
        await try_rule(engine("broken", FakeOptions()), rule, Script(step_seconds=0.01, alpha=False))


@pytest.mark.parametrize(
    "script", [Script(error="OutOfMemory", error_words="spoiled"), Script()], ids=["all fail", "none fails"]
)
async def test_an_error_that_spreads_is_found(try_rule: Callable[..., Any], script: Script) -> None:
    with pytest.raises(Exception, match=r"OutOfMemory as it was told|did not end in Failed"):
        await try_rule(FakeEngine("broken", FakeOptions()), "test_a_failure_takes_no_mate_along", script)


class OfItsAuthor(EngineSuite):
    """Not the tests of a file's models."""

    @pytest.fixture
    def engine(self) -> Engine:
        return FakeRemoteEngine("paid", FakeRemoteOptions())


def paid() -> Driver:
    engine = FakeRemoteEngine("paid", FakeRemoteOptions())
    model = ModelSpec("fake", "fake:one", "r1", Script(replay="never", repeatable=False))
    return Driver(engine, model, "one", seconds=LIMITS.seconds)


@pytest.mark.parametrize(("error", "how", "says"), LOST.values(), ids=LOST)
async def test_what_could_be_paid_for_twice_is_found(error: EngineError, how: dict[str, Any], says: str) -> None:
    driver = paid()
    with pytest.raises(AssertionError, match=says):
        await OfItsAuthor().test_what_may_be_paid_for_is_not_sent_again(driver, LIMITS, losing(driver.engine, error, **how))


@pytest.mark.parametrize("alone", [True, False])
async def test_what_is_said_rightly_of_a_lost_answer_is_good(alone: bool) -> None:
    driver = paid()
    lose = losing(driver.engine, UNKNOWN, alone=alone)
    await OfItsAuthor().test_what_may_be_paid_for_is_not_sent_again(driver, LIMITS, lose)


async def test_an_author_is_asked_how_to_lose_an_answer() -> None:
    with pytest.raises(pytest.fail.Exception, match="override the fixture `lose`, or nobody knows"):
        await OfItsAuthor().test_what_may_be_paid_for_is_not_sent_again(paid(), LIMITS, None)
    with pytest.raises(pytest.skip.Exception, match="override the fixture `lose`"):
        await EngineSuite().test_what_may_be_paid_for_is_not_sent_again(paid(), LIMITS, None)


GOOD = ModelCard(capabilities=("text_to_image",), native_sizes=(Size(512, 512),), samplers=("Euler",), steps=Span(1, 50, 20))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"capabilities": ()}, "at least one"),
        ({"capabilities": ("text_to_image", "text_to_image")}, "each once"),
        ({"capabilities": ("text2image",)}, "there are text_to_image"),
        ({"min_size": Size(4096, 64)}, "the wrong way round"),
        ({"min_size": Size(64, 4096)}, "the wrong way round"),
        ({"size_multiple": 0}, "1 or more"),
        ({"native_sizes": (Size(500, 512),)}, "500x512 is not within"),
        ({"native_sizes": (Size(512, 512), Size(512, 512))}, "each once"),
        ({"native_sizes": (), "min_size": Size(65, 65), "max_size": Size(70, 70)}, "no size within"),
        ({"max_images": 0}, "max_images: 1"),
        ({"max_batch": 0}, "max_batch: 1"),
        ({"max_references": -1}, "max_references: 0"),
        ({"takes_source": False}, "max_references is 1"),
        ({"samplers": ("Euler", "Euler")}, "each once"),
        ({"samplers": ("",)}, "not empty"),
        ({"steps": Span(1, 50, 51)}, "low <= default <= high"),
        ({"steps": Span(0, 50, 20)}, "at least 1"),
        ({"strength": Span(-1, 1, 0)}, "from 0"),
        ({"strength": Span(0, 2, 0)}, "to 1"),
        ({"replay": "maybe"}, "one of safe"),
        ({"memory_bytes": -1}, "not negative"),
        ({"choices": {"quality": ()}}, "quality has no word"),
        ({"choices": {"quality": ("low", "low")}}, "each word once"),
        ({"choices": {"quality": ("",)}}, "is not empty"),
    ],
)
def test_a_wrong_card_is_found(change: dict[str, Any], says: str) -> None:
    checks.card_is_sane(GOOD)
    with pytest.raises(AssertionError, match=says):
        checks.card_is_sane(replace(GOOD, **change))


async def test_loading_may_come_first(try_rule: Callable[..., Any]) -> None:
    def twist(event: Event) -> Iterable[Event]:
        return [Loading("fake", 0.5), event]

    await try_rule(Twisted(twist), ASKED, Script())


async def test_the_fake_keeps_a_journal_of_all_its_instances(try_rule: Callable[..., Any], tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    for _ in range(2):
        await try_rule(FakeEngine("fake", FakeOptions(journal=str(journal))), ASKED, Script())
    assert [line["call"] for line in read_journal(journal)] == ["load", "run", "ran"] * 2
    assert read_journal(journal)[1]["pictures"] == 3


STRANGER = '''
import numpy as np
import pytest
from engines.contract import *
from engines.suite import EngineSuite

class Grey(LocalEngine):
    """All that an engine must have."""

    async def card(self, model):
        return ModelCard(capabilities=("text_to_image",))

    def load(self, model, device):
        if model.source != "grey":
            raise ModelUnusable("There is grey only.")
        return Footprint(0)

    def run(self, batch, device, emit):
        for request in batch.requests:
            for picture in request.pictures:
                if not batch.canceled(request.id):
                    shade = np.full((request.height, request.width, 3), picture.seed % 256, np.uint8)
                    emit(ImageReady(request=request.id, ordinal=picture.ordinal, seed=picture.seed, pixels=shade))
            emit(Done(request.id))

class TestGrey(EngineSuite):
    @pytest.fixture
    def engine(self):
        return Grey("grey", NoOptions())

    @pytest.fixture
    def model(self):
        return ModelSpec("grey", "grey")
'''


@pytest.mark.slow
def test_a_strangers_tests_run_it_without_any_settings(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text(STRANGER)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", "--rootdir", str(tmp_path), str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "passed" in done.stdout
    assert "warning" not in done.stdout
