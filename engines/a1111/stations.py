"""One lane: a server, what is known of it, and what it may still be working on for us."""

from __future__ import annotations

import asyncio
import time

from msgspec.structs import replace

from engines.a1111.options import Options, lane_of
from engines.a1111.probing import API, PROBE_SECONDS, Checkpoint, Facts, checkpoints, probe
from engines.a1111.watching import SETTLE_SECONDS, Watch
from engines.contract import EngineError, EngineUnavailable, Health
from engines.http import Limits, Server

FRESH_SECONDS = 10.0
"""So long what was asked holds for cards: many are asked for at once."""
KNOWN_SECONDS = 120.0
"""So long it holds for pictures; names that it lacks are looked up again."""


class Station:
    """`login` is `user:password`, or empty."""

    def __init__(self, address: str, options: Options, login: str) -> None:
        self.name = lane_of(address)
        self.login = login
        user, _, password = login.partition(":")
        self.server = Server(
            f"The server {self.name}",
            address.rstrip("/"),
            # A picture is waited for without a word from the server.
            limits=Limits(read_seconds=options.seconds),
            auth=(user, password) if login else None,
            secrets=tuple(part for part in (login, password) if part),
            ca_file=options.ca_file,
        )
        self._options = options
        self._facts: Facts | None = None
        self._asked_at = 0.0
        self._asking = asyncio.Lock()
        self._left: str | None = None

    async def facts(self, *, age: float = KNOWN_SECONDS) -> Facts:
        """No older than that, in seconds. Raises ModelUnusable or EngineUnavailable."""
        async with self._asking:
            if self._facts is None or time.monotonic() - self._asked_at > age:
                self._facts = await probe(self.server)
                self._asked_at = time.monotonic()
            return self._facts

    async def look_again(self) -> Facts:
        """After the server has read its folders anew, for a checkpoint that it did not list."""
        facts = await self.facts(age=FRESH_SECONDS)
        async with self._asking:
            rows = await checkpoints(self.server)
            self._facts = facts = replace(facts, checkpoints=rows)
        return facts

    def loaded(self, checkpoint: Checkpoint) -> None:
        """The server has it in memory now."""
        if self._facts is not None and self._facts.loaded != checkpoint.title:
            self._facts = replace(self._facts, loaded=checkpoint.title)

    def watch(self, task: str) -> Watch:
        facts = self._facts
        assert facts is not None, "facts come before pictures"
        return Watch(self.server, facts, task, exclusive=self._options.exclusive)

    def leave(self, task: str) -> None:
        """The server may go on with a call that is not waited for any more."""
        self._left = task

    def doubt(self) -> None:
        """What is known of it is asked again: it may be another one when it is back."""
        self._asked_at = -KNOWN_SECONDS

    async def settle(self) -> None:
        """Wait until what was left is over, where that can be told; it is stopped where it is known to be ours.

        Else the server's own queue lets the next call wait. Raises EngineUnavailable.
        """
        if self._left is None:
            return
        watch = self.watch(self._left)
        until = time.monotonic() + SETTLE_SECONDS
        while await watch.stop_if_it_runs():
            if time.monotonic() > until:
                raise EngineUnavailable(f"{self.server.name} still works on a picture that was given up.", begun=False)
            await asyncio.sleep(self._options.poll_seconds)
        self._left = None

    async def health(self) -> Health:
        try:
            facts = await self.facts()
            await self.server.checked("GET", f"{API}/sd-models", seconds=PROBE_SECONDS)
        except EngineError as error:
            return Health(ok=False, reason=error.message)
        lacks = facts.lacks()
        return Health(
            ok=True,
            reason=f"It lacks {', '.join(lacks)}." if lacks else "",
            free_memory=await Watch(self.server, facts, "", exclusive=False).free_memory(),
        )

    async def aclose(self) -> None:
        await self.server.aclose()
