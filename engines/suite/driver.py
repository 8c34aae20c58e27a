"""Local and remote engines behind one async interface, driven as a gateway drives them."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any, TypeVar

from engines.contract import (
    Engine,
    EngineError,
    Event,
    Failed,
    Footprint,
    ImageReady,
    ImageRequest,
    LocalEngine,
    ModelCard,
    ModelSpec,
    Progress,
    RemoteEngine,
)

T = TypeVar("T")
_SECONDS_TO_END = 5.0
"""For the last calls of a test; no engine may hold up the run."""


class SuiteBatch:
    """A batch whose cancels, watchers and newcomers are in the test's hand; the driver that runs it names the model."""

    model: ModelSpec

    def __init__(
        self,
        requests: Sequence[ImageRequest],
        *,
        watched: Collection[str] = (),
        canceled: Collection[str] = (),
        saving: bool = False,
    ) -> None:
        self.requests = requests
        self.saving = saving
        self.joined: list[ImageRequest] = []
        self._mailbox: list[ImageRequest] = []
        self._watched = frozenset(watched)
        self._canceled = set(canceled)

    def newcomers(self) -> Sequence[ImageRequest]:
        drained, self._mailbox = self._mailbox, []
        self.joined += drained
        return drained

    def canceled(self, request_id: str) -> bool:
        return request_id in self._canceled

    def watched(self, request_id: str) -> bool:
        return request_id in self._watched

    def cancel(self, request_id: str) -> None:
        self._canceled.add(request_id)

    def join(self, request: ImageRequest) -> None:
        self._mailbox.append(request)


class Run:
    """What came of one batch, in the order in which it came."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.times: list[float] = []
        self.ended = 0.0

    def of(self, request: ImageRequest) -> list[Event]:
        return [event for event in self.events if getattr(event, "request", None) == request.id]

    def pictures(self, request: ImageRequest) -> list[ImageReady]:
        """By ordinal."""
        found = [event for event in self.of(request) if isinstance(event, ImageReady)]
        return sorted(found, key=lambda event: event.ordinal)

    def progress(self, request: ImageRequest) -> list[Progress]:
        return [event for event in self.of(request) if isinstance(event, Progress)]

    def failures(self, request: ImageRequest) -> list[EngineError]:
        return [event.error for event in self.of(request) if isinstance(event, Failed)]


class Driver:
    """Runs a local engine on a thread that is its device's own, and a remote one on the event loop.

    `watch` of `run` is called with each event where it happens, on the engine's side, so that a test can cancel between
    two steps. Loads the model when it is first needed; `close` unloads it.
    """

    def __init__(self, engine: Engine, model: ModelSpec, lane: str, *, seconds: float = 120.0) -> None:
        self.engine = engine
        self.model = model
        self.lane = lane
        self.seconds = seconds
        self.loaded = False
        self._thread = _DeviceThread(lane) if isinstance(engine, LocalEngine) else None

    async def card(self, model: ModelSpec | None = None) -> ModelCard:
        return await self._in_time(self.engine.card(model or self.model))

    async def load(self, model: ModelSpec | None = None) -> Footprint | None:
        """None for a remote engine, which loads nothing."""
        if self._thread is None or not isinstance(self.engine, LocalEngine):
            return None
        footprint = await self._in_time(self._thread.call(self.engine.load, model or self.model, self.lane))
        self.loaded = self.loaded or model is None
        return footprint

    async def unload(self) -> None:
        if self._thread is not None and isinstance(self.engine, LocalEngine):
            await self._in_time(self._thread.call(self.engine.unload, self.model, self.lane))
            self.loaded = False

    async def run(self, batch: SuiteBatch, watch: Callable[[Event], None] | None = None) -> Run:
        """Everything that the engine says of this batch. Raises the EngineError that it raises.

        Anything else that it raises is an AssertionError, and so is taking longer than `seconds`.
        """
        run = Run()
        batch.model = self.model

        def note(event: Event) -> None:
            run.events.append(event)
            run.times.append(time.monotonic())
            if watch is not None:
                watch(event)

        try:
            await self._in_time(self._run(batch, note))
        except (EngineError, AssertionError):
            raise
        except Exception as error:
            raise AssertionError(
                f"only an EngineError may leave an engine, not {error!r}: catch it and say who must act"
            ) from error
        finally:
            for request in [*batch.requests, *batch.joined]:
                batch.cancel(request.id)
        run.ended = time.monotonic()
        return run

    async def make(self, *requests: ImageRequest) -> Run:
        """One batch of these requests, nobody watching."""
        return await self.run(SuiteBatch(requests))

    def close(self) -> None:
        if self._thread is not None and isinstance(self.engine, LocalEngine):
            if self.loaded:
                self._thread.last(self.engine.unload, self.model, self.lane)
            self._thread.end()

    async def _run(self, batch: SuiteBatch, note: Callable[[Event], None]) -> None:
        if isinstance(self.engine, LocalEngine) and self._thread is not None:
            if not self.loaded:
                await self.load()
            await self._thread.call(self.engine.run, batch, self.lane, note)
        elif isinstance(self.engine, RemoteEngine):
            async for event in self.engine.generate(batch, self.lane):
                note(event)
        else:
            raise AssertionError("an engine is a LocalEngine or a RemoteEngine: derive it from one of the two")

    async def _in_time(self, work: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(self.seconds):
                return await work
        except TimeoutError:
            raise AssertionError(f"took longer than {self.seconds:.0f} s: mend it, or raise `limits.seconds`") from None


class _DeviceThread:
    """One daemon thread that makes every call, so that an engine that hangs fails its test and not the whole run."""

    def __init__(self, name: str) -> None:
        self._calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=f"suite-{name}", daemon=True)
        self._thread.start()

    async def call(self, function: Callable[..., T], *arguments: Any) -> T:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()

        def settle(result: T | None, error: BaseException | None) -> None:
            if answer.done():
                return
            if error is not None:
                answer.set_exception(error)
            else:
                answer.set_result(result)  # type: ignore[arg-type]

        def work() -> None:
            try:
                outcome = function(*arguments), None
            except Exception as error:
                outcome = None, error  # type: ignore[assignment]
            with contextlib.suppress(RuntimeError):  # the test gave up waiting, and its loop is closed
                loop.call_soon_threadsafe(settle, *outcome)

        self._calls.put(work)
        return await answer

    def last(self, function: Callable[..., Any], *arguments: Any) -> None:
        """The call, without waiting for it."""
        self._calls.put(lambda: function(*arguments))

    def end(self) -> None:
        """After the calls before; what one of them writes shall be done when the test's folder goes. A hanging one is left."""
        self._calls.put(None)
        self._thread.join(_SECONDS_TO_END)

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            call()
