"""`[tariffs]`: what may be written, and which of several prices counts."""

from __future__ import annotations

import pytest

from gateway.catalog import parse
from gateway.catalog.problems import Place, Problems
from gateway.catalog.tariffs import Rule, Tariff, find, read_tariff
from gateway.errors import CatalogError
from gateway.registry import Registry
from tests.catalog.conftest import HEAD

MODEL = '[[models]]\nid = "oil"\nengine = "easel"\nsource = "oils/one"\n'
CASE = {"surface": "tasks", "capability": "text_to_image", "quality": "hd", "resolution": "4k"}


def tariffs(written: str, registry: Registry, model: str = MODEL) -> dict[str, Tariff]:
    return parse(f"{HEAD}[tariffs]\n{written}\n{model}", registry).tariffs


@pytest.mark.parametrize(
    ("written", "credits"),
    [
        ("oil = 3", 3),
        ("oil = 0.0001", 0.0001),
        ("oil = { otherwise = 3 }", 3),
        ("oil = { tasks = 4, otherwise = 3 }", 4),
        ("oil = { studio = 4, otherwise = 3 }", 3),
        ("oil = { studio = 4 }", None),
        ("oil = { text_to_image = 4, inpaint = 5 }", 4),
        ("oil = { inpaint = 5 }", None),
        ("oil = { quality = { standard = 4 } }", None),
        ("oil = { quality = { standard = 4, hd = 5 }, otherwise = 6 }", 5),
        ("oil = { resolution = { 4k = 9 } }", 9),
        # The more it says, the more exact it is; of two that say equally much the earlier axis counts.
        ("oil = { text_to_image = 4, quality = { hd = { resolution = { 4k = 5 } } } }", 5),
        ("oil = { quality = { hd = 5 }, text_to_image = 4 }", 4),
        ("oil = { quality = { hd = 5 }, resolution = { 4k = 4 } }", 5),
        ("oil = { text_to_image = { quality = { hd = 7 }, otherwise = 6 }, quality = { hd = 5 } }", 7),
        ("oil = { quality = { hd = { tasks = { text_to_image = 8 } } }, tasks = 2 }", 8),
        ("tasks = { text_to_image = 4 }", 4),
    ],
)
def test_the_most_exact_price_counts(registry: Registry, written: str, credits: float | None) -> None:
    (tariff,) = tariffs(written, registry).values()
    assert find(tariff, **CASE) == (None if credits is None else round(credits * 10_000))


def test_a_surfaces_tariff_says_so_in_every_rule(registry: Registry) -> None:
    assert tariffs("mcp = { inpaint = 1 }", registry) == {"mcp": (Rule(price=10_000, surface="mcp", capability="inpaint"),)}


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("oli = 3", ["[tariffs] oli", "no surface and no model", 'did you mean "oil"']),
        ("galery = 3", ["[tariffs] galery", 'did you mean "gallery"']),
        ("draft = 3", ["[tariffs] draft", "no model names this tariff", "oil"]),
        ("oil = { text_to_imag = 3 }", ["[tariffs] oil.text_to_imag", 'did you mean "text_to_image"']),
        ("oil = { quality = { high = 3 } }", ["[tariffs] oil.quality.high", "standard, hd"]),
        ("oil = { resolution = { 4K = 3 } }", ["[tariffs] oil.resolution.4K", 'did you mean "4k"']),
        ("oil = { quality = 3 }", ["[tariffs] oil.quality", "3 is no table"]),
        ("oil = {}", ["[tariffs] oil", "is empty"]),
        ("oil = { inpaint = {} }", ["[tariffs] oil.inpaint", "is empty"]),
        ("oil = { otherwise = { hd = 3 } }", ["[tariffs] oil.otherwise", "a price, not a table"]),
        ("tasks = { studio = 3 }", ["[tariffs] tasks.studio", "within tasks already"]),
        ("oil = { inpaint = { upscale = 3 } }", ["[tariffs] oil.inpaint.upscale", "within inpaint already"]),
        ("oil = { quality = { hd = { quality = { hd = 3 } } } }", ["within hd already"]),
        ("oil = { inpaint = -1 }", ["[tariffs] oil.inpaint", "-1 is not allowed", "credits"]),
        ("oil = 'much'", ["[tariffs] oil", "credits"]),
        ("oil = [3]", ["[tariffs] oil", "credits"]),
        ("'a b' = 3", ["a b", "letters, digits"]),
    ],
)
def test_a_mistake_names_its_key_and_the_cure(registry: Registry, written: str, says: list[str]) -> None:
    with pytest.raises(CatalogError) as raised:
        tariffs(written, registry)
    assert any(problem.startswith("line 6, ") and all(word in problem for word in says) for problem in raised.value.problems), (
        raised.value.problems
    )


def test_a_name_that_a_model_says_is_known(registry: Registry) -> None:
    assert tariffs("large = 3", registry, MODEL + 'tariff = "large"\n') == {"large": (Rule(price=30_000),)}


def test_a_model_that_is_wrong_itself_does_not_make_its_tariff_unknown(registry: Registry) -> None:
    with pytest.raises(CatalogError) as raised:
        tariffs("oil = 3\nlarge = 4", registry, MODEL + 'tariff = "large"\ntitel = ""\n')
    assert [problem.partition(":")[0] for problem in raised.value.problems] == ['line 13, [[models]] "oil" titel']


def test_nothing_is_read_out_of_a_wrong_value() -> None:
    problems = Problems("")
    assert read_tariff("x", {"inpaint": "much", "otherwise": 1}, Place(problems).at("x")) == (Rule(price=10_000),)
    assert len(problems.messages) == 1
