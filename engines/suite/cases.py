"""The tests themselves. They are async, so that a remote engine meets one event loop from its making to its end."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from msgspec import Struct
from msgspec.structs import replace

from engines.contract import (
    Engine,
    EngineError,
    Event,
    Failed,
    Footprint,
    Health,
    ImageReady,
    ImageRequest,
    InvalidRequest,
    LocalEngine,
    ModelCard,
    ModelSpec,
    ModelUnusable,
    Picture,
    Progress,
    RemoteEngine,
)
from engines.suite import checks
from engines.suite.driver import Driver, SuiteBatch
from engines.suite.requests import SEED, Limits, another_size, beyond, corners, make_request
from engines.suite.tables import Case

Spoil = Callable[[ImageRequest], ImageRequest]


class EngineSuite:
    """Derive a class whose name begins with Test, and give it the fixtures `engine` and `model`, or a models.toml."""

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
    def driver(self, engine: Engine, model: ModelSpec, lane: str, limits: Limits) -> Iterator[Driver]:
        driver = Driver(engine, model, lane, seconds=limits.seconds)
        yield driver
        driver.close()

    # ------------------------------------------------------------------------------------- what it says of itself

    async def test_its_options_refuse_unknown_keys(self, engine: Engine) -> None:
        for options in (type(engine).Options, type(engine).ModelOptions):
            assert issubclass(options, Struct), f"{options.__name__}: a msgspec.Struct"
            strict = options.__struct_config__.forbid_unknown_fields
            assert strict, f"{options.__name__}: forbid_unknown_fields=True, or a typo in models.toml goes unseen"

    async def test_its_lanes_are_its_own(self, engine: Engine, driver: Driver) -> None:
        lanes = list(engine.lanes())
        if isinstance(engine, LocalEngine):
            assert not lanes, "lanes: a local engine has none, the devices are its lanes"
        else:
            assert lanes, "lanes: a remote engine names one for each server or account"
            assert len(set(lanes)) == len(lanes), "lanes: each name once"
        health = await engine.health(driver.lane)
        assert isinstance(health, Health), "health: answer a Health, and do not raise"
        assert health.ok or health.reason, "health: what is not well has a reason"

    async def test_what_it_holds_is_the_same_each_time(self, engine: Engine, model: ModelSpec) -> None:
        held = engine.holds(model)
        assert hash(held) == hash(engine.holds(model)), "holds: pure, and something that can be compared"
        if isinstance(engine, LocalEngine):
            assert held is None, "holds: a device's models are loaded by `load`"

    async def test_what_it_discovers_are_models(self, engine: Engine) -> None:
        found = list(await engine.discover())
        assert all(isinstance(spec, ModelSpec) and spec.id for spec in found), "discover: ModelSpecs with ids"
        assert len({spec.id for spec in found}) == len(found), "discover: each model once"

    async def test_the_card_is_sane(self, driver: Driver) -> None:
        checks.card_is_sane(await driver.card())

    async def test_the_card_stays_the_same(self, driver: Driver) -> None:
        assert await driver.card() == await driver.card(), "card: says another thing when asked again"

    # ------------------------------------------------------------------------------------- before it runs

    async def test_it_accepts_what_the_card_allows(self, engine: Engine, driver: Driver) -> None:
        card = await driver.card()
        for request in corners(card, driver.model):
            engine.check(request, card)

    async def test_it_refuses_by_invalid_request_only(self, engine: Engine, driver: Driver) -> None:
        """The gateway has refused these by the card; an engine may stay silent or refuse, but must not fall over."""
        card = await driver.card()
        for request in beyond(card, driver.model):
            try:
                engine.check(request, card)
            except InvalidRequest as error:
                checks.refusal_is_of_use(error)

    async def test_the_batch_key_says_what_may_share_a_pass(self, engine: Engine, driver: Driver) -> None:
        card = await driver.card()
        one = make_request(card, driver.model)
        key = engine.batch_key(one, card)
        hash(key)
        assert key == engine.batch_key(one, card), "batch_key: says another thing when asked again"
        other = replace(make_request(card, driver.model, seed=SEED + 77), prompt="two yellow stars", attempt=2)
        assert key == engine.batch_key(other, card), "batch_key: prompts, seeds, ids and attempts may differ within a batch"

    # ------------------------------------------------------------------------------------- what it makes

    async def test_it_makes_exactly_what_was_asked(self, driver: Driver, limits: Limits) -> None:
        card = await driver.card()
        request = make_request(card, driver.model, ordinals=tuple(range(min(3, card.max_images))), steps=limits.steps)
        run = await driver.make(request)
        checks.events_are_in_order(run, request)
        checks.pictures_are_as_asked(run, request)

    async def test_it_does_all_that_its_card_claims(self, driver: Driver, limits: Limits) -> None:
        card = await driver.card()
        for capability in card.capabilities:
            request = make_request(card, driver.model, capability=capability, steps=limits.steps)
            run = await driver.make(request)
            checks.events_are_in_order(run, request)
            checks.pictures_are_as_asked(run, request)

    async def test_a_chosen_background_is_kept(self, driver: Driver, limits: Limits) -> None:
        card = await driver.card()
        words = {"transparent": True, "opaque": False}
        offered = [word for word in card.choices.get("background", ()) if word in words]
        if not offered:
            pytest.skip("the card lets no background be chosen")
        for word in offered:
            request = make_request(card, driver.model, steps=limits.steps, choices={"background": word})
            run = await driver.run(SuiteBatch([request]))
            checks.pictures_are_as_asked(run, request)
            for event in run.of(request):
                if isinstance(event, ImageReady):
                    told = f"choices: background = {word}, but the picture has {'no' if words[word] else 'an'} alpha channel"
                    assert checks.has_alpha(event) == words[word], told

    async def test_it_makes_other_sizes(self, driver: Driver, limits: Limits) -> None:
        card = await driver.card()
        size = another_size(card)
        if size is None:
            pytest.skip("the card allows one size only")
        request = make_request(card, driver.model, size=size, steps=limits.steps)
        checks.pictures_are_as_asked(await driver.make(request), request)

    async def test_pictures_share_no_memory(self, driver: Driver, limits: Limits) -> None:
        card = await driver.card()
        request = make_request(card, driver.model, ordinals=tuple(range(min(2, card.max_images))), steps=limits.steps)
        first = (await driver.make(request)).pictures(request)
        kept = [None if event.pixels is None else event.pixels.copy() for event in first]
        await driver.make(make_request(card, driver.model, seed=SEED + 500, steps=limits.steps))
        for event, copy in zip(first, kept, strict=True):
            same = event.pixels is None or bool((event.pixels == copy).all())
            assert same, "ImageReady.pixels: the next run wrote over them; hand over a .copy()"

    async def test_the_same_request_makes_the_same_bytes(self, driver: Driver, limits: Limits) -> None:
        card = _repeatable(await driver.card())
        request = make_request(card, driver.model, steps=limits.steps)
        one, other = (await driver.make(request)).pictures(request), (await driver.make(request)).pictures(request)
        assert checks.same_bytes(one[0], other[0]), "the same request made other bytes: draw all noise from the picture's seed"

    async def test_each_picture_has_its_own_seed(self, driver: Driver, limits: Limits) -> None:
        """Picture 1 of two is picture 1 made alone, as after a crash only the missing ones are made."""
        card = _repeatable(await driver.card())
        if card.max_images < 2:
            pytest.skip("the card allows one picture for each request")
        both = make_request(card, driver.model, ordinals=(0, 1), steps=limits.steps)
        missing = replace(both, id=f"{both.id}-again", pictures=(Picture(1, SEED + 1),), attempt=2)
        first, second = (await driver.make(both)).pictures(both)
        again = await driver.make(missing)
        checks.pictures_are_as_asked(again, missing)
        (alone,) = again.pictures(missing)
        assert not checks.same_bytes(first, second), "two seeds made the same picture"
        apart = checks.difference(second, alone)
        assert apart <= limits.mean_difference, f"picture 1 made alone is another picture ({apart:.1f} levels away)"

    async def test_what_is_only_looked_up_is_not_made(self, driver: Driver, limits: Limits) -> None:
        """A request that was sent, taken from where it is; then one that never was, of which there is nothing."""
        card = await driver.card()
        if card.replay != "reconcile":
            pytest.skip("the card does not say that earlier attempts are looked up")
        request = make_request(card, driver.model, steps=limits.steps)
        await driver.make(request)
        last = replace(request, attempt=2, found_only=True)
        checks.pictures_are_as_asked(await driver.make(last), last)
        unknown = replace(last, id=f"{last.id}-never-sent")
        assert not (await driver.run(SuiteBatch([unknown]))).pictures(unknown), "found_only: nothing may be made"

    async def test_mates_of_a_batch_are_all_served(self, engine: Engine, driver: Driver, limits: Limits) -> None:
        card = await driver.card()
        one, other = _mates(engine, card, driver.model, limits)
        run = await driver.make(one, other)
        checks.events_are_in_order(run, one, other)
        for request in (one, other):
            checks.pictures_are_as_asked(run, request)
            if card.seeds and card.replay == "safe":
                alone = await driver.make(request)
                apart = checks.difference(run.pictures(request)[0], alone.pictures(request)[0])
                assert apart <= limits.mean_difference, f"in company it is another picture ({apart:.1f} levels away)"

    async def test_who_joins_is_served(self, engine: Engine, driver: Driver, limits: Limits) -> None:
        """An engine that drains `newcomers` owes them their pictures."""
        card = await driver.card()
        one, other = _mates(engine, card, driver.model, limits)
        batch = SuiteBatch([one])
        batch.join(other)
        run = await driver.run(batch)
        served = [one, *batch.joined]
        checks.events_are_in_order(run, *served)
        for request in served:
            checks.pictures_are_as_asked(run, request)

    # ------------------------------------------------------------------------------------- who looks, who leaves

    async def test_previews_are_made_for_watchers_only(self, driver: Driver, limits: Limits) -> None:
        card = await driver.card()
        request = make_request(card, driver.model, steps=limits.steps)
        unseen = (await driver.make(request)).progress(request)
        assert all(event.preview is None for event in unseen), "Progress.preview: nobody watched; ask Batch.watched first"
        watched = await driver.run(SuiteBatch([request], watched={request.id}))
        for event in watched.progress(request):
            if event.preview is not None:
                assert event.preview.dtype.name == "uint8", "Progress.preview: uint8"
                assert event.preview.ndim == 3, "Progress.preview: (height, width, 3)"

    async def test_a_canceled_request_stops_soon(self, engine: Engine, driver: Driver, limits: Limits) -> None:
        card = await driver.card()
        request = make_request(card, driver.model, steps=limits.cancel_steps)
        batch, marks = SuiteBatch([request]), _Marks()
        run = await driver.run(batch, marks.cancel_at_first_step(batch, request))
        if marks.when is None:
            pytest.skip("this engine tells of no step at which it could be canceled")
        after = run.events[marks.at :]
        assert not any(isinstance(event, ImageReady) for event in after), "a canceled request yielded a picture"
        assert not any(isinstance(event, Failed) for event in after), "a cancel is no failure: just end"
        assert run.ended - marks.when <= limits.cancel_seconds, "it went on too long: ask Batch.canceled at every step"
        steps = [event for event in after if isinstance(event, Progress)]
        if isinstance(engine, LocalEngine) and run.progress(request)[0].total >= 4:
            assert all(event.step < event.total for event in steps), "it ran to its last step: ask Batch.canceled at every step"

    async def test_what_was_canceled_before_is_not_made(self, driver: Driver, limits: Limits) -> None:
        card = await driver.card()
        request = make_request(card, driver.model, steps=limits.steps)
        run = await driver.run(SuiteBatch([request], canceled={request.id}))
        assert not run.pictures(request), "a request that was canceled before the start yielded a picture"

    async def test_a_cancel_takes_no_mate_along(self, engine: Engine, driver: Driver, limits: Limits) -> None:
        card = await driver.card()
        leaves, stays = _mates(engine, card, driver.model, limits)
        batch, marks = SuiteBatch([leaves, stays]), _Marks()
        run = await driver.run(batch, marks.cancel_at_first_step(batch, leaves))
        if marks.when is None:
            pytest.skip("this engine tells of no step at which it could be canceled")
        late = [event for event in run.events[marks.at :] if isinstance(event, ImageReady) and event.request == leaves.id]
        assert not late, "a canceled request yielded a picture"
        checks.pictures_are_as_asked(run, stays)

    async def test_a_failure_takes_no_mate_along(
        self, engine: Engine, driver: Driver, limits: Limits, spoil: Spoil | None
    ) -> None:
        card = await driver.card()
        one, other = _mates(engine, card, driver.model, limits)
        if spoil is None:
            pytest.skip("this engine's tests name no way to make one request fail: override the fixture `spoil`")
        spoiled = spoil(one)
        run = await driver.make(spoiled, other)
        checks.events_are_in_order(run, spoiled, other)
        assert run.failures(spoiled), "the spoiled request did not end in Failed"
        assert not run.pictures(spoiled), "the spoiled request yielded a picture"
        checks.pictures_are_as_asked(run, other)

    # ------------------------------------------------------------------------------------- its models

    async def test_it_loads_again_after_unloading(self, engine: Engine, driver: Driver, limits: Limits) -> None:
        if not isinstance(engine, LocalEngine):
            pytest.skip("a remote engine loads nothing")
        card = await driver.card()
        request = make_request(card, driver.model, steps=limits.steps)
        footprint = await driver.load()
        assert isinstance(footprint, Footprint), "load: answers a Footprint"
        assert footprint.bytes >= 0, "Footprint.bytes: not negative"
        before = await driver.make(request)
        await driver.unload()
        await driver.load()
        after = await driver.make(request)
        checks.pictures_are_as_asked(after, request)
        if card.seeds and card.replay == "safe":
            same = checks.same_bytes(before.pictures(request)[0], after.pictures(request)[0])
            assert same, "loaded anew it made other bytes from the same seed"

    async def test_a_model_that_is_not_there_is_unusable(self, driver: Driver, missing_model: ModelSpec) -> None:
        """Said when its card is asked, or else when it is loaded or first run."""
        error = await _refusal(driver, missing_model)
        assert isinstance(error, ModelUnusable), f"a model that is not there: raise ModelUnusable, not {error!r}"
        checks.refusal_is_of_use(error)


class _Marks:
    """Where in a run, and when, a request was canceled."""

    def __init__(self) -> None:
        self.at = 0
        self.when: float | None = None
        self._seen = 0

    def cancel_at_first_step(self, batch: SuiteBatch, request: ImageRequest) -> Callable[[Event], None]:
        def watch(event: Event) -> None:
            self._seen += 1
            if self.when is None and isinstance(event, Progress) and event.request == request.id:
                batch.cancel(request.id)
                self.at, self.when = self._seen, time.monotonic()

        return watch


def _repeatable(card: ModelCard) -> ModelCard:
    if not card.seeds or card.replay != "safe":
        pytest.skip("this model's pictures cannot be made again")
    return card


def _mates(engine: Engine, card: ModelCard, model: ModelSpec, limits: Limits) -> tuple[ImageRequest, ImageRequest]:
    """Two requests that may share a pass."""
    one = make_request(card, model, steps=limits.cancel_steps)
    other = make_request(card, model, steps=limits.cancel_steps, seed=SEED + 9, prompt="a green square on a white background")
    if card.max_batch < 2 or engine.batch_key(one, card) is None:
        pytest.skip("this model takes one request at a time")
    return one, other


async def _refusal(driver: Driver, model: ModelSpec) -> EngineError | None:
    """What the engine says to a model that it cannot run, whenever it says it."""
    try:
        card = await driver.card(model)
        await driver.load(model)
        if isinstance(driver.engine, RemoteEngine):
            driver = Driver(driver.engine, model, driver.lane, seconds=driver.seconds)
        request = make_request(card, model)
        return next(iter((await driver.make(request)).failures(request)), None)
    except EngineError as error:
        return error
