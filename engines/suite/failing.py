"""What an engine says when something goes wrong: who must act, and whether it may be tried again."""

from __future__ import annotations

from inspect import getattr_static

import pytest

from engines.contract import (
    Engine,
    EngineError,
    ImageRequest,
    ModelSpec,
    ModelUnusable,
    RemoteEngine,
)
from engines.suite import checks
from engines.suite.driver import Driver
from engines.suite.given import Given, Lose, Spoil, mates
from engines.suite.requests import Limits, make_request


class Failing(Given):
    async def test_a_failure_takes_no_mate_along(
        self, engine: Engine, driver: Driver, limits: Limits, spoil: Spoil | None
    ) -> None:
        card = await driver.card()
        one, other = mates(engine, card, driver.model, limits)
        if spoil is None:
            pytest.skip("this engine's tests name no way to make one request fail: override the fixture `spoil`")
        spoiled = spoil(one)
        run = await driver.make(spoiled, other)
        checks.events_are_in_order(run, spoiled, other)
        assert run.failures(spoiled), "the spoiled request did not end in Failed"
        assert not run.pictures(spoiled), "the spoiled request yielded a picture"
        checks.pictures_are_as_asked(run, other)

    async def test_what_may_be_paid_for_is_not_sent_again(self, driver: Driver, limits: Limits, lose: Lose | None) -> None:
        """A request that an upstream took and never answered."""
        card = await driver.card()
        if card.replay != "never":
            pytest.skip("the card does not say that each request is paid for")
        if lose is None:
            told = "its tests name no way to lose an answer: override the fixture `lose`"
            if getattr_static(self, "engine") is getattr_static(Given, "engine"):
                pytest.skip(f"this engine is paid for, and {told}")
            pytest.fail(f'replay: "never" says that each request is paid for, and {told}, or nobody knows whether it is once')
        request = make_request(card, driver.model, steps=limits.steps)
        came = lose()
        error = await _outcome(driver, request)
        assert came() == 1, f"it was sent {came()} times: take the client's own tries off, for each may be paid for"
        checks.is_not_tried_again(error)

    async def test_a_model_that_is_not_there_is_unusable(self, driver: Driver, missing_model: ModelSpec) -> None:
        """Said when its card is asked, or else when it is loaded or first run."""
        error = await _refusal(driver, missing_model)
        assert isinstance(error, ModelUnusable), f"a model that is not there: raise ModelUnusable, not {error!r}"
        checks.refusal_is_of_use(error)


async def _outcome(driver: Driver, request: ImageRequest) -> EngineError | None:
    """What the engine says of a request that fails, of the whole batch or of this one."""
    try:
        return next(iter((await driver.make(request)).failures(request)), None)
    except EngineError as error:
        return error


async def _refusal(driver: Driver, model: ModelSpec) -> EngineError | None:
    """What the engine says to a model that it cannot run, whenever it says it."""
    try:
        card = await driver.card(model)
        await driver.load(model)
        if isinstance(driver.engine, RemoteEngine):
            driver = Driver(driver.engine, model, driver.lane, seconds=driver.seconds)
        return await _outcome(driver, make_request(card, model))
    except EngineError as error:
        return error
