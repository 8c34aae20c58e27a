"""What an engine offers that nobody can ask for, and the entry that puts it on offer."""

from __future__ import annotations

import asyncio
import tomllib
from typing import Any

import pytest

from engines.contract import EngineUnavailable, ModelSpec
from gateway.catalog import parse
from gateway.catalog.toml import table_text
from gateway.models import Models, entry_for
from gateway.models.discovering import said
from tests.models.far import CARD, REGISTRY, Far, FarOptions, catalog


def spec(id_: str, source: str = "", **options: Any) -> ModelSpec:
    return ModelSpec(id=id_, source=source or id_, options=FarOptions(**options) if options else None)


@pytest.mark.parametrize(
    ("entry", "offered", "named"),
    [
        ("", spec("one"), True),
        ("", spec("uno", "one"), True),  # the source says it
        ("", spec("one", "elsewhere"), True),  # and so does the id
        ('aliases = ["eins"]', spec("eins", "elsewhere"), True),
        ("", spec("two"), False),
        ('checkpoint = "a.safetensors"', spec("a", "one", checkpoint="a.safetensors"), True),
        ('checkpoint = "a.safetensors"', spec("b", "one", checkpoint="b.safetensors"), False),
        ("", spec("b", "one", checkpoint="b.safetensors"), False),
        ('checkpoint = "a.safetensors"', spec("a", "one", checkpoint="a.safetensors", also=("edit",)), True),
    ],
)
async def test_what_an_entry_names_is_no_news(models: Models, entry: str, offered: ModelSpec, named: bool) -> None:
    Far.says, Far.offers = {"one": CARD}, (offered,)
    await models.refresh(catalog("one", keys=entry))
    assert models.unnamed("far") == [], "nobody has asked yet"
    await models.discover("far")
    assert models.unnamed("far") == ([] if named else [offered])


async def test_an_entry_that_is_added_is_seen_without_asking(models: Models) -> None:
    Far.offers = (spec("one"), spec("two"))
    await models.refresh(catalog("one"))
    await models.discover("far")
    assert [each.id for each in models.unnamed("far")] == ["two"]
    await models.refresh(catalog("one", "two"))
    assert models.unnamed("far") == []
    await models.refresh(parse("", REGISTRY))
    assert not models.discovered


@pytest.mark.parametrize("asleep", [True, False])
async def test_who_sleeps_is_not_woken_for_it(models: Models, monkeypatch: pytest.MonkeyPatch, asleep: bool) -> None:
    monkeypatch.setattr("gateway.models.offers.DISCOVER_FIRST", 0.0)
    looked = asyncio.Event()

    def engines_asleep() -> set[str]:
        looked.set()
        return {"far"} if asleep else set()

    await models.refresh(catalog())
    asking = asyncio.create_task(models.keep_asking(lambda: None, engines_asleep))
    async with asyncio.timeout(10):
        await looked.wait()
    await asyncio.sleep(0.05)
    assert ("far" in models.discovered) is not asleep
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)


@pytest.mark.parametrize(
    ("error", "says"),
    [(EngineUnavailable("The server is away."), "is away"), (ZeroDivisionError("/secret"), "ZeroDivisionError")],
)
async def test_why_an_engine_could_not_be_asked_is_kept(models: Models, error: Exception, says: str) -> None:
    Far.offers = error
    await models.refresh(catalog())
    told = await models.discover("far")
    assert says in str(told.problem)
    assert "/secret" not in str(told.problem)
    assert models.discovered["far"] is told
    assert models.unnamed("far") == []


@pytest.mark.parametrize(
    ("offered", "id_"),
    [
        (spec("two"), "two"),
        (spec("one"), "one-far"),  # taken
        (spec("old"), "old-far"),  # an alias
        (spec("auto"), "auto-far"),
        (spec("google/gemini 3"), "google-gemini-3"),
        (spec("§§"), "far-far"),
        (spec("x" * 300), "x" * 128),
    ],
)
def test_the_entry_is_one_that_can_be_copied(offered: ModelSpec, id_: str) -> None:
    there = catalog("one", "far", keys="").models
    text = '[engines.far]\nplugin = "far"\n' + "".join(
        f'[[models]]\nid = "{each}"\nengine = "far"\nsource = "{each}"\n' for each in there
    )
    text += 'aliases = ["old"]\n'
    before = parse(text, REGISTRY)
    entry = entry_for(offered, "far", before)
    after = parse(f"{text}\n{table_text('models', entry)}", REGISTRY)
    assert after.models[id_].source == offered.source
    assert set(after.models) == {*there, id_}


def test_only_what_differs_is_written() -> None:
    entry = entry_for(spec("a", "graph", checkpoint='odd "name".safetensors', also=("edit", "mend")), "far", catalog())
    written = tomllib.loads(table_text("models", entry))["models"][0]
    assert written == {
        "id": "a",
        "engine": "far",
        "source": "graph",
        "checkpoint": 'odd "name".safetensors',
        "also": ["edit", "mend"],
    }
    assert said(None) == said(FarOptions()) == {}
