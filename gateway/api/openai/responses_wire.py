"""How `/responses` answers: one response, with one call of the image generation tool in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, cast

import msgspec
from msgspec import UNSET, Struct, UnsetType

from gateway.api import blocking
from gateway.api.openai import wire
from gateway.api.openai.chat_wire import tier
from gateway.api.openai.ids import CALL, RESPONSE
from gateway.api.openai.responses_asked import ImageTool, ResponseAsked
from gateway.api.openai.wire import ImageUsage, TokenDetails
from gateway.images.records import Image
from gateway.jobs.records import Job

Status = Literal["queued", "in_progress", "completed", "failed", "cancelled"]  # their spelling
STATUS: dict[str, Status] = {
    "queued": "queued",
    "running": "in_progress",
    "succeeded": "completed",
    "failed": "failed",
    "canceled": "cancelled",  # their spelling
}
_CODES = {"content_rejected": "image_content_policy_violation", "rate_limited": "rate_limit_exceeded"}
"""Of jobs that failed -> of those that a response may have."""
_CALLS: dict[str, Literal["completed", "failed"]] = {"succeeded": "completed", "failed": "failed", "canceled": "failed"}
_SECOND = 1_000_000
_NOT_ECHOED = frozenset({"input_image_mask", "loras"})


class ImageCall(Struct, frozen=True, kw_only=True):
    """The call that makes the picture."""

    id: str
    type: Literal["image_generation_call"] = "image_generation_call"
    status: Literal["in_progress", "completed", "failed"]
    result: str | None = None
    """The picture, in base64."""
    action: Literal["generate", "edit"]
    background: str | UnsetType = UNSET
    output_format: str | UnsetType = UNSET
    quality: str | UnsetType = UNSET
    size: str | UnsetType = UNSET
    revised_prompt: str | UnsetType = UNSET


class ResponseFault(Struct, frozen=True):
    code: str
    message: str


class CachedTokens(Struct, frozen=True):
    cached_tokens: int = 0
    cache_write_tokens: int = 0


class ReasoningTokens(Struct, frozen=True):
    reasoning_tokens: int = 0


class ResponseUsage(Struct, frozen=True, kw_only=True):
    """Tokens as the model's maker counted them; nothing that runs here counts any. `credits` is what it cost here."""

    input_tokens: int
    input_tokens_details: CachedTokens = CachedTokens()
    output_tokens: int
    output_tokens_details: ReasoningTokens = ReasoningTokens()
    total_tokens: int
    credits: int | float


class ToolTokens(Struct, frozen=True, kw_only=True):
    input_tokens: int
    input_tokens_details: TokenDetails
    output_tokens: int
    output_tokens_details: TokenDetails
    total_tokens: int


class WebSearches(Struct, frozen=True):
    num_requests: int = 0


class ToolUsage(Struct, frozen=True, kw_only=True):
    image_gen: ToolTokens
    web_search: WebSearches = WebSearches()


class TextFormat(Struct, frozen=True):
    type: Literal["text"] = "text"


class ResponseText(Struct, frozen=True):
    format: TextFormat = TextFormat()


class OpenAIResponse(Struct, frozen=True, kw_only=True):
    """A response, as it stands."""

    id: str
    object: Literal["response"] = "response"
    created_at: int
    """Seconds since the epoch."""
    completed_at: int | None = None
    status: Status
    background: bool
    error: ResponseFault | None = None
    incomplete_details: None = None
    instructions: str | None = None
    """Only of the answer to the request itself: they are not kept."""
    max_output_tokens: None = None
    model: str
    """The concrete one, also where it was asked for by an alias."""
    output: tuple[ImageCall, ...] = ()
    parallel_tool_calls: bool = True
    previous_response_id: str | None = None
    service_tier: str | UnsetType = UNSET
    store: bool
    temperature: None = None
    text: ResponseText = ResponseText()
    tool_choice: Literal["auto"] = "auto"
    tools: tuple[dict[str, Any], ...]
    """The image generation tool, as it was asked for."""
    top_p: None = None
    truncation: Literal["disabled"] = "disabled"
    usage: ResponseUsage | None = None
    tool_usage: ToolUsage | UnsetType = UNSET
    metadata: Mapping[str, str] = {}
    safety_identifier: str | UnsetType = UNSET


class Kept(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What of a request its job keeps, so that the response can be shown again."""

    tool: ImageTool = ImageTool()
    previous: str | None = None
    background: bool = False
    store: bool = True
    metadata: dict[str, str] = {}
    tier: str | None = None


class Made(Struct, frozen=True):
    """What came of it."""

    image: Image
    base64: str
    used: ImageUsage


def kept(asked: ResponseAsked, tool: ImageTool) -> dict[str, Any]:
    """For `Wanted.shown`."""
    echoed = msgspec.structs.replace(tool, **dict.fromkeys(_NOT_ECHOED))
    asked_so = Kept(
        tool=echoed,
        previous=asked.previous_response_id,
        background=bool(asked.background),
        store=asked.store is not False,
        metadata=asked.metadata or {},
        tier=asked.service_tier,
    )
    return {"response": msgspec.to_builtins(asked_so)}


def kept_of(job: Job) -> Kept:
    return msgspec.convert(job.request.shown.get("response", {}), Kept)


def call_id(job: Job) -> str:
    """Known before the picture is there."""
    return f"{CALL}{job.id}"


def call(job: Job, made: Made | None = None) -> ImageCall:
    action: Literal["generate", "edit"] = "edit" if job.request.pictures else "generate"
    if made is None:
        return ImageCall(id=call_id(job), status=_CALLS.get(job.state, "in_progress"), action=action)
    image = made.image
    return ImageCall(
        id=call_id(job),
        status="completed",
        result=made.base64,
        action=action,
        background=wire.background(job, image),
        output_format=wire.FORMATS.get(image.media_type, "png"),
        quality=wire.quality(kept_of(job).tool, image) or "auto",
        size=f"{image.width}x{image.height}",
        revised_prompt=wire.said_of(image).get("revised_prompt") or UNSET,
    )


def response(job: Job, made: Made | None = None, *, instructions: str | None = None, begun: bool = True) -> OpenAIResponse:
    """`begun` false leaves the call out, as the first events of a stream do."""
    asked = kept_of(job)
    return OpenAIResponse(
        id=f"{RESPONSE}{job.id}",
        created_at=job.created_at // _SECOND,
        completed_at=(job.finished_at or 0) // _SECOND if job.state == "succeeded" else None,
        status=STATUS[job.state],
        background=asked.background,
        error=_fault(job),
        instructions=instructions,
        model=job.model,
        output=(call(job, made),) if begun and job.state != "queued" else (),
        previous_response_id=asked.previous,
        service_tier=tier(asked.tier, job),
        store=asked.store,
        tools=({**_said(asked.tool), "model": job.model},),
        usage=_usage(made.used) if made else None,
        tool_usage=_tool_usage(made.used) if made else UNSET,
        metadata=asked.metadata,
        safety_identifier=cast("str | None", job.request.shown.get("safety_identifier")) or UNSET,
    )


def _said(tool: ImageTool) -> dict[str, Any]:
    return {name: value for name, value in msgspec.structs.asdict(tool).items() if value is not None}


def _fault(job: Job) -> ResponseFault | None:
    if job.state != "failed":
        return None
    return ResponseFault(_CODES.get(job.error_code or "", "server_error"), blocking.told(job))


def _usage(used: ImageUsage) -> ResponseUsage:
    return ResponseUsage(
        input_tokens=used.input_tokens,
        output_tokens=used.output_tokens,
        total_tokens=used.total_tokens,
        credits=used.credits,
    )


def _tool_usage(used: ImageUsage) -> ToolUsage:
    told = {name: getattr(used, name) for name in ToolTokens.__struct_fields__}
    return ToolUsage(image_gen=ToolTokens(**told))
