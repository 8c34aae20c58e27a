"""An engine as small as engines come, and the registry that knows it."""

from __future__ import annotations

from typing import Literal

import pytest
from msgspec import Struct

from engines.contract import Engine, ModelCard, ModelSpec
from gateway.registry import Registry


class Options(Struct, frozen=True):
    url: str
    seconds: int = 60

    def __post_init__(self) -> None:
        if not self.url.startswith("http"):
            raise ValueError("url is no address; give http://…")


class ModelOptions(Struct, frozen=True):
    dtype: Literal["half", "full"] = "half"
    parts: list[str] = []
    call: dict[str, int] = {}


class Painter(Engine):
    Options = Options
    ModelOptions = ModelOptions
    set_by_http = frozenset({"dtype"})

    async def card(self, model: ModelSpec) -> ModelCard:
        return ModelCard(capabilities=("text_to_image",))


@pytest.fixture
def registry() -> Registry:
    return Registry({"painter": Painter}, {"broken": "the plugin broken does not load: ImportError: no brushes"})


HEAD = """
[engines.easel]
plugin = "painter"
url = "http://easel"
"""


@pytest.fixture
def head() -> str:
    """A file with one engine and no model yet."""
    return HEAD
