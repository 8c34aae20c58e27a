"""What is on offer now: for each model of the catalog its entry, its merged card and its engine's front instance."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress

from engines.contract import Engine, ModelSpec
from gateway.catalog import Catalog, EngineEntry, ModelEntry
from gateway.errors import DarkroomError
from gateway.models.asking import Missing, Offer, discovered, offer_of
from gateway.models.discovering import Discovered, unnamed
from gateway.models.patience import Patience, first_due
from gateway.registry import Registry

log = logging.getLogger(__name__)
DISCOVER_FIRST, DISCOVER_EVERY = 5.0, 900.0
"""Seconds from a start, or a change of the catalog, until engines are asked what else they offer; then between two times."""
Fronts = dict[str, tuple[EngineEntry, Engine]]


class Models:
    """Follows the catalog: `refresh` after every change of it; everything else reads one consistent snapshot.

    A model comes onto offer when its engine has said what it can do; `keep_asking` brings those whose engine could not be
    reached. It leaves when its entry does, or when its engine says that it is not there any more: a server that is away
    for a while keeps its models on offer, and how its lanes are says who is sent there.
    """

    def __init__(self, registry: Registry, secret: Callable[[str], str] | None = None) -> None:
        self.registry = registry
        self.secret = secret
        """The values of secrets by their names, for the engines."""
        self.catalog = Catalog()
        self.offers: Mapping[str, Offer] = {}
        self.engine_problems: Mapping[str, str] = {}
        self.discovered: Mapping[str, Discovered] = {}
        """Engine -> what it said last of all that it offers; see `unnamed`."""
        self._missing: Mapping[str, Missing] = {}
        self._fronts: Fronts = {}
        self._patience: dict[str, Patience] = {}
        """Of the engines of missing models."""
        self._discover_at = 0.0
        self._refreshed = asyncio.Event()

    @property
    def problems(self) -> Mapping[str, str]:
        """Model id -> why it is not on offer."""
        return {id_: missing.reason for id_, missing in self._missing.items()}

    @property
    def away(self) -> Collection[str]:
        """The models that are not on offer only because their engine could not be asked yet."""
        return {id_ for id_, missing in self._missing.items() if missing.away}

    @property
    def engines(self) -> Mapping[str, Engine]:
        return {name: engine for name, (_, engine) in self._fronts.items()}

    async def refresh(self, catalog: Catalog) -> None:
        """Build what is new, keep what is unchanged, close what is gone. A fault takes only its own model away."""
        fronts, engine_problems = self._build(catalog)
        live = [entry for entry in catalog.models.values() if not entry.retired]
        answers = await asyncio.gather(*(self._asked(entry, fronts, engine_problems) for entry in live))
        offers = {answer.entry.id: answer for answer in answers if isinstance(answer, Offer)}
        missing = {entry.id: answer for entry, answer in zip(live, answers, strict=True) if isinstance(answer, Missing)}
        gone = [engine for name, (_, engine) in self._fronts.items() if name not in fronts or fronts[name][1] is not engine]
        self.catalog, self.offers, self._missing, self.engine_problems = catalog, offers, missing, engine_problems
        self._fronts = fronts
        self.discovered = {name: said for name, said in self.discovered.items() if name in fronts}
        for name, why in {**engine_problems, **self.problems}.items():
            log.warning("%s is not available: %s", name, why)
        self._wait_anew(time.monotonic())
        await _close(gone)

    async def keep_asking(self, changed: Callable[[], None], asleep: Callable[[], Collection[str | None]] = tuple) -> None:
        """Until canceled: ask again for what is missing, and from time to time what else there is.

        `changed` is called when a model has come onto offer; `asleep` names the engines that a question might wake.
        """
        while True:
            self._refreshed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout_at(asyncio.get_running_loop().time() + self._pause(time.monotonic())):
                    await self._refreshed.wait()
                    continue
            if await self.ask_again(time.monotonic()):
                changed()
            if time.monotonic() >= self._discover_at:
                self._discover_at = time.monotonic() + DISCOVER_EVERY
                leave = asleep()
                await asyncio.gather(*(self.discover(name) for name in self._fronts if name not in leave))

    async def ask_again(self, now: float) -> bool:
        """The engines that are due, for the models that they are missing; whether any came. They are no longer due then."""
        due = [name for name, patience in self._patience.items() if patience.due <= now]
        return any(await asyncio.gather(*(self._ask_engine(name) for name in due)))

    async def discover(self, engine: str) -> Discovered:
        """What an engine that runs offers, asked now and kept."""
        said = await discovered(engine, self._fronts[engine][1])
        if engine in self._fronts:
            self.discovered = {**self.discovered, engine: said}
        return said

    def unnamed(self, engine: str) -> list[ModelSpec]:
        """What the engine offered when it was asked last, and no entry of models.toml names."""
        said = self.discovered.get(engine)
        entries = [entry for entry in self.catalog.models.values() if entry.engine == engine]
        return unnamed(said.models, ((entry, self._seen(entry)) for entry in entries)) if said else []

    async def close(self) -> None:
        await _close([engine for _, engine in self._fronts.values()])

    def _build(self, catalog: Catalog) -> tuple[Fronts, dict[str, str]]:
        fronts: Fronts = {}
        problems: dict[str, str] = {}
        for name, entry in catalog.engines.items():
            kept = self._fronts.get(name)
            try:
                fronts[name] = kept if kept and kept[0] == entry else (entry, self.registry.build(entry, self.secret))
            except DarkroomError as error:
                problems[name] = error.message
        return fronts, problems

    async def _asked(self, entry: ModelEntry, fronts: Fronts, broken: Mapping[str, str]) -> Offer | Missing:
        if entry.engine not in fronts:
            return Missing(f"its engine {entry.engine!r} is not running: {broken.get(entry.engine, 'no such engine')}")
        engine = fronts[entry.engine][1]
        answer = await offer_of(entry, engine, self.registry)
        before = self.offers.get(entry.id)
        if isinstance(answer, Missing) and answer.away and before and before.entry == entry and before.engine is engine:
            log.info("%s stays on offer as it was: %s", entry.id, answer.reason)
            return before
        return answer

    async def _ask_engine(self, name: str) -> bool:
        """For its missing models, until one says that it cannot be asked; whether any came."""
        catalog, came = self.catalog, False
        for id_ in [id_ for id_ in self._missing if catalog.models[id_].engine == name]:
            answer = await offer_of(catalog.models[id_], self._fronts[name][1], self.registry)
            if self.catalog is not catalog:
                return came  # all of it was asked anew meanwhile
            came |= self._take(id_, answer)
            if isinstance(answer, Missing) and answer.away:
                break
        left = [missing for id_, missing in self._missing.items() if catalog.models[id_].engine == name]
        if left:
            self._patience[name].again(time.monotonic(), away=any(missing.away for missing in left))
        else:
            del self._patience[name]
        return came

    def _take(self, id_: str, answer: Offer | Missing) -> bool:
        if isinstance(answer, Offer):
            log.info("%s is on offer now", id_)
            self._missing = {other: missing for other, missing in self._missing.items() if other != id_}
            # In the file's order, as it is after a refresh.
            offers = {**self.offers, id_: answer}
            self.offers = {other: offers[other] for other in self.catalog.models if other in offers}
            return True
        if answer != self._missing[id_]:
            log.warning("%s is not available: %s", id_, answer.reason)
            self._missing = {**self._missing, id_: answer}
        return False

    def _wait_anew(self, now: float) -> None:
        away: dict[str, list[bool]] = defaultdict(list)
        for id_, missing in self._missing.items():
            if (name := self.catalog.models[id_].engine) in self._fronts:
                away[name].append(missing.away)
        self._patience = {name: Patience(now, away=any(each)) for name, each in away.items()}
        self._discover_at = now + DISCOVER_FIRST
        self._refreshed.set()

    def _pause(self, now: float) -> float:
        due = first_due(self._patience.values())
        return max(0.0, min(self._discover_at, self._discover_at if due is None else due) - now)

    def _seen(self, entry: ModelEntry) -> ModelSpec | None:
        front = self._fronts.get(entry.engine)
        with suppress(DarkroomError):
            return self.registry.spec(entry, front[1]) if front else None
        return None


async def _close(engines: Collection[Engine]) -> None:
    """A stranger's fault at that is logged: nobody else's end or change waits for it."""
    outcomes = await asyncio.gather(*(engine.aclose() for engine in engines), return_exceptions=True)
    for engine, outcome in zip(engines, outcomes, strict=True):
        if isinstance(outcome, Exception):
            log.error("the engine %s did not close as it should", engine.name, exc_info=outcome)
