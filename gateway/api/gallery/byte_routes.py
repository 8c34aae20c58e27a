"""The routes of pictures' bytes, before the framework, which would take as long again as the answer."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from litestar.exceptions import MethodNotAllowedException
from litestar.types import ASGIApp, Receive, Send

from gateway.api import links
from gateway.api.gallery.content import REMEMBERED, Asked, Pictures
from gateway.api.problems import send_problem
from gateway.api.requests import BEGAN

_ROUTE = re.compile(r"/v1/images/([^/]+)/(content|thumbnail)(?:/([^/]+))?/?")
_ARCHIVE_ROUTE = re.compile(r"/v1/images/exports/([^/]+)/(archive)/([^/]+)/?")


class ByteRoutes:
    """Answers what is asked for bytes by `current()`, and hands everything else to the application."""

    def __init__(self, app: ASGIApp, current: Callable[[], Pictures]) -> None:
        self._app = app
        self._current = current

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        asked = _asked(scope) if scope["type"] == "http" else None
        if asked is None:
            await self._app(scope, receive, send)
            return
        try:
            if scope["method"] not in ("GET", "HEAD"):
                raise MethodNotAllowedException(headers={"Allow": "GET, HEAD"})
            if asked.name is None:
                await self._current().by_key(scope, asked, send)
            else:
                await self._current().signed(scope, asked, asked.name, send)
        except Exception as error:
            if BEGAN in scope:
                raise
            await send_problem(scope, send, error)


def _asked(scope: Any) -> Asked | None:
    path: str = scope["path"]
    if root := scope.get("root_path"):
        path = path.removeprefix(root)
    template, asked = _understood(path) if path.startswith("/v1/images/") else ("", None)
    if asked is not None:
        scope["path_template"] = template
    return asked


@lru_cache(REMEMBERED)
def _understood(path: str) -> tuple[str, Asked | None]:
    """The route's template, and what is asked for there."""
    match = _ROUTE.fullmatch(path) or _ARCHIVE_ROUTE.fullmatch(path)
    if match is None:
        return "", None
    image_id, kind, name = match.groups()
    whose = "exports/{job_id}" if kind == links.ARCHIVE else "{image_id}"
    return f"/v1/images/{whose}/{kind}" + ("/{name}" if name else ""), Asked(path, image_id, kind, name)
