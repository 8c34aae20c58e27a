"""What is on offer now: for each model of the catalog its entry, its merged card and its engine's front instance."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping

from msgspec import Struct

from engines.contract import Engine, EngineError, ModelCard, ModelSpec
from gateway import cards
from gateway.catalog import Catalog, EngineEntry, ModelEntry
from gateway.errors import DarkroomError
from gateway.registry import Registry

log = logging.getLogger(__name__)
CARD_SECONDS = 20.0


class Offer(Struct, frozen=True):
    """A model that can be asked for."""

    entry: ModelEntry
    spec: ModelSpec
    card: ModelCard
    engine: Engine


class Models:
    """Follows the catalog: `refresh` after every change of it; everything else reads one consistent snapshot."""

    def __init__(self, registry: Registry, secret: Callable[[str], str] | None = None) -> None:
        self.registry = registry
        self.secret = secret
        """The values of secrets by their names, for the engines."""
        self.catalog = Catalog()
        self.offers: Mapping[str, Offer] = {}
        self.problems: Mapping[str, str] = {}
        """Model id -> why it is not on offer."""
        self.engine_problems: Mapping[str, str] = {}
        self._fronts: dict[str, tuple[EngineEntry, Engine]] = {}

    async def refresh(self, catalog: Catalog) -> None:
        """Build what is new, keep what is unchanged, close what is gone. A fault takes only its own model away."""
        fronts, engine_problems = self._build(catalog)
        live = [entry for entry in catalog.models.values() if not entry.retired]
        answers = await asyncio.gather(*(self._offer(entry, fronts, engine_problems) for entry in live))
        offers = {answer.entry.id: answer for answer in answers if isinstance(answer, Offer)}
        problems = {entry.id: answer for entry, answer in zip(live, answers, strict=True) if isinstance(answer, str)}
        gone = [engine for name, (_, engine) in self._fronts.items() if name not in fronts or fronts[name][1] is not engine]
        self.catalog, self.offers, self.problems, self.engine_problems = catalog, offers, problems, engine_problems
        self._fronts = fronts
        for name, why in {**engine_problems, **problems}.items():
            log.warning("%s is not available: %s", name, why)
        await asyncio.gather(*(engine.aclose() for engine in gone))

    @property
    def engines(self) -> Mapping[str, Engine]:
        return {name: engine for name, (_, engine) in self._fronts.items()}

    async def close(self) -> None:
        await asyncio.gather(*(engine.aclose() for _, engine in self._fronts.values()))

    def _build(self, catalog: Catalog) -> tuple[dict[str, tuple[EngineEntry, Engine]], dict[str, str]]:
        fronts: dict[str, tuple[EngineEntry, Engine]] = {}
        problems: dict[str, str] = {}
        for name, entry in catalog.engines.items():
            kept = self._fronts.get(name)
            try:
                fronts[name] = kept if kept and kept[0] == entry else (entry, self.registry.build(entry, self.secret))
            except DarkroomError as error:
                problems[name] = error.message
        return fronts, problems

    async def _offer(
        self, entry: ModelEntry, fronts: dict[str, tuple[EngineEntry, Engine]], broken: dict[str, str]
    ) -> Offer | str:
        if entry.engine not in fronts:
            return f"its engine {entry.engine!r} is not running: {broken.get(entry.engine, 'no such engine')}"
        engine = fronts[entry.engine][1]
        try:
            spec = self.registry.spec(entry, engine)
            async with asyncio.timeout(CARD_SECONDS):
                card = cards.merge(await engine.card(spec), entry)
        except EngineError as error:
            return error.message
        except DarkroomError as error:
            return error.message
        except TimeoutError:
            return f"its engine did not say within {CARD_SECONDS:.0f} s what it can do"
        return Offer(entry, spec, card, engine)
