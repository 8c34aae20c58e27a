"""What an engine makes: all that was asked, the same again, alone and in company."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from engines.contract import Engine, ImageReady, ModelCard, Picture
from engines.suite import checks
from engines.suite.driver import Driver, SuiteBatch
from engines.suite.given import Given, mates
from engines.suite.requests import SEED, Limits, another_size, make_request


class Making(Given):
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
        one, other = mates(engine, card, driver.model, limits)
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
        one, other = mates(engine, card, driver.model, limits)
        batch = SuiteBatch([one])
        batch.join(other)
        run = await driver.run(batch)
        served = [one, *batch.joined]
        checks.events_are_in_order(run, *served)
        for request in served:
            checks.pictures_are_as_asked(run, request)


def _repeatable(card: ModelCard) -> ModelCard:
    if not card.seeds or card.replay != "safe":
        pytest.skip("this model's pictures cannot be made again")
    return card
