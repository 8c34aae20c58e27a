"""Pages of other origins that may read answers: those of [settings.http] cors_origins (the Fetch standard's CORS protocol).

Plain ASGI around the routes, so that every answer tells it: errors, pictures' bytes, streams and what the MCP server says.

It is for keys alone. Credentials are never allowed, so a browser shows another origin nothing that it asked for with a
cookie; and our own pages with their sign-in are left out altogether.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, Literal

from litestar.config.cors import CORSConfig
from litestar.types import ASGIApp, Message, Method, Receive, Send

ALLOWED = "darkroom_origin_allowed"
"""In the scope of a request from such a page."""
EXPOSED = (
    "Allow",
    "Content-Disposition",
    "Content-Range",
    "ETag",
    "Location",
    "Mcp-Session-Id",
    "Retry-After",
    "WWW-Authenticate",
    "X-Darkroom-Ignored",
    "X-Darkroom-Task",
    "X-Request-Id",
    "X-Should-Retry",
)
"""What pages may read besides what every page may: our clients do."""
SECONDS_KEPT = 7200
"""How long a browser need not ask before it sends; Chromium's own bound."""
_METHODS: list[Literal["*"] | Method] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
_OUR_PAGES = re.compile(r"/(?:public|s/.*|v1/session|v1/first-start)?/?")
_ORIGIN, _METHOD, _HEADERS = b"origin", b"access-control-request-method", b"access-control-request-headers"
_Headers = list[tuple[bytes, bytes]]


class CrossOrigin:
    """`origins` are those of now, as browsers write them; or "*" alone."""

    def __init__(self, app: ASGIApp, origins: Callable[[], tuple[str, ...]]) -> None:
        self._app = app
        self._origins = origins

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        origins = self._origins()
        if not origins or scope["type"] != "http" or _OUR_PAGES.fullmatch(_path(scope)):
            await self._app(scope, receive, send)
            return
        rules, given = _rules(origins), dict(scope["headers"])
        origin = given.get(_ORIGIN, b"")
        allowed = bool(origin) and rules.is_origin_allowed(origin.decode("latin-1"))
        if allowed and scope["method"] == "OPTIONS" and _METHOD in given:
            headers = _told(rules.preflight_headers, rules, origin)
            if wanted := given.get(_HEADERS):
                # Clients bring headers of their own, the SDKs a dozen: none of them opens anything.
                headers.append((b"access-control-allow-headers", wanted))
            await send({"type": "http.response.start", "status": 204, "headers": headers})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            return
        if allowed:
            scope[ALLOWED] = True

        async def send_told(message: Message) -> None:
            if message["type"] == "http.response.start":
                told = _told(rules.simple_headers, rules, origin if allowed else None)
                message["headers"] = [*message.get("headers", ()), *told]
            await send(message)

        await self._app(scope, receive, send_told)


def _told(headers: dict[str, str], rules: CORSConfig, origin: bytes | None) -> _Headers:
    """`origin` is the one that is allowed. Whoever keeps the answer learns that it may be another for another origin."""
    if rules.is_allow_all_origins:
        return _raw(headers.items())
    told = _raw((name, value) for name, value in headers.items() if origin and name != "Vary")
    return [*told, *([(b"access-control-allow-origin", origin)] if origin else []), (b"vary", b"Origin")]


def _raw(headers: Iterable[tuple[str, str]]) -> _Headers:
    return [(name.lower().encode(), value.encode()) for name, value in headers]


def _path(scope: Any) -> str:
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path") or "")


@lru_cache(maxsize=4)
def _rules(origins: tuple[str, ...]) -> CORSConfig:
    return CORSConfig(
        allow_origins=list(origins),
        allow_methods=_METHODS,
        allow_credentials=False,
        expose_headers=list(EXPOSED),
        max_age=SECONDS_KEPT,
    )
