"""What comes back, whole or as a stream of partial pictures."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

from msgspec import Struct

from engines.contract import EngineError

Event = Any
"""One of the SDK's stream events."""


class Partial(Struct, frozen=True):
    """How the picture looks so far."""

    index: int
    base64: str


class Answered(Struct, frozen=True, kw_only=True):
    """A call's whole answer."""

    pictures: tuple[str, ...]
    """Base64."""
    revised_prompts: tuple[str, ...] = ()
    request_id: str = ""
    usage: dict[str, Any] = {}
    settled: dict[str, str] = {}
    """What was left to the model: quality, size, background, output_format."""


def whole(raw: Any, lost: type[EngineError], server: str) -> Answered:
    """Of an answer in one piece. Blocks: in a thread. Raises `lost` for what has no picture or cannot be read."""
    try:
        answer = _parsed(raw)
        images = list(answer.data or ())
        pictures = tuple(image.b64_json for image in images if image.b64_json)
    except (AttributeError, TypeError, ValueError) as error:
        kind = clean_type(raw.headers)
        raise lost(f"{server} answered {kind} that cannot be read; is this an OpenAI-compatible API?") from error
    if not pictures:
        links = any(getattr(image, "url", None) for image in images)
        why = "links instead of pictures; have it answer b64_json" if links else "no picture, and does not say why"
        raise lost(f"{server} delivered {why}.")
    prompts = tuple(image.revised_prompt or "" for image in images)
    return Answered(
        pictures=pictures,
        revised_prompts=prompts if any(prompts) else (),
        request_id=_text(raw.headers.get("x-request-id")),
        usage=_plain(answer.usage),
        settled=_settled(answer),
    )


async def streamed(raw: Any, lost: type[EngineError], server: str) -> AsyncIterator[Partial | Answered]:
    """The events of a stream, the whole answer last. Raises `lost` where it ends without one, and what the SDK raises."""
    stream = raw.parse()
    try:
        async for event in stream:
            kind = _text(getattr(event, "type", ""))
            data = getattr(event, "b64_json", None)
            if not isinstance(data, str):
                continue
            if kind.endswith(".partial_image"):
                index = getattr(event, "partial_image_index", 0)
                yield Partial(index if isinstance(index, int) else 0, data)
            elif kind.endswith(".completed"):
                yield Answered(
                    pictures=(data,),
                    request_id=_text(raw.headers.get("x-request-id")),
                    usage=_plain(getattr(event, "usage", None)),
                    settled=_settled(event),
                )
                return
    finally:
        await stream.close()
    raise lost(f"{server} ended its stream without a picture.")


def _parsed(raw: Any) -> Any:
    """The SDK takes an answer for a stream when one was asked for, even where the server sent it whole."""
    from openai.types import ImagesResponse

    answer = raw.http_response
    return ImagesResponse.construct(**json.loads(answer.content))


def clean_type(headers: Any) -> str:
    return str(headers.get("content-type") or "something without a type").partition(";")[0][:80]


def _settled(answer: Any) -> dict[str, str]:
    names = ("quality", "size", "background", "output_format")
    return {name: value for name in names if isinstance(value := getattr(answer, name, None), str) and value != "auto"}


def _plain(usage: Any) -> dict[str, Any]:
    dumped = getattr(usage, "model_dump", None)
    plain = dumped(mode="json", exclude_none=True) if dumped else usage
    return plain if isinstance(plain, dict) else {}


def _text(value: Any) -> str:
    return value[:200] if isinstance(value, str) else ""
