"""A host for engines that ask another server: they run on the event loop."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from typing import Any

from engines.contract import Batch, EngineCrashed, EngineError, Event, Footprint, ModelSpec, RemoteEngine

log = logging.getLogger(__name__)


class RemoteHost:
    """One lane of a remote engine; there is nothing to load."""

    def __init__(self, engine: RemoteEngine, lane: str) -> None:
        self.engine = engine
        self._lane = lane

    async def load(self, engine: Any, model: ModelSpec) -> Footprint:
        return Footprint(0)

    async def unload(self, engine: Any, model: ModelSpec) -> None:
        return None

    async def run(self, engine: Any, batch: Batch) -> AsyncIterator[Event]:
        try:
            async for event in self.engine.generate(batch, self._lane):
                yield event
        except EngineError:
            raise
        except Exception as error:
            log.exception("the engine on %s raised what no engine should raise", self._lane)
            raise EngineCrashed(f"The engine crashed ({type(error).__name__}); the log has the details.") from error

    async def close(self) -> None:
        return None
