"""The gateway of one `generate`: the one that is meant, or a private one for as long as the command lasts."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from gateway.cli.errors import GatewayGone
from gateway.cli.gateway import Gateway, answers
from gateway.cli.output import note
from gateway.cli.reach import Reach, find, wiring_of

SECONDS_TO_COME_BACK = 30.0
"""How long a gateway that was there may be gone: a restart takes seconds."""
STARTS_ALLOWED = 3
"""A gateway that dies again and again under one job will not make it."""


class Session:
    """`gateway` may change on the way: jobs outlive a gateway, so a new one on the same data goes on with ours."""

    def __init__(self, reach: Reach, stack: contextlib.ExitStack) -> None:
        self.reach = reach
        self.is_private = False
        self._starts = 0
        self._stack = stack
        self.gateway = find(reach) or self._start()

    def again(self) -> None:
        """The gateway does not answer: wait until it does, or go on with another. Raises GatewayGone."""
        deadline = time.monotonic() + SECONDS_TO_COME_BACK
        while self.reach.server and time.monotonic() < deadline:
            if answers(self.gateway.url):
                return
            time.sleep(1)
        if self.reach.server:
            raise GatewayGone(f"The gateway at {self.gateway.url} no longer answers; when it is back, it goes on with the job.")
        self.gateway.close()
        self.gateway = find(self.reach) or self._start()

    def _start(self) -> Gateway:
        from gateway.cli import private

        self._starts += 1
        if self._starts > STARTS_ALLOWED:
            raise GatewayGone("The gateway ended again and again while it worked on this; `darkroom doctor` may know why.")
        note("No gateway runs here: starting one for this picture. (`darkroom serve`, left running, saves that time.)")
        own = self._stack.enter_context(private.started(wiring_of(self.reach)))
        server = own.wait()
        self.is_private = server.pid == own.process.pid
        if key := own.first_key():
            note(f"This was the first start. The administrator's key, shown this once: {key}")
        return Gateway(server.url, self.reach.key or server.key)


@contextlib.contextmanager
def opened(reach: Reach) -> Iterator[Session]:
    with contextlib.ExitStack() as stack:
        session = Session(reach, stack)
        try:
            yield session
        finally:
            session.gateway.close()
