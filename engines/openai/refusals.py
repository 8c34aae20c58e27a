"""What the SDK raises -> the contract's errors."""

from __future__ import annotations

import logging
from collections.abc import Collection
from typing import Any

from engines.contract import (
    ContentRejected,
    EngineError,
    InvalidRequest,
    ModelUnusable,
)
from engines.http import Lost, clean, from_exception, from_status, request_id

log = logging.getLogger(__name__)

REFUSED = frozenset({"moderation_blocked", "content_policy_violation", "content_filter", "content_rejected"})
SPENT = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})
"""Codes of a 429 or 400 that no waiting mends."""
FIELDS = {
    "prompt": "prompt", "size": "width", "n": "pictures", "mask": "mask", "image": "source", "image[]": "source",
    "negative_prompt": "negative_prompt", "seed": "pictures", "steps": "steps",
}  # fmt: skip
"""Their parameters by the contract's fields."""


def understood(error: Exception, server: str, *, secrets: Collection[str], lost: Lost) -> EngineError:
    """`lost` is what a request comes to of which nobody knows whether it was worked on."""
    import openai

    if isinstance(error, openai.APIStatusError):
        return _of_status(error, server, secrets, lost)
    if isinstance(error, openai.APITimeoutError):
        return from_exception(error.__cause__ or TimeoutError(), server, secrets=secrets, lost=lost)
    if isinstance(error, openai.APIConnectionError):
        return from_exception(error.__cause__ or error, server, secrets=secrets, lost=lost)
    if isinstance(error, openai.APIError):
        # An error within a stream whose status was good.
        told = error.body if isinstance(error.body, dict) else {"message": error.message}
        return _of_code(told, server, secrets) or lost(f"{server} gave up: {_words(told, secrets)}")
    log.warning("what %s answered cannot be read", server, exc_info=error)
    return lost(f"{server} answered what cannot be read ({type(error).__name__}); is this an OpenAI-compatible API?")


def _of_status(error: Any, server: str, secrets: Collection[str], lost: Lost) -> EngineError:
    told = error.body if isinstance(error.body, dict) else {}
    told = told["error"] if isinstance(told.get("error"), dict) else told
    response = error.response
    found = _of_code(told, server, secrets) if error.status_code < 500 else None
    if found is None:
        found = from_status(
            error.status_code, response.headers, response.content, server, secrets=secrets, lost=lost
        )  # fmt: skip
    if isinstance(found, InvalidRequest) and not found.field:
        found = InvalidRequest(found.message, FIELDS.get(str(told.get("param") or ""), ""))
    if found.upstream_id is None:
        found.upstream_id = request_id(response.headers)
    if error.request_id and isinstance(found, lost | ModelUnusable) and error.request_id not in found.message:
        found.message = f"{found.message} (Their request {clean(error.request_id, secrets)}.)"
        found.args = (found.message,)
    return found


def _of_code(told: dict[str, Any], server: str, secrets: Collection[str]) -> EngineError | None:
    """By what the error calls itself; None where the status says it all."""
    code, kind = str(told.get("code") or ""), str(told.get("type") or "")
    words = _words(told, secrets)
    if code in REFUSED or (kind == "image_generation_user_error" and "safety" in words.lower()):
        return ContentRejected(f"{server} refused this: {words}")
    if code in SPENT or kind in SPENT:
        return ModelUnusable(f"{server} refused this: {words} The operator must see to the account.")
    if code in ("model_not_found", "model_retired") or kind == "model_not_found":
        return ModelUnusable(f"{server} refused this: {words} The operator must name another model in models.toml.")
    return None


def _words(told: dict[str, Any], secrets: Collection[str]) -> str:
    words = clean(str(told.get("message") or "it does not say why"), secrets)
    return words if words.endswith((".", "!", "?", "…")) else words + "."
