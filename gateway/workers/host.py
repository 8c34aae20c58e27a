"""What the scheduler asks of a host, whether a thread, a process or another machine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Protocol

from engines.contract import Batch, Event, Footprint, Health, ImageRequest, ModelSpec


class Host(Protocol):
    """One lane's worker. Its calls come one at a time, but for `health`."""

    asks: bool
    """Whether it can be asked for its health."""

    async def load(self, engine: Any, model: ModelSpec) -> Footprint:
        """Bring a model onto the lane; `engine` is the engine's entry of the catalog. Raises an EngineError."""
        ...

    async def unload(self, engine: Any, model: ModelSpec) -> None: ...

    def run(self, engine: Any, batch: Batch) -> AsyncIterator[Event]:
        """The batch's events. Raises an EngineError for the whole of it, EngineCrashed for what no engine should raise."""
        ...

    async def health(self) -> Health:
        """How the lane says that it is. Raises nothing."""
        ...

    async def close(self) -> None: ...


class RunningBatch:
    """The contract's `Batch`, shared between the event loop, which writes, and the engine, which only reads."""

    def __init__(
        self, model: ModelSpec, requests: Sequence[ImageRequest], *, saving: bool, watched: Callable[[str], bool]
    ) -> None:
        self.model = model
        self.requests = requests
        self.saving = saving
        self._watched = watched
        self._canceled: set[str] = set()

    def newcomers(self) -> Sequence[ImageRequest]:
        return ()

    def canceled(self, request_id: str) -> bool:
        return request_id in self._canceled

    def watched(self, request_id: str) -> bool:
        return self._watched(request_id)

    def cancel(self, request_id: str) -> None:
        """The engine stops with this request at its next step."""
        self._canceled.add(request_id)

    def is_over(self) -> bool:
        """Nobody waits for any of it."""
        return all(request.id in self._canceled for request in self.requests)

    def cancel_all(self) -> None:
        self._canceled.update(request.id for request in self.requests)
