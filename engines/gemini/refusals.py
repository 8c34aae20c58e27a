"""What the SDK raises -> the contract's errors."""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Mapping
from typing import Any

import httpx

from engines.contract import (
    EngineError,
    InvalidRequest,
    ModelUnusable,
    UpstreamOutcomeUnknown,
    UpstreamRateLimited,
)
from engines.http import clean, from_exception, from_status
from engines.http.pace import duration

log = logging.getLogger(__name__)
LOST = UpstreamOutcomeUnknown
OPERATORS = ("API_KEY", "BILLING", "SERVICE_DISABLED", "LOCATION", "CONSUMER", "PERMISSION")
"""Beginnings of the reasons of a 400 that the operator must mend."""


def understood(error: BaseException, server: str, secrets: Collection[str]) -> EngineError:
    from google.genai import errors

    if isinstance(error, errors.APIError):
        response = error.response
        headers = getattr(response, "headers", None) or {}
        return of_status(error.code or 0, headers, error.details, server, secrets)
    if isinstance(error, httpx.HTTPError | httpx.InvalidURL | TimeoutError):
        return from_exception(error, server, secrets=secrets, lost=LOST)
    log.warning("what %s answered cannot be read", server, exc_info=error)
    return LOST(f"{server} answered what cannot be read ({type(error).__name__}); is this the Gemini API?")


def of_status(status: int, headers: Mapping[str, str], details: Any, server: str, secrets: Collection[str]) -> EngineError:
    """By the status, and by what `details` of Google's error model say.

    https://cloud.google.com/apis/design/errors
    """
    told = details.get("error", details) if isinstance(details, dict) else {}
    told = told if isinstance(told, dict) else {}
    reason, wait = _detailed(told)
    words = clean(str(told.get("message") or ""), secrets)
    state = str(told.get("status") or "")
    if status == 400 and (reason.startswith(OPERATORS) or state == "FAILED_PRECONDITION"):
        return ModelUnusable(f"{server} answered 400: {words} The operator must see to its key or its account.")
    if status == 429 and wait is not None:
        return UpstreamRateLimited(f"{server} answered 429: {words}", wait)
    body = json.dumps({"error": {"message": words}}) if words else ""
    found = from_status(status, headers, body, server, secrets=secrets, lost=LOST)
    return InvalidRequest(found.message, "prompt" if "prompt" in words.lower() else "") if status == 400 else found


def _detailed(told: dict[str, Any]) -> tuple[str, float | None]:
    """The reason of an ErrorInfo, and the seconds of a RetryInfo."""
    reason, wait = "", None
    for each in told.get("details") or ():
        if isinstance(each, dict):
            reason = reason or str(each.get("reason") or "")
            wait = duration(str(each.get("retryDelay") or "")) if wait is None else wait
    return reason, wait
