"""Engines of this room's tests: what they say is in the test's hand."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from engines.contract import Batch, EngineError, EngineUnavailable, Event, ModelCard, ModelSpec, RemoteEngine
from gateway.catalog import Catalog, parse
from gateway.registry import Registry

AWAY = EngineUnavailable("The far server cannot be reached.")


class FarOptions(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """This engine's own keys of a model."""

    checkpoint: str = ""
    also: tuple[str, ...] = ()
    steps_more: int = 0


class Far(RemoteEngine):
    """All instances answer alike, as one server would."""

    ModelOptions = FarOptions
    says: dict[str, ModelCard | Exception] = {}
    """By source; what is not here is away."""
    offers: Sequence[ModelSpec] | Exception = ()
    asked: list[str] = []

    async def card(self, model: ModelSpec) -> ModelCard:
        self.asked.append(model.source)
        answer = self.says.get(model.source, AWAY)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def discover(self) -> Sequence[ModelSpec]:
        if isinstance(self.offers, Exception):
            raise self.offers
        return self.offers

    async def generate(self, batch: Batch, lane: str):  # type: ignore[no-untyped-def]
        raise EngineError("makes nothing")
        yield Event


REGISTRY = Registry({"far": Far})
CARD = ModelCard(capabilities=("text_to_image",))


def catalog(*sources: str, settings: str = "", keys: str = "") -> Catalog:
    """One engine and a model for each source, called as it is."""
    tables = "".join(f'[[models]]\nid = "{each}"\nengine = "far"\nsource = "{each}"\n{keys}\n' for each in sources)
    return parse(f'{settings}\n[engines.far]\nplugin = "far"\n{tables}', REGISTRY)
