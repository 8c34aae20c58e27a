"""Errors as Open WebUI tells them: `{"detail": "…"}`, and 400 for nearly all that cannot be, or came to nothing."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.openapi import ResponseSpec
from litestar.types import ExceptionHandlersMap
from msgspec import Struct

from gateway.api.blocking import GatewayEnding, NotDone
from gateway.api.problems import FieldError, refuse
from gateway.errors import DarkroomError, NotAccepting

_KEPT = frozenset({401, 402, 403, 404, 405, 413, 416, 429, 500, 503})
_HERE = {
    "source": "image",
    "references": "image",
    "capability": "model",
    "width": "size",
    "height": "size",
    "ratio": "size",
    "megapixels": "size",
}
"""The domain's word for a field -> the one that this surface has for it."""


class OpenWebUIError(Struct, frozen=True, kw_only=True):
    """What went wrong: `detail` says why and what helps. Open WebUI has that alone; the rest is for programs.

    Some errors carry more: `job_id` where a job goes on or has failed, `replacement` with `model_retired`.
    """

    detail: str
    code: str
    errors: tuple[FieldError, ...] = ()
    """Which fields to change."""
    request_id: str = ""


class Disabled(DarkroomError):
    """The configuration says so, to administrators too."""

    status = 403
    code = "disabled"


def responses(*statuses: int) -> dict[int, ResponseSpec]:
    """What a handler's documentation says of these statuses."""
    return {status: ResponseSpec(OpenWebUIError, description=_said(status)) for status in statuses}


def render(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """The answer for anything that was raised."""
    refusal, request_id = refuse(request, error)
    errors = tuple(FieldError(_HERE.get(each.field, each.field), each.message) for each in refusal.errors)
    code, extra = refusal.code, dict(refusal.extra)
    if isinstance(error, NotDone):
        code, extra["job_id"] = error.job.error_code or error.code, error.job.id
    body = OpenWebUIError(detail=refusal.detail, code=code, errors=errors, request_id=request_id)
    told = msgspec.json.encode({**extra, **msgspec.to_builtins(body)})
    status = _status(refusal.status, refusal.code, error)
    return Response(told, status_code=status, media_type="application/json", headers=refusal.headers)


def _status(status: int, code: str, error: Exception) -> int:
    """What was generated in vain, or by no engine, is 400 as well, as there; and no library asks, and pays, again by itself."""
    in_vain = isinstance(error, NotDone) and not isinstance(error, GatewayEnding)
    if in_vain or type(error) is NotAccepting:
        return 400
    if code == "idempotency_conflict":
        return 409
    return status if status in _KEPT else 400


def _said(status: int) -> str:
    # Not the framework's own phrase, which marks the guesses that the document leaves out.
    return "What was asked cannot be, or came to nothing" if status == 400 else HTTPStatus(status).phrase


HANDLERS: ExceptionHandlersMap = {HTTPException: render, Exception: render}
"""For the routers of this surface."""
