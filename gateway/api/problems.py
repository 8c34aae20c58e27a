"""Errors as RFC 9457 says (application/problem+json): one mapping for every surface that speaks it."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.di import Provide
from litestar.exceptions import HTTPException, ValidationException
from litestar.handlers import BaseRouteHandler
from litestar.openapi import ResponseSpec
from litestar.types import ExceptionHandlersMap, Send
from msgspec import Struct

from engines.contract import EngineError, InvalidRequest
from gateway.api.validation import explain
from gateway.errors import ConfigurationError, DarkroomError

log = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"
REQUEST_ID = "darkroom.request_id"
"""Where `requests` puts the request's id into the ASGI scope."""


class FieldError(Struct, frozen=True):
    """`field` as a path into the body (`loras[0].name`), or the name of the parameter."""

    field: str
    message: str


class Problem(Struct, frozen=True, kw_only=True):
    """What went wrong: `detail` says why and what helps, `code` is for programs, `errors` names the fields to change.

    Some problems carry more members (`replacement` with `model_retired`).
    """

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: tuple[FieldError, ...] = ()
    request_id: str = ""


class Refusal(Struct, frozen=True):
    """A problem before it has a request."""

    status: int
    code: str
    detail: str
    errors: tuple[FieldError, ...] = ()
    headers: dict[str, str] = {}
    extra: dict[str, Any] = {}


_BY_STATUS = {
    400: ("bad_request", "The request cannot be read."),
    404: ("not_found", "There is nothing here; /schema lists what there is."),
    405: ("method_not_allowed", "This path has other methods; the Allow header names them."),
    413: ("body_too_large", "The body is larger than [settings.limits] max_body_bytes in models.toml allows."),
    415: ("unsupported_media_type", "Send this as application/json."),
}
_INTERNAL = Refusal(
    500, "internal_error", "Something went wrong on our side. The request's id finds the reason in the gateway's log."
)
# It speaks of the operator's files and paths, so only the log may tell it whole.
_CONFIGURATION = Refusal(503, "configuration", "The gateway's configuration must be mended; its log says where.")
_TITLES = {"csrf": "CSRF", "malformed_json": "Malformed JSON"}
"""Where the code itself reads badly."""
_EMPTY = Refusal(400, "malformed_json", "The body is empty; send JSON.")


def responses(*statuses: int) -> dict[int, ResponseSpec]:
    """What a handler's documentation says of these statuses."""
    return {status: ResponseSpec(Problem, description=HTTPStatus(status).phrase, media_type=MEDIA_TYPE) for status in statuses}


def render(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """The answer for anything that was raised; what is our fault is logged with its traceback and told without."""
    refusal, request_id = refuse(request, error)
    body = _body(refusal, request_id)
    return Response(body, status_code=refusal.status, media_type=MEDIA_TYPE, headers=refusal.headers)


def refuse(request: Request[Any, Any, Any], error: Exception) -> tuple[Refusal, str]:
    """How an error is told, and the request's id, for a surface that has its own shape; the log is told too."""
    refusal = _of_parameters(request, error) if isinstance(error, ValidationException) else refused(error)
    request_id = str(request.scope.get(REQUEST_ID, ""))
    _note(refusal, error, request_id)
    return refusal, request_id


async def send_problem(scope: Any, send: Send, error: Exception) -> None:
    """The same for what is answered outside of the framework."""
    refusal, request_id = refused(error), str(scope.get(REQUEST_ID, ""))
    _note(refusal, error, request_id)
    body = _body(refusal, request_id)
    headers = {"content-type": MEDIA_TYPE, "content-length": str(len(body)), **refusal.headers}
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": refusal.status, "headers": raw})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def refused(error: Exception) -> Refusal:
    """How an error is told to the one who asked."""
    if isinstance(error, ConfigurationError):
        return _CONFIGURATION
    if isinstance(error, DarkroomError):
        errors = (FieldError(error.field, error.message),) if error.field else ()
        return Refusal(error.status, error.code, error.message, errors, error.headers, error.extra)
    if isinstance(error, InvalidRequest):
        errors = (FieldError(error.field, error.message),) if error.field else ()
        return Refusal(422, error.code, error.message, errors)
    if isinstance(error, EngineError):
        return Refusal(503, error.code, error.message)
    if not isinstance(error, HTTPException) or error.status_code >= 500:
        return _INTERNAL
    code, detail = _BY_STATUS.get(error.status_code, ("http_error", HTTPStatus(error.status_code).phrase))
    return Refusal(error.status_code, code, detail, headers=dict(error.headers or {}))


def _of_parameters(request: Request[Any, Any, Any], error: ValidationException) -> Refusal:
    """Litestar's words about parameters of the path, the query or the headers, in ours."""
    faults = [fault for fault in error.extra or () if isinstance(fault, dict)]
    if any(fault.get("source") == "body" for fault in faults):
        # `JsonRequest` speaks of every other fault of a body; one that is missing never comes so far.
        return _EMPTY
    errors = tuple(_parameter(request, fault) for fault in faults)
    return Refusal(422, "invalid_request", " ".join(each.message for each in errors) or error.detail, errors)


def _parameter(request: Request[Any, Any, Any], fault: dict[str, Any]) -> FieldError:
    handler, key = request.route_handler, str(fault.get("key", ""))
    # Filters that several lists share are parameters of a dependency.
    askers: list[BaseRouteHandler | Provide] = [handler, *handler.resolve_dependencies().values()]
    asker = next((each for each in askers if key in each.parsed_fn_signature.parameters), handler)
    field, message = explain(str(fault.get("message", "")), key, asker.signature_model)
    parameter = asker.parsed_fn_signature.parameters.get(key)
    sent_as = getattr(parameter.kwarg_definition, "name", None) if parameter else None
    return FieldError(sent_as or field, message.replace(field, sent_as, 1) if sent_as else message)


def _note(refusal: Refusal, error: Exception, request_id: str) -> None:
    if isinstance(error, ConfigurationError):
        log.error("request %s: %s", request_id, error.message)
    elif refusal.status >= 500 and not isinstance(error, (DarkroomError, EngineError)):
        log.error("request %s failed", request_id, exc_info=error)


def _body(refusal: Refusal, request_id: str) -> bytes:
    problem = Problem(
        type=f"urn:darkroom:problem:{refusal.code}",
        title=_TITLES.get(refusal.code) or refusal.code.replace("_", " ").capitalize(),
        status=refusal.status,
        detail=refusal.detail,
        code=refusal.code,
        errors=refusal.errors,
        request_id=request_id,
    )
    return msgspec.json.encode({**refusal.extra, **msgspec.structs.asdict(problem)} if refusal.extra else problem)


HANDLERS: ExceptionHandlersMap = {HTTPException: render, Exception: render}
"""For `Litestar(exception_handlers=…)`."""
