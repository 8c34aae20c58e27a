"""What is refused before a message is looked at, in JSON-RPC's shape and with HTTP's status; tools tell their own faults."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.openapi import ResponseSpec
from litestar.types import ExceptionHandlersMap
from msgspec import Struct

from gateway.api.problems import FieldError, refuse
from gateway.errors import DarkroomError

INVALID_REQUEST, INTERNAL_ERROR = -32600, -32603
"""JSON-RPC 2.0, section 5.1."""


class RpcFault(Struct, frozen=True):
    """What stands beside a code of JSON-RPC's: the gateway's own, and the request's id that its log has too."""

    code: str
    request_id: str
    errors: tuple[FieldError, ...] = ()


class RpcErrorDetail(Struct, frozen=True):
    code: int
    message: str
    data: Any = None


class RpcError(Struct, frozen=True, kw_only=True):
    """A message that says what went wrong."""

    jsonrpc: str = "2.0"
    id: int | str | None = None
    error: RpcErrorDetail


class TooLargeForHere(DarkroomError):
    status = 413
    code = "body_too_large"


class NotJson(DarkroomError):
    status = 415
    code = "unsupported_media_type"


class NotAMessage(DarkroomError):
    status = 400
    code = "invalid_request"


class NotAcceptable(DarkroomError):
    """The client does not take what answers are made of."""

    status = 406
    code = "not_acceptable"


def responses(*statuses: int) -> dict[int, ResponseSpec]:
    """What a handler's documentation says of these statuses."""
    return {status: ResponseSpec(RpcError, description=HTTPStatus(status).phrase) for status in statuses}


def render(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """The answer for anything that was raised."""
    refusal, request_id = refuse(request, error)
    code = INTERNAL_ERROR if refusal.status >= 500 else INVALID_REQUEST
    told = RpcError(error=RpcErrorDetail(code, refusal.detail, RpcFault(refusal.code, request_id, refusal.errors)))
    body = msgspec.json.encode(told)
    return Response(body, status_code=refusal.status, media_type="application/json", headers=refusal.headers)


HANDLERS: ExceptionHandlersMap = {HTTPException: render, Exception: render}
"""For the router of this surface."""
