from __future__ import annotations

import pytest

from gateway.catalog import Catalog, ModelEntry
from gateway.catalog.licences import allows_commercial_use, commercial_models


@pytest.mark.parametrize(
    ("licence", "said", "expected"),
    [
        ("Apache-2.0", None, True),
        ("apache 2.0 license", None, True),
        ("MIT", None, True),
        ("OpenRAIL++-M", None, True),
        ("CreativeML Open RAIL-M", None, True),
        ("FLUX.1 [dev] Non-Commercial", None, False),
        ("Stability AI Community", None, False),
        ("Qwen Research", None, False),
        ("", None, False),
        ("", True, True),
        ("MIT", False, False),
    ],
)
def test_a_licence_allows_commercial_use_where_it_is_known_to(licence: str, said: bool | None, expected: bool) -> None:
    assert allows_commercial_use(ModelEntry(id="m", licence=licence, commercial=said)) is expected


def test_a_catalogs_models() -> None:
    models = {name: ModelEntry(id=name, licence=licence) for name, licence in (("a", "MIT"), ("b", "ask us"), ("c", ""))}
    assert commercial_models(Catalog(models=models)) == {"a"}
