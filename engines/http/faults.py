"""What goes wrong with another server, in the contract's errors: who must act, and what the server said."""

from __future__ import annotations

import email.utils
import json
import re
import time
from collections.abc import Collection, Mapping
from typing import Any

import httpx

from engines.contract import (
    EngineCrashed,
    EngineError,
    EngineUnavailable,
    InvalidRequest,
    ModelUnusable,
    UpstreamRateLimited,
)

Lost = type[EngineError]
"""What a request comes to that was sent and got no whole answer: EngineUnavailable where it may be sent again,
UpstreamOutcomeUnknown where that would be paid twice."""
LONGEST_WORDS = 500
"""Characters of what a server said."""
USUAL_REST = 5.0
LONGEST_REST = 3600.0
"""Seconds until another try, where a server says nothing or something absurd."""

REQUEST_IDS = ("x-request-id", "request-id", "x-goog-request-id", "apim-request-id")
_REQUEST_ID = re.compile(r"[\w.:+/=-]{1,128}", re.ASCII)
_NOT_SENT = (
    httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol,
    httpx.LocalProtocolError, httpx.InvalidURL,
)  # fmt: skip
_KEYS = re.compile(
    r"(?i)\b(?:sk|pk|rk|hf|AIza)[-_][\w*.…-]{6,}|\bAIza[\w-]{10,}|\b(bearer|basic)\s+[\w.~+/=*-]{6,}"
    r"|([?&](?:key|api_key|token|access_token|sig|signature)=)[^&\s\"']+|(?<=://)[^/@\s]+:[^/@\s]*@"
)
_PATHS = re.compile(
    r"(?P<quote>['\"`])(?:/|[A-Za-z]:[\\/]|\\\\)[^'\"`\n]*[\\/](?P<quoted>[^'\"`\n\\/]*)(?P=quote)"
    r"|(?<![\w:/.])(?:/|~/|[A-Za-z]:[\\/]|\\\\)(?:[\w.+@~ -]*[\w.+@~-][\\/])+(?P<bare>[\w.+@~-]*)"
)


class TooLarge(httpx.ReadError):
    """An answer beyond the limit."""

    def __init__(self, most: int, request: httpx.Request | None = None) -> None:
        super().__init__(f"its answer is larger than {most} bytes, the most that is read", request=request)


def was_sent(error: BaseException) -> bool:
    """Whether the server may have begun to work on it."""
    return not isinstance(error, _NOT_SENT)


def from_exception(
    error: BaseException, server: str, *, secrets: Collection[str] = (), lost: Lost = EngineUnavailable
) -> EngineError:
    """For what httpx raised, or TimeoutError: no answer came."""
    told = clean(str(error), secrets)
    if isinstance(error, httpx.InvalidURL | httpx.UnsupportedProtocol):
        return ModelUnusable(f"{server} has an address in models.toml that cannot be used: {told}.")
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        cure = "give it one that is valid, or name the file with its authority (ca_file) in models.toml"
        return ModelUnusable(f"{server} shows a certificate that cannot be trusted; {cure}.")
    if not was_sent(error):
        why = "did not answer in time" if isinstance(error, httpx.TimeoutException) else f"cannot be reached ({told})"
        told = f"{server} {why}; is it running, and is its address in models.toml right?"
        return EngineUnavailable(told, begun=False)
    if isinstance(error, TimeoutError | httpx.TimeoutException):
        return lost(f"{server} took the request and did not answer in time.")
    if isinstance(error, TooLarge | httpx.DecodingError):
        return lost(f"{server} answered what cannot be read: {told}.")
    return lost(f"{server} took the request and broke off before it had answered ({told or type(error).__name__}).")


def from_status(
    status: int,
    headers: Mapping[str, str],
    body: bytes | str,
    server: str,
    *,
    secrets: Collection[str] = (),
    lost: Lost = EngineUnavailable,
) -> EngineError:
    """For an answer whose status is no good one; a protocol's own shapes are looked at before."""
    error = _by_status(status, headers, said(body, secrets), server, lost)
    error.upstream_id = request_id(headers)
    return error


def request_id(headers: Mapping[str, str]) -> str | None:
    """What the server calls the request that it answered, if it says so."""
    told = next((told for name in REQUEST_IDS if (told := headers.get(name))), "")
    return told if _REQUEST_ID.fullmatch(told) else None


def _by_status(status: int, headers: Mapping[str, str], words: str, server: str, lost: Lost) -> EngineError:
    answered = f"{server} answered {status}" + (f": {_stopped(words)}" if words else ".")
    if status == 429:
        return UpstreamRateLimited(answered, retry_after(headers) or USUAL_REST)
    if status == 503:
        return EngineUnavailable(answered, begun=False)
    if status in (401, 402, 403, 407):
        return ModelUnusable(f"{answered} The operator must see to its key or its account.")
    if 300 <= status < 400:
        return ModelUnusable(f"{answered} Redirects are not followed; give its final address in models.toml.")
    if status in (404, 405):
        return ModelUnusable(f"{answered} Does its address in models.toml lead to it, and does it have this model?")
    if status in (408, 409, 425) or status in (502, 504) or status > 504:
        return lost(answered)
    if 400 <= status < 500:
        return InvalidRequest(answered)
    return lost(answered) if lost is not EngineUnavailable else EngineCrashed(answered)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds until another try (RFC 9110, 10.2.3, and the `-ms` form of some clouds); None when it does not say."""
    if (text := headers.get("retry-after-ms", "")) and (number := _number(text)) is not None:
        return min(max(number / 1000, 0.0), LONGEST_REST)
    text = headers.get("retry-after", "").strip()
    number = _number(text)
    if number is None and text:
        try:
            number = email.utils.parsedate_to_datetime(text).timestamp() - time.time()
        except (ValueError, TypeError, OverflowError):
            number = None
    return None if number is None else min(max(number, 0.0), LONGEST_REST)


def said(body: bytes | str, secrets: Collection[str] = ()) -> str:
    """What a server says is wrong, out of any of the usual shapes, cleaned; empty where it says nothing."""
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
    try:
        words = _words(json.loads(text))
    except (ValueError, RecursionError):
        title = re.search(r"(?is)<title[^>]*>(.*?)</title>", text)
        words = title[1] if title else "" if text.lstrip().startswith(("<", "{", "[")) else text
    return clean(words, secrets)


def clean(text: str, secrets: Collection[str] = ()) -> str:
    """Another's words for our people: no secret, no path of its machine but for a file's name, on one line, not long."""
    for secret in secrets:
        if len(secret) >= 4:
            text = text.replace(secret, "•••")
    text = _KEYS.sub(lambda found: f"{found[1]} •••" if found[1] else f"{found[2] or ''}•••", text)
    text = _PATHS.sub(
        lambda found: f"{found['quote']}…/{found['quoted']}{found['quote']}" if found["quote"] else f"…/{found['bare']}", text
    )
    text = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    return text if len(text) <= LONGEST_WORDS else text[: LONGEST_WORDS - 1] + "…"


def _words(told: Any) -> str:
    """Of {"error": {"message"}}, {"error", "detail"}, {"detail": [{"loc", "msg"}]}, {"message"} and the like."""
    if isinstance(told, str):
        return told
    if isinstance(told, list):
        return "; ".join(words for each in told[:5] if (words := _words(each)))
    if not isinstance(told, dict):
        return ""
    if "msg" in told:
        where = ".".join(str(part) for part in told.get("loc") or () if part != "body")
        return f"{where}: {told['msg']}" if where else str(told["msg"])
    found = (words for key in ("message", "detail", "details", "error", "errors", "title") if (words := _words(told.get(key))))
    parts = list(dict.fromkeys(found))
    return ": ".join(parts[:2])


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if number == number and number not in (float("inf"), float("-inf")) else None


def _stopped(words: str) -> str:
    return words if words.endswith((".", "!", "?", "…")) else words + "."
