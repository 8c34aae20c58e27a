"""Where a request comes from: of a proxy that the operator named, what it says; of everyone else, their own address.

Plain ASGI, the outermost layer. Nobody is believed for being on this machine: whoever else works there could say anything.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from litestar.types import ASGIApp, Receive, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

MAPPED = "::ffff:"
"""How a socket that listens on both kinds of addresses writes an IPv4 one."""


class Forwarded:
    """`proxies` are the networks that are trusted now; reading the headers is uvicorn's own work."""

    def __init__(self, app: ASGIApp, proxies: Callable[[], tuple[str, ...]]) -> None:
        self._app = app
        self._proxies = proxies
        self._trusted: tuple[str, ...] = ()
        self._reading: Any = None

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        client = scope.get("client")
        if client and client[0].startswith(MAPPED) and "." in client[0]:
            scope["client"] = (client[0].removeprefix(MAPPED), client[1])
        trusted = self._proxies()
        if trusted != self._trusted:
            self._trusted = trusted
            self._reading = ProxyHeadersMiddleware(cast("Any", self._app), list(trusted))
        await (self._reading if trusted else self._app)(scope, receive, send)
