"""The tests together. They are async, so that a remote engine meets one event loop from its making to its end."""

from __future__ import annotations

import pytest

from engines.contract import Engine, Footprint, LocalEngine
from engines.suite import checks
from engines.suite.driver import Driver
from engines.suite.failing import Failing
from engines.suite.leaving import Leaving
from engines.suite.making import Making
from engines.suite.requests import Limits, make_request
from engines.suite.saying import Saying


class EngineSuite(Saying, Making, Leaving, Failing):
    """Derive a class whose name begins with Test, and give it the fixtures `engine` and `model`, or a models.toml."""

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
