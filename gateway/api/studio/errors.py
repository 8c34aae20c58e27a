"""Errors as this surface tells them: `{"error": "...", ...}`."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.openapi import ResponseSpec
from litestar.types import ExceptionHandlersMap
from msgspec import Struct

from gateway.api.blocking import CALLERS, told
from gateway.api.problems import FieldError, refuse
from gateway.errors import DarkroomError
from gateway.jobs.records import Job

_HERE = {
    "n": "sampleCount",
    "negative_prompt": "negativePrompt",
    "size": "resolution",
    "model": "modelVersion",
    "capability": "modelVersion",
    "references": "refImageUrls",
    "source": "refImageUrls",
}
"""The domain's word for a field -> the one that this surface has for it."""


class StudioError(Struct, frozen=True, kw_only=True, rename="camel"):
    """What went wrong. Some errors carry more: `jobId` and `hint` where a job goes on or has failed."""

    error: str
    code: str
    errors: tuple[FieldError, ...] = ()
    request_id: str = ""


class GenerationTimedOut(DarkroomError):
    """The job still runs."""

    status = 504
    code = "timed_out"

    def __init__(self, job_id: str, seconds: int) -> None:
        hint = f"GET /v0/images/generations/{job_id} to check status"
        super().__init__(f"Generation timed out after {seconds}s", jobId=job_id, hint=hint)


class GenerationFailed(DarkroomError):
    """The job ended without a picture."""

    status = 502
    code = "generation_failed"


class GenerationRefused(GenerationFailed):
    """For what was asked: another request may do."""

    status = 422


class GenerationCanceled(GenerationFailed):
    status = 409


def failure(job: Job) -> GenerationFailed:
    """The error of a job that ended without a picture."""
    kind = (
        GenerationCanceled if job.state == "canceled" else GenerationRefused if job.error_code in CALLERS else GenerationFailed
    )
    error = kind(told(job), jobId=job.id, status="failed")
    if job.error_code:
        error.extra["reason"] = job.error_code
    return error


def responses(*statuses: int) -> dict[int, ResponseSpec]:
    """What a handler's documentation says of these statuses."""
    return {status: ResponseSpec(StudioError, description=HTTPStatus(status).phrase) for status in statuses}


def render(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """The answer for anything that was raised."""
    refusal, request_id = refuse(request, error)
    errors = tuple(FieldError(_HERE.get(each.field, each.field), each.message) for each in refusal.errors)
    body = StudioError(error=refusal.detail, code=refusal.code, errors=errors, request_id=request_id)
    told = msgspec.json.encode({**msgspec.to_builtins(body), **refusal.extra})
    return Response(told, status_code=refusal.status, media_type="application/json", headers=refusal.headers)


HANDLERS: ExceptionHandlersMap = {HTTPException: render, Exception: render}
"""For the router of this surface."""
