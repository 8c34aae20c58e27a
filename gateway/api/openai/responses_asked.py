"""What `/responses` takes: OpenAI's own fields, with the image generation tool.

What only says how words are chosen has no effect, for none are; what would be missed in the answer is refused by name
(`wordless`).
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Meta, Struct

from gateway.api.openai.asked import Background, ModelName, PixelSize, Quality, SafetyIdentifier
from gateway.api.openai.chat_asked import ImageConfig, Metadata, Tier
from gateway.api.openai.turns import ContentPart
from gateway.api.openai.wordless import TOOL
from gateway.api.tasks.asked import LARGEST_SEED, LoraChoice
from gateway.api.validation import explain
from gateway.errors import InvalidInput
from gateway.jobs.request import OutputFormat

ResponseId = Annotated[str, Meta(min_length=1, max_length=100)]
MOST_ITEMS = 10_000
_STILL = "what is made here is one still picture of pixels; leave it out."


class ResponseItem(Struct, frozen=True, kw_only=True):
    """Something of the conversation: a message, or what a tool was asked and answered. Of all but messages and calls of the
    image generation tool nothing is read.
    """

    type: Annotated[str, Meta(max_length=100)] | None = None
    role: Literal["user", "assistant", "system", "developer"] | None = None
    content: str | tuple[ContentPart, ...] | None = None
    id: Annotated[str, Meta(max_length=200)] | None = None
    """Of a call: its picture is the one that is here."""
    result: str | None = None
    """Of a call that is not known here: its picture, in base64."""


class MaskPicture(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """As large as the first picture; what is transparent is painted anew."""

    image_url: str | None = None
    file_id: Annotated[str, Meta(max_length=100)] | None = None


class ImageTool(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The image generation tool: OpenAI's own fields, and those that self-hosted servers have besides."""

    elsewhere: ClassVar[dict[str, str]] = {
        "n": "a call of the tool makes one picture; ask at /openai/v1/images/generations for more.",
        "steps": "say num_inference_steps.",
        "cfg_scale": "say guidance_scale.",
    }

    type: Literal["image_generation"] = TOOL
    action: Literal["generate", "edit", "auto"] | None = None
    """`generate` looks at no picture, `edit` needs one; `auto` changes one where there is one."""
    model: ModelName | None = None
    """Of the picture; left out, the model of the request."""
    size: PixelSize | None = None
    quality: Quality | None = None
    background: Background | None = None
    output_format: OutputFormat | None = None
    output_compression: Annotated[int, Meta(ge=0, le=100)] | None = None
    input_fidelity: Literal["low", "high"] | None = None
    input_image_mask: MaskPicture | None = None
    moderation: Literal["auto", "low"] | None = None
    partial_images: Annotated[int, Meta(ge=0, le=3)] | None = None
    """How the picture looks so far, so many times at most; with `stream`."""
    complexity: Any = None
    frame_count: Any = None
    frame_duration_ms: Any = None
    svg: Any = None
    negative_prompt: Annotated[str, Meta(max_length=100_000)] | None = None
    seed: Annotated[int, Meta(ge=0, le=LARGEST_SEED)] | None = None
    num_inference_steps: Annotated[int, Meta(ge=1, le=1000)] | None = None
    guidance_scale: Annotated[float, Meta(ge=0, le=100)] | None = None
    sampler: Annotated[str, Meta(min_length=1, max_length=100)] | None = None
    strength: Annotated[float, Meta(ge=0, le=1)] | None = None
    loras: Annotated[tuple[LoraChoice, ...], Meta(max_length=32)] | None = None


class ResponseAsked(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A conversation: the user's last message is the prompt, its pictures and those before are what is looked at."""

    elsewhere: ClassVar[dict[str, str]] = {
        "messages": "here the conversation is called input.",
        "n": "a response has one picture; ask at /openai/v1/images/generations for more.",
        "size": "it is a field of the image_generation tool: tools[0].size.",
        "quality": "it is a field of the image_generation tool: tools[0].quality.",
        "seed": "it is a field of the image_generation tool: tools[0].seed.",
    }

    input: str | Annotated[tuple[ResponseItem, ...], Meta(max_length=MOST_ITEMS)]
    model: ModelName | None = None
    """A model's id or alias, "auto" or nothing for the best one. It is not read where the tool names one: then it is the
    model that would have words."""
    tools: Annotated[tuple[dict[str, Any], ...], Meta(max_length=128)] | None = None
    """Of the type `image_generation` one at most, with its options; others are never called."""
    stream: bool | None = None
    background: bool | None = None
    """Answer at once; `GET /openai/v1/responses/{id}` tells how it stands."""
    previous_response_id: ResponseId | None = None
    """The conversation goes on from that response's picture."""
    store: bool | None = None
    """False: the response cannot be asked for again. Its picture is kept in the gallery, as every picture is."""
    metadata: Metadata | None = None
    """Comes back with the response."""
    image_config: ImageConfig | None = None
    service_tier: Tier | None = None
    """`flex` is the bulk class and `priority` or `fast` the interactive one, where X-Darkroom-Priority says nothing."""
    safety_identifier: SafetyIdentifier | None = None
    user: SafetyIdentifier | None = None
    instructions: str | None = None
    """For models that have words; no effect."""
    access_programs: Any = None
    context_management: Any = None
    conversation: Any = None
    image: Any = None
    include: Any = None
    max_output_tokens: Any = None
    max_tool_calls: Any = None
    modalities: Any = None
    moderation: Any = None
    parallel_tool_calls: Any = None
    prompt: Any = None
    prompt_cache_key: Any = None
    prompt_cache_options: Any = None
    prompt_cache_retention: Any = None
    reasoning: Any = None
    stream_options: Any = None
    temperature: Any = None
    text: Any = None
    tool_choice: Any = None
    top_logprobs: Any = None
    top_p: Any = None
    truncation: Any = None


def image_tool(asked: ResponseAsked) -> tuple[ImageTool, str]:
    """The tool as it is asked for, and where it stands (`tools[0]`); without one, as it is by itself. Raises InvalidInput."""
    places = [place for place, tool in enumerate(asked.tools or ()) if tool.get("type") == TOOL]
    if len(places) > 1:
        raise InvalidInput("A response has one picture: name the image_generation tool once.", field=f"tools[{places[1]}]")
    if not places:
        return ImageTool(), "tools"
    where = f"tools[{places[0]}]"
    try:
        tool = msgspec.convert((asked.tools or ())[places[0]], ImageTool)
    except msgspec.ValidationError as error:
        field, told = explain(str(error), "", ImageTool)
        raise InvalidInput(told, field=f"{where}.{field}") from error
    for field, why in _NOT_HERE.items():
        if getattr(tool, field) is not None:
            raise InvalidInput(f"{field} is not taken here: {why}", field=f"{where}.{field}")
    return tool, where


_NOT_HERE = {
    "complexity": "no model here plans a picture before it is made; leave it out.",
    "frame_count": _STILL,
    "frame_duration_ms": _STILL,
    "svg": _STILL,
}
