"""What comes back. A refusal is a 200 here: it stands within the answer, or there is just no picture."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any

from msgspec import Struct

from engines.contract import ContentRejected, EngineError

Clean = Callable[[str], str]
REFUSED = frozenset(
    {
        "SAFETY", "IMAGE_SAFETY", "PROHIBITED_CONTENT", "IMAGE_PROHIBITED_CONTENT", "BLOCKLIST", "RECITATION",
        "IMAGE_RECITATION", "SPII", "JAILBREAK", "MODEL_ARMOR",
    }
)  # fmt: skip
"""Of `finishReason` and `blockReason`; the others say that no picture came of it."""


class NoImage(EngineError):
    """The model answered, and made no picture."""

    code = "no_image"


class Answered(Struct, frozen=True, kw_only=True):
    """One call's answer."""

    pictures: tuple[bytes, ...]
    response_id: str = ""
    usage: dict[str, Any] = {}
    said: dict[str, Any] = {}


def of_content(answer: Any, server: str, clean: Clean, why: Callable[[], str]) -> Answered:
    """Of `generateContent`, as the SDK's GenerateContentResponse; `why` is asked where there is no picture.

    Raises ContentRejected or NoImage.
    """
    blocked = _name(getattr(answer.prompt_feedback, "block_reason", None))
    if blocked and not answer.candidates:
        words = getattr(answer.prompt_feedback, "block_reason_message", None) or ""
        raise _refusal(blocked, words, server, clean)
    pictures, texts, reason = [], [], ""
    for candidate in answer.candidates or ():
        reason = reason or _name(candidate.finish_reason)
        for part in (candidate.content.parts if candidate.content else None) or ():
            if part.thought:
                continue  # sketches and thoughts on the way, no part of what was asked for
            if part.inline_data and part.inline_data.data:
                pictures.append(part.inline_data.data)
            elif part.text:
                texts.append(part.text)
    if not pictures:
        raise _refusal(reason or "NO_IMAGE", why() or " ".join(texts), server, clean)
    usage = answer.usage_metadata.model_dump(mode="json", exclude_none=True) if answer.usage_metadata else {}
    said = {"model_version": answer.model_version} if answer.model_version else {}
    return Answered(pictures=tuple(pictures[:1]), response_id=(answer.response_id or "")[:200], usage=usage, said=said)


def of_prediction(answer: Any, server: str, clean: Clean, lost: type[EngineError]) -> Answered:
    """Of `predict`. Pictures that were filtered are left out, or have a reason instead. Raises ContentRejected, `lost`."""
    if not isinstance(answer, dict):
        raise lost(f"{server} answered what is no prediction.")
    pictures, reasons = [], []
    for each in answer.get("predictions") or ():
        if not isinstance(each, dict):
            continue
        if isinstance(each.get("raiFilteredReason"), str):
            reasons.append(each["raiFilteredReason"])
        elif isinstance(each.get("bytesBase64Encoded"), str):
            pictures.append(_decoded(each["bytesBase64Encoded"], server, lost))
    if not pictures:
        words = clean(" ".join(reasons)) or "it delivered no picture, as it does for what its filters hold back"
        raise ContentRejected(f"{server} refused this: {words}")
    return Answered(pictures=tuple(pictures))


def _refusal(reason: str, words: str, server: str, clean: Clean) -> EngineError:
    told = clean(words)
    told = f": {told}" if told else "."
    if reason in REFUSED:
        return ContentRejected(f"{server} refused this ({reason}){told}")
    return NoImage(f"{server} made no picture ({reason}){told} Ask for a picture more plainly, or try again.")


def _decoded(text: str, server: str, lost: type[EngineError]) -> bytes:
    try:
        return base64.b64decode(text)
    except (binascii.Error, ValueError) as error:
        raise lost(f"{server} delivered what is no base64.") from error


def _name(value: Any) -> str:
    """Of an enum of the SDK; new members come as plain text."""
    name = getattr(value, "value", value)
    return "" if name in (None, "STOP", "FINISH_REASON_UNSPECIFIED", "BLOCKED_REASON_UNSPECIFIED") else str(name)[:60]
