"""Errors as OpenAI's API tells them: `{"error": {message, type, param, code}}`, with the statuses that its clients expect.

OpenAI's own clients try 408, 409, 429 and 5xx again by themselves, twice, unless an answer says `x-should-retry: false`.
Ours says so wherever work was accepted already: another try would be another job, and paid for again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import aclosing, contextmanager
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.openapi import ResponseSpec
from litestar.types import ExceptionHandlersMap
from msgspec import Struct

from gateway.api import blocking
from gateway.api.blocking import JobCanceled, NotDone
from gateway.api.problems import Refusal, refuse, refused
from gateway.api.streams import Frames
from gateway.errors import DarkroomError

log = logging.getLogger(__name__)
NO_RETRY = {"x-should-retry": "false"}
IMAGES = {
    "source": "image",
    "references": "image",
    "capability": "model",
    "megapixels": "size",
    "ratio": "size",
    "width": "size",
    "height": "size",
    "steps": "num_inference_steps",
    "Idempotency-Key": "Idempotency-Key",
}
"""The domain's word for a field -> the one that the image routes have for it."""
_INVALID, _SERVER = "invalid_request_error", "server_error"
_UNPROCESSABLE = 422
"""Is 400 there, but for keys that came with another request."""


class _Told(Struct, frozen=True):
    """How one code of ours is told there."""

    status: int
    type: str
    code: str | None = None
    """None: ours."""
    retry: bool = True
    """False: the same request would only meet the same answer."""


_TOLD = {
    "unknown_model": _Told(404, _INVALID, "model_not_found"),
    "model_retired": _Told(404, _INVALID),
    "not_found": _Told(404, _INVALID),
    "not_authenticated": _Told(401, _INVALID, "invalid_api_key"),
    "forbidden": _Told(403, _INVALID, "insufficient_permissions"),
    "csrf": _Told(403, _INVALID),
    "insufficient_credits": _Told(402, "insufficient_quota", "insufficient_quota", retry=False),
    "idempotency_conflict": _Told(422, "idempotency_error", retry=False),
    "too_many_requests": _Told(429, "requests", "rate_limit_exceeded"),
    "too_many_jobs": _Told(429, "requests", "rate_limit_exceeded"),
    "content_rejected": _Told(400, "image_generation_user_error", "moderation_blocked", retry=False),
    "invalid_request": _Told(400, _INVALID, "invalid_value"),
}
_ENDED = {"engine_unavailable": 503, "rate_limited": 503}
"""What the code of a job that failed says of its status, where that is not 502."""
_WORDS = {"not_authenticated": "Incorrect API key provided. "}
"""How the messages of some codes begin: LiteLLM tells them apart by OpenAI's own words."""
_UNKNOWN = "unknown_parameter"
_FAULTS = {
    "Object contains unknown field": _UNKNOWN,
    "Object missing required field": "missing_required_parameter",
}
"""How msgspec begins to tell a fault of a body -> OpenAI's code for it."""


class AnswerLost(DarkroomError):
    """The job was accepted, and what became of it cannot be shown; asked for again it would be another job."""

    status = 500
    code = "answer_lost"

    def __init__(self, job_id: str) -> None:
        told = f"What came of task {job_id} cannot be shown just now; GET /v1/tasks/{job_id} shows it later."
        super().__init__(told, headers=NO_RETRY, job_id=job_id)


class PicturesDeleted(blocking.PicturesDeleted):
    def __init__(self, job_id: str) -> None:
        super().__init__(job_id, NO_RETRY)


@contextmanager
def once_accepted(job_id: str) -> Iterator[None]:
    """Around what is done for an answer: whatever goes wrong there is AnswerLost, for the job is not. The log has the rest."""
    try:
        yield
    except (NotDone, AnswerLost):
        raise
    except Exception as error:
        log.exception("the answer of task %s was lost", job_id)
        raise AnswerLost(job_id) from error


async def told_within(frames: Frames, data: Callable[[dict[str, Any]], bytes]) -> Frames:
    """The same, and where they break off an error as their last; `data` makes a frame of it."""
    try:
        async with aclosing(frames):
            async for each in frames:
                yield each
    except Exception as error:
        if not isinstance(error, DarkroomError):
            log.exception("a stream broke off")
        yield data(in_stream(error))


class OpenAIErrorDetail(Struct, frozen=True, kw_only=True):
    """What went wrong. `replacement` stands beside `model_retired`, `job_id` where a job goes on or has failed."""

    message: str
    type: str
    param: str | None
    """The field to change, where there is one."""
    code: str | None
    """For programs."""


class OpenAIError(Struct, frozen=True):
    error: OpenAIErrorDetail


class Answer(Struct, frozen=True):
    """An error, ready to be sent."""

    status: int
    headers: dict[str, str]
    body: dict[str, Any]
    """`{"error": …}`"""


def responses(*statuses: int) -> dict[int, ResponseSpec]:
    """What a handler's documentation says of these statuses."""
    return {status: ResponseSpec(OpenAIError, description=HTTPStatus(status).phrase) for status in statuses}


def answer(refusal: Refusal, error: Exception, words: Mapping[str, str] = IMAGES) -> Answer:
    """How an error is told; `words`: the domain's word for a field -> the caller's."""
    told = _told(refusal, error)
    param = refusal.errors[0].field if refusal.errors else ""
    detail = {
        "message": f"{_WORDS.get(refusal.code, '')}{refusal.detail}",
        "type": told.type,
        # One that is not known here is the caller's own already.
        "param": (param if told.code == _UNKNOWN else words.get(param, param)) or None,
        "code": told.code or refusal.code,
    }
    extra = dict(refusal.extra)
    if isinstance(error, NotDone):
        extra["job_id"] = error.job.id
    headers = refusal.headers if told.retry else {**refusal.headers, **NO_RETRY}
    return Answer(told.status, headers, {"error": {**extra, **detail}})


def rendered(words: Mapping[str, str] = IMAGES) -> Callable[[Request[Any, Any, Any], Exception], Response[bytes]]:
    """An exception handler; `words` as for `answer`."""

    def render(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
        refusal, _ = refuse(request, error)
        told = answer(refusal, error, words)
        body = msgspec.json.encode(told.body)
        return Response(body, status_code=told.status, media_type="application/json", headers=told.headers)

    return render


render = rendered()
"""The answer for anything that was raised."""


def handlers(words: Mapping[str, str] = IMAGES) -> ExceptionHandlersMap:
    """For a router, or a handler, of this surface."""
    handler = rendered(words)
    return {HTTPException: handler, Exception: handler}


def in_stream(error: Exception, words: Mapping[str, str] = IMAGES) -> dict[str, Any]:
    """The data of an event that tells an error once the stream has begun: its clients raise what is in `error`.

    What is our own fault is for the caller to log.
    """
    return answer(refused(error), error, words).body


def _told(refusal: Refusal, error: Exception) -> _Told:
    if isinstance(error, NotDone):
        return _of_job(error)
    found = _TOLD.get(refusal.code)
    if found is None:
        status = 400 if refusal.status == _UNPROCESSABLE else refusal.status
        return _Told(status, _SERVER if status >= 500 else _INVALID)
    if refusal.code == "invalid_request" and isinstance(error.__cause__, msgspec.ValidationError):
        fault = next((code for words, code in _FAULTS.items() if str(error.__cause__).startswith(words)), found.code)
        return msgspec.structs.replace(found, code=fault)
    return found


def _of_job(error: NotDone) -> _Told:
    """Nobody may ask again by themselves: what could be tried again was, or the job goes on."""
    code = error.job.error_code or error.code
    if isinstance(error, JobCanceled):
        return _Told(400, _INVALID, "canceled", retry=False)
    if code in _TOLD:
        return msgspec.structs.replace(_TOLD[code], retry=False)
    return _Told(_ENDED.get(code, error.status), _SERVER, code, retry=False)
