"""What `/chat/completions` takes.

Chat clients send what they send to every model. Of that, what only says how words are chosen is taken and has no effect,
for none are; what would be missed in the answer is refused by name (`wordless`).
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from msgspec import Meta, Struct

from gateway.api.openai.asked import Background, ModelName, PixelSize, Quality, SafetyIdentifier
from gateway.api.openai.turns import ContentPart
from gateway.api.tasks.asked import LARGEST_SEED, LoraChoice
from gateway.jobs.request import OutputFormat

Role = Literal["system", "developer", "user", "assistant", "tool", "function"]
Modality = Literal["text", "image", "audio"]
Tier = Literal["auto", "default", "flex", "scale", "priority", "fast", "ultrafast"]
Metadata = Annotated[
    dict[Annotated[str, Meta(max_length=64)], Annotated[str, Meta(max_length=512)]],
    Meta(max_length=16),
]
MOST_MESSAGES = 10_000
AREAS = {"0.5K": 0.25, "1K": 1.0, "2K": 4.0, "4K": 16.0}
"""Megapixels of 2^20 pixels."""


class ChatTurn(Struct, frozen=True, kw_only=True):
    """One message of the conversation; what else stands in it (tool calls, reasoning) is not read."""

    role: Role
    content: str | tuple[ContentPart, ...] | None = None
    images: tuple[ContentPart, ...] | None = None
    """Pictures beside an assistant's words, as answers here have them."""


class StreamOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    include_usage: bool | None = None
    """A last chunk says what was used."""
    include_obfuscation: bool | None = None
    """No effect: what could be guessed from the length of a chunk is a picture."""


class ImageConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How large the pictures are, as OpenRouter's clients say it; else `size` says it."""

    aspect_ratio: Annotated[str, Meta(pattern=r"^[1-9][0-9]{0,2}:[1-9][0-9]{0,2}$", description="such as 16:9")] | None = None
    image_size: Literal["0.5K", "1K", "2K", "4K"] | None = None
    """About 0.25, 1, 4 or 16 megapixels."""

    @property
    def ratio(self) -> float | None:
        if self.aspect_ratio is None:
            return None
        width, _, height = self.aspect_ratio.partition(":")
        return int(width) / int(height)

    @property
    def megapixels(self) -> float | None:
        return AREAS[self.image_size] if self.image_size else None


class Wordless(Struct, frozen=True, kw_only=True):
    """What chat clients send about words: it has no effect here, or is refused where it would be missed."""

    audio: Any = None
    frequency_penalty: Any = None
    function_call: Any = None
    functions: Any = None
    logit_bias: Any = None
    logprobs: Any = None
    max_completion_tokens: Any = None
    max_tokens: Any = None
    min_p: Any = None
    moderation: Any = None
    parallel_tool_calls: Any = None
    prediction: Any = None
    presence_penalty: Any = None
    prompt_cache_key: Any = None
    prompt_cache_options: Any = None
    prompt_cache_retention: Any = None
    reasoning: Any = None
    reasoning_effort: Any = None
    repetition_penalty: Any = None
    response_format: Any = None
    stop: Any = None
    store: Any = None
    temperature: Any = None
    tool_choice: Any = None
    tools: Any = None
    top_k: Any = None
    top_logprobs: Any = None
    top_p: Any = None
    verbosity: Any = None
    web_search_options: Any = None


class ChatAsked(Wordless, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A conversation: the user's last message is the prompt, its pictures and those before are what is looked at."""

    elsewhere: ClassVar[dict[str, str]] = {
        "models": "one model makes a picture; name it as `model`, or say auto.",
        "plugins": "there are none here; leave it out.",
        "prompt": "the user's last message is the prompt.",
        "image": "pictures stand in the messages, as parts of the type image_url.",
        "mask": "a part of a picture is painted anew at /openai/v1/images/edits, or by the Responses API.",
        "steps": "say num_inference_steps.",
        "cfg_scale": "say guidance_scale.",
    }

    messages: Annotated[tuple[ChatTurn, ...], Meta(max_length=MOST_MESSAGES)]
    model: ModelName | None = None
    """A model's id or alias, "auto" or nothing for the best one that is available."""
    modalities: tuple[Modality, ...] | None = None
    """With `image` the pictures stand in `message.images` as data; else in the words, as Markdown with an address that opens
    without a key until it expires, for clients that show words."""
    n: Annotated[int, Meta(ge=1, le=10)] | None = None
    """How many answers, of one picture each."""
    seed: Annotated[int, Meta(ge=0, le=LARGEST_SEED)] | None = None
    """Of the first picture; each further one has one more. Drawn where it is left out."""
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    metadata: Metadata | None = None
    """Comes back with the answer."""
    service_tier: Tier | None = None
    """`flex` is the bulk class and `priority` or `fast` the interactive one, where X-Darkroom-Priority says nothing."""
    safety_identifier: SafetyIdentifier | None = None
    user: SafetyIdentifier | None = None
    image_config: ImageConfig | None = None
    size: PixelSize | None = None
    quality: Quality | None = None
    background: Background | None = None
    output_format: OutputFormat | None = None
    output_compression: Annotated[int, Meta(ge=0, le=100)] | None = None
    negative_prompt: Annotated[str, Meta(max_length=100_000)] | None = None
    num_inference_steps: Annotated[int, Meta(ge=1, le=1000)] | None = None
    guidance_scale: Annotated[float, Meta(ge=0, le=100)] | None = None
    sampler: Annotated[str, Meta(min_length=1, max_length=100)] | None = None
    strength: Annotated[float, Meta(ge=0, le=1)] | None = None
    """How much of the first picture is made anew: 0 nothing, 1 all."""
    loras: Annotated[tuple[LoraChoice, ...], Meta(max_length=32)] | None = None
