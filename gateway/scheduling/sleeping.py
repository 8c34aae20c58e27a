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
AGAIN_SECONDS, RARELY_SECONDS = 60.0, 3600.0
"""Until a lane that could not be put to sleep is tried again, the first time and at most."""
COULD_NOT = "What this runs on sleeps, and could not be woken; an administrator sees why."
"""Told to who waits. A command's name and words, and where lanes are, is for operators."""


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
        self.trouble = ""
        """Why it could not be woken, or not put to sleep, the last time that this was tried: for operators."""
        self._owed = False
        """It was seen awake, or woken in part, and was not put to sleep since: what does not answer may cost all the same."""
        self._lane = lane
        self._host = host
        self._secret = secret
        self._not_before = 0.0
        self._pause = AGAIN_SECONDS

    @property
    def guess(self) -> float:
        """Seconds until it can work; nought for one that is awake."""
        if self.asleep is not True or self.table.wake is None:
            return 0.0
        return FIRST_GUESS if self.seconds is None else self.seconds

    def sleeps_at(self, idle_since: float) -> float | None:
        """When it is to be put to sleep, if nothing comes; None: never."""
        if self.table.sleep is None or (self.asleep and not self._owed):
            return None
        return max(idle_since + self.table.idle_seconds, self._not_before)

    def heard(self, health: Health) -> bool:
        """Whether what a lane says of itself is told by its sleep: one that is woken by us and does not answer sleeps."""
        self._owed |= health.ok or self.asleep is False
        if health.ok or self.table.wake is None:
            return False
        self.asleep = True
        return True

    async def wake(self, is_wanted: Callable[[], bool]) -> None:
        """Until it is well. Raises EngineUnavailable where it is not in time, and Left as soon as nobody wants it."""
        table = self.table
        if self.asleep is False or table.wake is None:
            self.asleep = False
            return
        slept, began, self._owed = self.asleep, time.monotonic(), True
        log.info("%s is woken", self._lane)
        try:
            async with asyncio.timeout(table.wake_seconds):
                await _while(is_wanted, self._call(table.wake, 2 * table.wake_seconds))
                await _while(is_wanted, self._is_well())
        except EngineError as error:
            raise self._in_vain(error.message) from error
        except TimeoutError:
            raise self._in_vain(f"it was woken and is not well after {table.wake_seconds:.0f} s") from None
        self.asleep, self.trouble = False, ""
        if slept:
            self._learn(time.monotonic() - began)

    async def sleep(self) -> None:
        """Raises nothing: a lane that cannot be put to sleep stays awake, and is tried again after a while."""
        if self.table.sleep is None:
            return  # its operator has thought better of it
        try:
            await self._call(self.table.sleep, SLEEP_SECONDS)
        except EngineError as error:
            self.trouble = f"It could not be put to sleep: {error.message}"
            log.warning("%s could not be put to sleep: %s", self._lane, error.message)
            self._not_before, self._pause = time.time() + self._pause, min(RARELY_SECONDS, 2 * self._pause)
            return
        log.info("%s sleeps", self._lane)
        self.asleep, self._owed, self.trouble, self._pause = True, False, "", AGAIN_SECONDS

    def _in_vain(self, why: str) -> EngineUnavailable:
        self.trouble = f"It could not be woken: {why}"
        log.warning("%s could not be woken: %s", self._lane, why)
        return EngineUnavailable(COULD_NOT, begun=False)

    async def _call(self, to: str | tuple[str, ...], seconds: float) -> None:
        try:
            key = self._secret(self.table.key) if self._secret and self.table.key and isinstance(to, str) else ""
        except DarkroomError as error:
            raise EngineUnavailable(f"The secret {self.table.key} is not set.", begun=False) from error
        await call(Call(to, key), seconds)

    async def _is_well(self) -> None:
        pause = ASK_SECONDS[0]
        while self._host.asks and not (await self._host.health()).ok:
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
