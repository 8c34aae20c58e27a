"""[settings.jobs] fail_over: which models may step in."""

from __future__ import annotations

import pytest

from gateway.catalog import parse
from gateway.errors import CatalogError
from gateway.registry import Registry

MODEL = '\n[[models]]\nid = "oil"\nengine = "easel"\nsource = "oils/one"\naliases = ["paint"]\n'


@pytest.mark.parametrize("names", [(), ("oil",), ("paint", "auto")])
def test_models_are_named_by_id_or_alias(registry: Registry, head: str, names: tuple[str, ...]) -> None:
    text = f"{head}\n{MODEL}\n[settings.jobs]\nfail_over = {list(names)}\n".replace("'", '"')
    assert parse(text, registry).settings.jobs.fail_over == names


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ('["oill"]', '[settings.jobs] fail_over: there is no model "oill"; did you mean "oil"?'),
        ('[""]', "fail_over"),
        ('"auto"', "fail_over"),
        ("true", "fail_over"),
    ],
)
def test_what_is_wrong_is_told(registry: Registry, head: str, written: str, told: str) -> None:
    with pytest.raises(CatalogError) as raised:
        parse(f"{head}\n{MODEL}\n[settings.jobs]\nfail_over = {written}\n", registry)
    assert told in raised.value.message
