"""Around every request: its id, one line in the log, one count in the metrics. Plain ASGI, outside of the framework."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from typing import Any, Protocol

from litestar.types import ASGIApp, Message, Receive, Send

from gateway.api.problems import REQUEST_ID
from gateway.db import new_id

log = logging.getLogger("gateway.access")
HEADER = b"x-request-id"
BEGAN = "darkroom_began"
"""In a scope once its answer has begun: an error can then be told no more."""
_SANE = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")
_SECRET = re.compile(r"(?i)(?:^|(?<=[?&]))(sig|key|token|access_token|api_key)=[^&]*")
_SHARE = re.compile(r"(/s/)[^/?]+")
"""A link's token opens a picture."""
_QUIET = ("/health/", "/metrics")
"""Asked every few seconds by machines; in the log at `debug` only."""


class Observer(Protocol):
    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """`route` is a template, `/v1/tasks/{task_id}`; `seconds` are those until the answer began."""


class Requests:
    """The outermost layer: wraps the framework's own application."""

    def __init__(self, app: ASGIApp, observer: Callable[[], Observer]) -> None:
        self._app = app
        self._observer = observer

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        _without_nul(scope)
        given = _given(scope["headers"])
        request_id = given or new_id().encode()
        scope[REQUEST_ID] = request_id.decode()
        began = time.perf_counter()
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                scope[BEGAN] = True
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (HEADER, request_id)]
                # A stream goes on for hours: what counts is how long its beginning took.
                route, took = scope.get("path_template", "other"), time.perf_counter() - began
                self._observer().observe(scope["method"], route, status, took)
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        finally:
            level = logging.DEBUG if scope["path"].startswith(_QUIET) else logging.INFO
            if log.isEnabledFor(level):
                took = (time.perf_counter() - began) * 1000
                log.log(level, "%s %s %d %.1f ms %s", scope["method"], _target(scope), status, took, request_id.decode())


def scrubbed(target: str) -> str:
    """A path with its query, for a log: signatures, keys and tokens taken out of it."""
    return _SHARE.sub(r"\1…", _SECRET.sub(r"\1=…", target))


def _without_nul(scope: Any) -> None:
    """Let an address hold no U+0000, which PostgreSQL refuses even to look for: it becomes U+FFFD, that nothing has."""
    scope["path"] = scope["path"].replace("\0", "\ufffd")
    scope["query_string"] = scope["query_string"].replace(b"%00", b"%EF%BF%BD")


def _given(headers: Any) -> bytes | None:
    """The id that the client, or a proxy before us, gave; None for none and for one that could spoil a log."""
    value = dict(headers).get(HEADER)
    return bytes(value) if value and _SANE.fullmatch(value) else None


def _target(scope: Any) -> str:
    # As it was sent, escapes included: what is decoded could hold a line's end.
    path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1").partition("?")[0]
    path = path if path.isprintable() else repr(path)
    query = scope["query_string"].decode("latin-1")
    return scrubbed(f"{path}?{query}" if query else path)
