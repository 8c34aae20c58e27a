"""The engine's door: cards from what the servers say they have, and a lane for each of them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Hashable, Sequence

from engines.a1111 import cards, options, requests, running
from engines.a1111.probing import Facts
from engines.a1111.stations import FRESH_SECONDS, Station
from engines.contract import (
    Batch,
    EngineCrashed,
    EngineError,
    Event,
    Health,
    ImageRequest,
    ModelCard,
    ModelSpec,
    ModelUnusable,
    RemoteEngine,
)
from engines.http import Closing


class A1111Engine(RemoteEngine):
    """Servers of the A1111 family; each makes one picture at a time."""

    Options = options.Options
    ModelOptions = options.ModelOptions
    set_by_http = options.SET_BY_HTTP

    def __init__(self, name: str, options: options.Options) -> None:
        super().__init__(name, options)
        self._stations: dict[str, Station] = {}
        self._closing = Closing(self._close)
        self._gone: list[Station] = []
        """Under a login that was changed; a picture may still be under way there."""

    def lanes(self) -> Sequence[str]:
        return tuple(map(options.lane_of, self.options.servers))

    async def discover(self) -> Sequence[ModelSpec]:
        """Checkpoints, and upscalers that need no model of their own."""
        told = await self._all()
        if told and all(isinstance(each, EngineError) for each in told):
            raise next(each for each in told if isinstance(each, EngineError))
        found: dict[str, ModelSpec] = {}
        for facts in [each for each in told if not isinstance(each, EngineError)]:
            sources = [*((row.name, row.name) for row in facts.checkpoints)]
            sources += [(name, f"{cards.UPSCALER}{name}") for name in facts.upscalers if facts.extras]
            for name, source in sources:
                id_ = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-")
                found.setdefault(id_, ModelSpec(id=id_, source=source))
        return tuple(spec for id_, spec in found.items() if id_)

    async def card(self, model: ModelSpec) -> ModelCard:
        """What the first server that can be reached can do with it: they are told to be alike."""
        told = await self._all()
        facts = next((each for each in told if not isinstance(each, EngineError)), None)
        if facts is None:
            raise next(each for each in told if isinstance(each, EngineError))
        wanted = model.options or options.ModelOptions()
        try:
            return cards.card_of(model.source, wanted, self.options, facts)
        except ModelUnusable:
            if model.source.startswith(cards.UPSCALER):
                raise
        # A file that came after the server had started.
        station = next(self._station(lane) for lane, each in zip(self.lanes(), told, strict=True) if each is facts)
        return cards.card_of(model.source, wanted, self.options, await station.look_again())

    def check(self, request: ImageRequest, card: ModelCard) -> None:
        requests.check(request, card)

    def batch_key(self, request: ImageRequest, card: ModelCard) -> Hashable | None:
        """They are made one after the other, so all of a model go together: its checkpoint is loaded once for them."""
        return request.model if card.max_batch > 1 else None

    def holds(self, model: ModelSpec) -> Hashable | None:
        """The checkpoint, by the name that the entry has for it; upscalers need none."""
        return None if model.source.startswith(cards.UPSCALER) or model.source == cards.LOADED else model.source

    async def generate(self, batch: Batch, lane: str) -> AsyncIterator[Event]:
        with self._closing.using():
            async for event in running.run(batch, self._station(lane), self.options):
                yield event

    async def health(self, lane: str) -> Health:
        try:
            with self._closing.using():
                return await self._station(lane).health()
        except EngineError as error:
            return Health(ok=False, reason=error.message)

    async def aclose(self) -> None:
        await self._closing.aclose()

    async def _close(self) -> None:
        await asyncio.gather(*(station.aclose() for station in (*self._stations.values(), *self._gone)))
        self._stations.clear()

    async def _all(self) -> list[Facts | EngineError]:
        """What each server has, or why that cannot be told."""
        return await asyncio.gather(*(self._told(lane) for lane in self.lanes()))

    async def _told(self, lane: str) -> Facts | EngineError:
        try:
            return await self._station(lane).facts(age=FRESH_SECONDS)
        except EngineError as error:
            return error

    def _station(self, lane: str) -> Station:
        """Made when it is first needed, since only then secrets can be asked for, and anew when its secret is another."""
        login = self.secret(self.options.auth)
        if (known := self._stations.get(lane)) is None or known.login != login:
            address = next((each for each in self.options.servers if options.lane_of(each) == lane), None)
            if address is None:
                raise EngineCrashed(f"The engine {self.name} has no lane {lane}.")
            if login and ":" not in login:
                raise ModelUnusable(f"The secret {self.options.auth} must hold user:password, with a colon between them.")
            if known is not None:
                self._gone.append(known)
            try:
                self._stations[lane] = Station(address, self.options, login)
            except OSError as error:  # also ssl.SSLError
                raise ModelUnusable(f"ca_file: its certificates cannot be read ({type(error).__name__}).") from error
        return self._stations[lane]
