"""A host for engines that ask another server: they run on the event loop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

from engines.contract import Batch, EngineCrashed, EngineError, Event, Footprint, Health, ModelSpec, RemoteEngine

log = logging.getLogger(__name__)
HEALTH_SECONDS = 15.0
"""For an answer; a server that loads a model may be slow to give one."""


class RemoteHost:
    """One lane of a remote engine; there is nothing to load."""

    asks = True

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

    async def health(self) -> Health:
        try:
            async with asyncio.timeout(HEALTH_SECONDS):
                return await self.engine.health(self._lane)
        except TimeoutError:
            return Health(ok=False, reason=f"It did not say within {HEALTH_SECONDS:.0f} s how it is.")
        except EngineError as error:
            return Health(ok=False, reason=error.message)
        except Exception as error:
            log.exception("the engine could not say how %s is", self._lane)
            return Health(ok=False, reason=f"The engine could not say how it is ({type(error).__name__}).")

    async def close(self) -> None:
        return None
