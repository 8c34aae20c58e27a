"""Errors of requests that reach no router: each in the shape of the surface that its path belongs to."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.types import ExceptionHandlersMap

from gateway.api import problems
from gateway.api.a1111 import errors as a1111
from gateway.api.mcp import errors as mcp
from gateway.api.openai import errors as openai
from gateway.api.openwebui import errors as openwebui
from gateway.api.studio import errors as studio

_RENDER = {
    "/v0/": studio.render,
    "/api/": openwebui.render,
    "/openai/": openai.render,
    "/sdapi/": a1111.render,
    "/internal/": a1111.render,
    "/mcp": mcp.render,
}
"""By how paths begin; all others are told as problems."""


def render(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """The answer for anything that was raised."""
    path = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
    own = next((render for prefix, render in _RENDER.items() if path.startswith(prefix)), problems.render)
    return own(request, error)


HANDLERS: ExceptionHandlersMap = {HTTPException: render, Exception: render}
"""For `Litestar(exception_handlers=…)`."""
