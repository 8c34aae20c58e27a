"""A host for local engines: one thread that owns one device, because pipelines are not thread-safe."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from engines.contract import Batch, EngineCrashed, EngineError, Event, Footprint, Health, LocalEngine, ModelSpec

log = logging.getLogger(__name__)
_T = TypeVar("_T")


class ThreadHost:
    """Runs engines on `device`; `build` makes this worker's own instance of an engine."""

    asks = False

    def __init__(self, device: str, build: Callable[[Any], LocalEngine]) -> None:
        self.device = device
        self._build = build
        self._engines: list[tuple[Any, LocalEngine]] = []
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"lane-{device}")

    async def load(self, engine: Any, model: ModelSpec) -> Footprint:
        return await self._on_thread(lambda: self._engine(engine).load(model, self.device))

    async def unload(self, engine: Any, model: ModelSpec) -> None:
        await self._on_thread(lambda: self._engine(engine).unload(model, self.device))

    async def run(self, engine: Any, batch: Batch) -> AsyncIterator[Event]:
        loop = asyncio.get_running_loop()
        events: asyncio.Queue[Event | None] = asyncio.Queue()

        def emit(event: Event) -> None:
            loop.call_soon_threadsafe(events.put_nowait, event)

        def work() -> None:
            try:
                self._engine(engine).run(batch, self.device, emit)
            finally:
                loop.call_soon_threadsafe(events.put_nowait, None)

        ending = asyncio.ensure_future(self._on_thread(work))
        while (event := await events.get()) is not None:
            yield event
        await ending

    async def health(self) -> Health:
        return Health(ok=True)

    async def close(self) -> None:
        """Ends when the thread has come back from what it does."""
        await asyncio.to_thread(self._thread.shutdown, wait=True, cancel_futures=True)

    def _engine(self, entry: Any) -> LocalEngine:
        """This worker's instance for a table of models.toml; a changed table is another engine."""
        for known, engine in self._engines:
            if known == entry:
                return engine
        engine = self._build(entry)
        self._engines.append((entry, engine))
        return engine

    async def _on_thread(self, work: Callable[[], _T]) -> _T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except EngineError:
            raise
        except Exception as error:
            log.exception("the engine on %s raised what no engine should raise", self.device)
            raise EngineCrashed(f"The engine crashed ({type(error).__name__}); the log has the details.") from error
