"""What an engine says, before anything runs: of itself, of its models, and of requests."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from engines.contract import Engine, Health, InvalidRequest, LocalEngine, ModelSpec
from engines.suite import checks
from engines.suite.driver import Driver
from engines.suite.given import Given
from engines.suite.requests import SEED, beyond, corners, make_request


class Saying(Given):
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
