"""Errors as this family tells them: A1111's own envelope, and FastAPI's `detail` list for what is wrong with a field."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.openapi import ResponseSpec
from litestar.types import ExceptionHandlersMap
from msgspec import Struct

from gateway.api.blocking import NotDone
from gateway.api.problems import FieldError, refuse
from gateway.errors import InvalidInput, NotFound

NAMES = {
    "guidance_scale": "cfg_scale",
    "hires": "enable_hr",
    "loras": "prompt",
    "n": "batch_size",
    "presetId": "styles",
    "promptTemplate": "styles",
    "references": "init_images",
    "sampler": "sampler_name",
    "size": "width",
    "source": "init_images",
    "strength": "denoising_strength",
    "variables": "styles",
}
"""The domain's word for a field -> this surface's. What names the model is known where the call is read."""
_HEADERS = frozenset({"Idempotency-Key", "X-Darkroom-Priority"})
_CHALLENGE = 'Basic realm="Darkroom", charset="UTF-8"'
"""RFC 7617; a bearer key is taken as well."""
_BASIC = "Or give it as the password of a login (HTTP Basic), with any name."


class SamplerNotFound(InvalidInput):
    """What A1111 answers with 404, and says in the same words."""

    status = 404
    code = "sampler_not_found"


class Fault(Struct, frozen=True):
    """What is wrong with a field, as FastAPI tells it."""

    loc: tuple[str | int, ...]
    """`body`, `query` or `header`, then the way to the field."""
    msg: str
    type: str


class A1111Error(Struct, frozen=True, kw_only=True):
    """What went wrong: `detail` is text, or with 422 one fault for each field."""

    detail: str | tuple[Fault, ...]
    error: str
    """The kind of exception, as A1111 calls it."""
    body: str = ""
    errors: str = ""
    """What `detail` says where that is a list."""
    code: str
    """For programs. Some errors carry more: `replacement` with model_retired, `job_id` where a job goes on or has failed."""
    request_id: str = ""


def responses(*statuses: int) -> dict[int, ResponseSpec]:
    """What a handler's documentation says of these statuses."""
    return {status: ResponseSpec(A1111Error, description=HTTPStatus(status).phrase) for status in statuses}


def render(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """The answer for anything that was raised."""
    refusal, request_id = refuse(request, error)
    status, extra, headers = refusal.status, dict(refusal.extra), dict(refusal.headers)
    if isinstance(error, NotDone):
        extra["job_id"] = error.job.id
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = _CHALLENGE
    detail = f"{refusal.detail} {_BASIC}" if refusal.code == "not_authenticated" else refusal.detail
    faults = tuple(_fault(request, each, refusal.code) for each in refusal.errors)
    if refusal.code == "malformed_json":
        status, faults = 422, (Fault(("body",), refusal.detail, "json_invalid"),)
    as_list = status == HTTPStatus.UNPROCESSABLE_ENTITY and faults
    body = A1111Error(
        detail=faults if as_list else detail,
        error="RequestValidationError" if as_list else "HTTPException",
        errors=refusal.detail if as_list else "",
        code=refusal.code,
        request_id=request_id,
    )
    told = msgspec.json.encode({**extra, **msgspec.to_builtins(body)})
    return Response(told, status_code=status, media_type="application/json", headers=headers)


def _fault(request: Request[Any, Any, Any], each: FieldError, code: str) -> Fault:
    name = NAMES.get(each.field, each.field)
    place = "header" if name in _HEADERS else "query" if request.method == "GET" else "body"
    parts = [part for part in re.split(r"[.\[\]]", name) if part]
    path = tuple(int(part) if part.isascii() and part.isdigit() and len(part) < 10 else part for part in parts)
    return Fault((place, *(path if name != "body" else ())), each.message, code if code != "invalid_request" else "value_error")


@contextmanager
def in_our_words(names: Mapping[str, str]) -> Iterator[None]:
    """What is refused, by the names that the fields have in this call."""
    try:
        yield
    except (InvalidInput, NotFound) as error:
        error.field = names.get(error.field, error.field)
        raise


@contextmanager
def within(field: str) -> Iterator[None]:
    """What is refused of a part of a field."""
    try:
        yield
    except InvalidInput as error:
        error.field = f"{field}.{error.field}"
        raise


HANDLERS: ExceptionHandlersMap = {HTTPException: render, Exception: render}
"""For the router of this surface."""
