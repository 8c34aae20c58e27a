"""How `/chat/completions` answers: OpenAI's shapes, with pictures where OpenRouter's and LiteLLM's clients look for them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from gateway.api.openai.chat_asked import ChatAsked
from gateway.api.openai.ids import COMPLETION
from gateway.api.openai.wire import ImageUsage
from gateway.images.records import Image
from gateway.jobs.records import Job

_SECOND = 1_000_000
_LONGEST_ALT = 80
_UNFIT = re.compile(r"[\[\]\\\s]+")
_TIERS = {"fast": "priority", "ultrafast": "priority", "scale": "default", "auto": "default"}


class ChatImageUrl(Struct, frozen=True):
    url: str
    """A data URL."""


class ChatImage(Struct, frozen=True, kw_only=True):
    """A picture beside the words."""

    type: Literal["image_url"] = "image_url"
    index: int = 0
    image_url: ChatImageUrl


class ChatCompletionMessage(Struct, frozen=True, kw_only=True):
    role: Literal["assistant"] = "assistant"
    content: str
    """Empty where the picture stands in `images`; else Markdown that shows it."""
    refusal: None = None
    images: tuple[ChatImage, ...] | UnsetType = UNSET


class ChatDelta(Struct, frozen=True, kw_only=True):
    role: Literal["assistant"] | UnsetType = UNSET
    content: str | UnsetType = UNSET
    images: tuple[ChatImage, ...] | UnsetType = UNSET


class ChatChoice(Struct, frozen=True, kw_only=True):
    index: int
    message: ChatCompletionMessage
    logprobs: None = None
    finish_reason: Literal["stop"] = "stop"


class ChatChunkChoice(Struct, frozen=True, kw_only=True):
    index: int
    delta: ChatDelta
    logprobs: None = None
    finish_reason: Literal["stop"] | None = None


class ChatPromptTokens(Struct, frozen=True, kw_only=True):
    cached_tokens: int = 0
    text_tokens: int
    image_tokens: int


class ChatUsage(Struct, frozen=True, kw_only=True):
    """Tokens as the model's maker counted them; nothing that runs here counts any. `credits` is what it cost here."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: ChatPromptTokens
    credits: int | float


class ChatCompletion(Struct, frozen=True, kw_only=True):
    """The conversation's next message; one choice for each picture."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    """Seconds since the epoch."""
    model: str
    """The concrete one, also where it was asked for by an alias."""
    choices: tuple[ChatChoice, ...]
    usage: ChatUsage
    service_tier: str | UnsetType = UNSET
    metadata: Mapping[str, str] | UnsetType = UNSET


class ChatChunk(Struct, frozen=True, kw_only=True):
    """A piece of the same, as it comes."""

    id: str
    object: Literal["chat.completion.chunk"] = "chat.completion.chunk"
    created: int
    model: str
    choices: tuple[ChatChunkChoice, ...]
    usage: ChatUsage | UnsetType | None = UNSET
    """Of the last one, with `include_usage`; null before."""
    service_tier: str | UnsetType = UNSET


def beside_words(asked: ChatAsked) -> bool:
    """Whether the client takes pictures as pictures; else they are shown by its words."""
    return "image" in (asked.modalities or ())


def markdown(job: Job, url: str) -> str:
    """What shows a picture in words."""
    words = _UNFIT.sub(" ", job.request.prompt).strip()[:_LONGEST_ALT]
    return f"![{words}]({url})"


def data_url(image: Image, base64: str) -> str:
    return f"data:{image.media_type};base64,{base64}"


def pictures(url: str) -> tuple[ChatImage, ...]:
    return (ChatImage(image_url=ChatImageUrl(url)),)


def usage(counted: ImageUsage) -> ChatUsage:
    details = counted.input_tokens_details
    return ChatUsage(
        prompt_tokens=counted.input_tokens,
        completion_tokens=counted.output_tokens,
        total_tokens=counted.total_tokens,
        prompt_tokens_details=ChatPromptTokens(text_tokens=details.text_tokens, image_tokens=details.image_tokens),
        credits=counted.credits,
    )


def completion(job: Job, asked: ChatAsked, messages: Sequence[ChatCompletionMessage], counted: ImageUsage) -> ChatCompletion:
    return ChatCompletion(
        id=f"{COMPLETION}{job.id}",
        created=job.created_at // _SECOND,
        model=job.model,
        choices=tuple(ChatChoice(index=index, message=message) for index, message in enumerate(messages)),
        usage=usage(counted),
        service_tier=tier(asked.service_tier, job),
        metadata=asked.metadata or UNSET,
    )


def chunk(job: Job, asked: ChatAsked, *choices: ChatChunkChoice, used: ChatUsage | None = None) -> ChatChunk:
    told = bool(asked.stream_options and asked.stream_options.include_usage)
    return ChatChunk(
        id=f"{COMPLETION}{job.id}",
        created=job.created_at // _SECOND,
        model=job.model,
        choices=choices,
        usage=used if told else UNSET,
        service_tier=tier(asked.service_tier, job),
    )


def tier(asked: str | None, job: Job) -> str | UnsetType:
    """As it came to be, where it was asked for."""
    if asked is None:
        return UNSET
    return "flex" if job.bulk else "default" if asked == "flex" else _TIERS.get(asked, asked)
