"""A lane that sleeps while nobody needs it: woken and put to sleep as its operator has written."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from engines.contract import EngineError, EngineUnavailable, Health
from gateway.catalog import LaneTable
from gateway.errors import DarkroomError
from gateway.scheduling.estimates import WEIGHT
from gateway.workers.calls import Call, call
from gateway.workers.host import Host

log = logging.getLogger(__name__)
FIRST_GUESS = 20.0
"""Seconds to wake, before it was measured."""
LOOK_SECONDS = 0.25
"""Between two looks whether anybody waits still."""
ASK_SECONDS = (0.2, 2.0)
"""Between two questions to a lane that wakes, at first and at most."""
SLEEP_SECONDS = 120.0
"""At most, to be put to sleep."""
AGAIN_SECONDS = 60.0
"""Until a lane that could not be put to sleep is tried again."""


class Left(Exception):
    """Nobody waits for the lane any more."""


class Sleeper:
    """Of one lane. `secret` has the values of secrets by their names."""

    def __init__(self, lane: str, host: Host, table: LaneTable, secret: Callable[[str], str] | None) -> None:
        self.table = table
        self.asleep: bool | None = None
        """None: nobody knows, so that it is woken before its first job."""
        self.seconds: float | None = None
        """That waking took, as learned; None before the first time."""
        self._lane = lane
        self._host = host
        self._secret = secret
        self._not_before = 0.0

    @property
    def guess(self) -> float:
        """Seconds until it can work; nought for one that is awake."""
        if self.asleep is not True or self.table.wake is None:
            return 0.0
        return FIRST_GUESS if self.seconds is None else self.seconds

    def sleeps_at(self, idle_since: float) -> float | None:
        """When it is to be put to sleep, if nothing comes; None: never."""
        if self.table.sleep is None or self.asleep:
            return None
        return max(idle_since + self.table.idle_seconds, self._not_before)

    def heard(self, health: Health) -> bool:
        """Whether what a lane says of itself is told by its sleep: one that is woken by us and does not answer sleeps."""
        if health.ok or self.table.wake is None:
            return False
        self.asleep = True
        return True

    async def wake(self, is_wanted: Callable[[], bool]) -> None:
        """Until it is well. Raises EngineUnavailable where it is not in time, and Left as soon as nobody wants it."""
        if self.asleep is False or self.table.wake is None:
            self.asleep = False
            return
        slept, began = self.asleep, time.monotonic()
        log.info("%s is woken", self._lane)
        try:
            async with asyncio.timeout(self.table.wake_seconds):
                await _while(is_wanted, self._call(self.table.wake, 2 * self.table.wake_seconds))
                await self._is_well(is_wanted)
        except EngineError as error:
            raise EngineUnavailable(f"{self._lane} could not be woken: {error.message}", begun=False) from error
        except TimeoutError:
            told = f"{self._lane} was woken and is not well after {self.table.wake_seconds:.0f} s"
            raise EngineUnavailable(f"{told}.", begun=False) from None
        self.asleep = False
        if slept:
            self._learn(time.monotonic() - began)

    async def sleep(self) -> None:
        """Raises nothing: a lane that cannot be put to sleep stays awake, and is tried again after a while."""
        assert self.table.sleep is not None
        try:
            await self._call(self.table.sleep, SLEEP_SECONDS)
        except EngineError as error:
            log.warning("%s could not be put to sleep: %s", self._lane, error.message)
            self._not_before = time.time() + AGAIN_SECONDS
            return
        log.info("%s sleeps", self._lane)
        self.asleep = True

    async def _call(self, to: str | tuple[str, ...], seconds: float) -> None:
        try:
            key = self._secret(self.table.key) if self._secret and self.table.key and isinstance(to, str) else ""
        except DarkroomError as error:
            raise EngineUnavailable(f"The secret {self.table.key} is not set.", begun=False) from error
        await call(Call(to, key), seconds)

    async def _is_well(self, is_wanted: Callable[[], bool]) -> None:
        pause = ASK_SECONDS[0]
        while self._host.asks and not (await self._host.health()).ok:
            if not is_wanted():
                raise Left
            await asyncio.sleep(pause)
            pause = min(ASK_SECONDS[1], pause * 1.5)

    def _learn(self, seconds: float) -> None:
        self.seconds = seconds if self.seconds is None else self.seconds + WEIGHT * (seconds - self.seconds)


async def _while(is_wanted: Callable[[], bool], work: Awaitable[None]) -> None:
    """Until it is done. Raises Left when nobody wants it any more; it is stopped then."""
    task = asyncio.ensure_future(work)
    try:
        while not task.done():
            if not is_wanted():
                raise Left
            await asyncio.wait([task], timeout=LOOK_SECONDS)
        task.result()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
