"""What comes onto offer and leaves it: by the catalog, and as servers come and go."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from engines.contract import ModelUnusable
from gateway.catalog import parse
from gateway.models import Models
from tests.models.far import AWAY, CARD, REGISTRY, Far, catalog

LATER = 1e12
"""When everything is due."""


async def test_a_server_that_is_away_at_the_start_comes_by_itself(models: Models) -> None:
    await models.refresh(catalog("one", "two"))
    assert not models.offers
    assert models.problems == {"one": AWAY.message, "two": AWAY.message}
    assert set(models.away) == {"one", "two"}
    Far.asked.clear()
    assert not await models.ask_again(LATER)
    assert Far.asked == ["one"], "who does not answer for one model is not asked for the others"
    Far.says = {"one": CARD, "two": CARD}
    assert await models.ask_again(LATER)
    assert list(models.offers) == ["one", "two"]
    assert not models.problems
    Far.asked.clear()
    assert not await models.ask_again(LATER)
    assert not Far.asked, "there is nothing left to ask for"


async def test_they_come_in_the_files_order(models: Models) -> None:
    Far.says = {"two": CARD}
    await models.refresh(catalog("one", "two", "three"))
    Far.says = {"one": CARD, "two": CARD, "three": CARD}
    await models.ask_again(LATER)
    assert list(models.offers) == ["one", "two", "three"]


async def test_a_server_that_goes_away_keeps_its_models_on_offer(models: Models) -> None:
    Far.says = {"one": CARD}
    await models.refresh(catalog("one"))
    before = models.offers["one"]
    Far.says = {}
    await models.refresh(catalog("one", settings="[settings.jobs]\nmax_attempts = 5"))
    assert models.offers["one"] is before
    assert models.catalog.settings.jobs.max_attempts == 5
    assert not models.problems


@pytest.mark.parametrize("change", ["the entry", "the answer"])
async def test_but_not_where_it_is_another_model_or_said_to_be_gone(models: Models, change: str) -> None:
    Far.says = {"one": CARD}
    await models.refresh(catalog("one"))
    Far.says = {} if change == "the entry" else {"one": ModelUnusable("It was deleted.")}
    await models.refresh(catalog("one", keys="steps_more = 1" if change == "the entry" else ""))
    assert not models.offers
    assert bool(models.away) is (change == "the entry")


async def test_what_is_broken_is_asked_for_again_too_and_rarely(models: Models, caplog: pytest.LogCaptureFixture) -> None:
    Far.says = {"one": ModelUnusable("Its file is missing.")}
    await models.refresh(catalog("one"))
    assert not models.away
    (patience,) = models._patience.values()
    assert not await models.ask_again(patience.due - 1)
    assert len(Far.asked) == 1
    caplog.clear()
    assert not await models.ask_again(patience.due)
    assert not caplog.records, "the same is not told again"
    Far.says = {"one": ModelUnusable("Its file is broken.")}
    assert not await models.ask_again(LATER)
    assert "broken" in caplog.text
    Far.says = {"one": CARD}
    assert await models.ask_again(LATER)


async def test_a_crash_takes_only_its_own_model_away(models: Models, caplog: pytest.LogCaptureFixture) -> None:
    Far.says = {"one": ZeroDivisionError("/secret/path"), "two": CARD}
    await models.refresh(catalog("one", "two"))
    assert list(models.offers) == ["two"]
    assert "ZeroDivisionError" in models.problems["one"]
    assert "/secret" not in models.problems["one"]
    assert "/secret" in caplog.text


async def test_a_card_that_does_not_come_is_not_waited_for(models: Models, monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(self: Far, model: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr("gateway.models.asking.CARD_SECONDS", 0.01)
    monkeypatch.setattr(Far, "card", never)
    await models.refresh(catalog("one"))
    assert set(models.away) == {"one"}


async def test_they_are_asked_behind_everything_else(models: Models, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.models.patience.SOON", 0.02)
    monkeypatch.setattr("gateway.models.offers.DISCOVER_FIRST", 0.03)
    await models.refresh(catalog("one"))
    came = asyncio.Event()
    asking = asyncio.create_task(models.keep_asking(came.set))
    await asyncio.sleep(0.05)
    assert not came.is_set()
    Far.says = {"one": CARD}
    async with asyncio.timeout(10):
        await came.wait()
        while "far" not in models.discovered:
            await asyncio.sleep(0.01)
    assert list(models.offers) == ["one"]
    # A catalog that is read anew wakes it too.
    came.clear()
    Far.says = {"one": CARD}
    await models.refresh(catalog("one", "two"))
    Far.says = {"one": CARD, "two": replace(CARD, max_images=2)}
    async with asyncio.timeout(10):
        await came.wait()
    assert models.offers["two"].card.max_images == 2
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)


async def test_an_answer_for_an_older_catalog_is_nobodys(models: Models, monkeypatch: pytest.MonkeyPatch) -> None:
    await models.refresh(catalog("one"))
    began, goes_on = asyncio.Event(), asyncio.Event()

    async def slow(self: Far, model: object) -> object:
        began.set()
        await goes_on.wait()
        return CARD

    monkeypatch.setattr(Far, "card", slow)
    asking = asyncio.create_task(models.ask_again(LATER))
    await began.wait()
    monkeypatch.undo()
    monkeypatch.setattr(Far, "says", {"other": CARD})
    monkeypatch.setattr(Far, "asked", [])
    await models.refresh(catalog("other"))
    goes_on.set()
    assert not await asking
    assert list(models.offers) == ["other"]


async def test_an_engine_that_does_not_close_stops_nothing(
    models: Models, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def aclose(_engine: Far) -> None:
        raise OSError("the socket is gone")

    monkeypatch.setattr(Far, "aclose", aclose)
    Far.says = {"one": CARD}
    await models.refresh(catalog("one"))
    await models.refresh(parse("", REGISTRY))
    assert not models.offers
    assert "the engine far did not close as it should" in caplog.text
    await models.refresh(catalog("one"))
    await models.close()
