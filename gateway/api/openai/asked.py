"""What the image routes take: OpenAI's own fields, and those that self-hosted servers of its API have besides."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct

from gateway.api.tasks.asked import LARGEST_SEED, LoraChoice
from gateway.jobs.request import OutputFormat

Quality = Literal["auto", "low", "medium", "high", "xhigh", "max", "standard", "hd"]
Background = Literal["auto", "opaque", "transparent"]
ResponseFormat = Literal["b64_json", "url"]
PixelSize = Annotated[
    str, Meta(pattern=r"^(auto|[1-9][0-9]{0,4}x[1-9][0-9]{0,4})$", description='"auto", or pixels such as 1024x1024')
]
Prompt = Annotated[str, Meta(min_length=1, max_length=100_000)]
ModelName = Annotated[str, Meta(min_length=1, max_length=200)]
SafetyIdentifier = Annotated[str, Meta(max_length=1000)]
_STILL = "what is made here is one still picture of pixels; leave it out."


class ImageOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What both have. What is left out, or null, is the model's own default."""

    elsewhere: ClassVar[dict[str, str]] = {
        "complexity": "no model here plans a picture before it is made; leave it out.",
        "frame_count": _STILL,
        "frame_duration_ms": _STILL,
        "svg": _STILL,
        "steps": "say num_inference_steps.",
        "cfg_scale": "say guidance_scale.",
    }

    prompt: Prompt
    model: ModelName | None = None
    """A model's id or alias, "auto" or nothing for the best one that is available."""
    n: Annotated[int, Meta(ge=1, le=10)] | None = None
    size: PixelSize | None = None
    quality: Quality | None = None
    """Of a model that has no such choice: how many steps it takes, where it takes any. `low` is half of its own number,
    `high` and `hd` half as much again, `xhigh` twice and `max` three times that."""
    background: Background | None = None
    output_format: OutputFormat | None = None
    """png unless it is said."""
    output_compression: Annotated[int, Meta(ge=0, le=100)] | None = None
    """Of webp and jpeg: 100 is the best picture and the largest file."""
    response_format: ResponseFormat | None = None
    """`url` opens without a key until it expires. Left out, it is b64_json, and for the names of DALL·E url."""
    stream: bool | None = None
    partial_images: Annotated[int, Meta(ge=0, le=3)] | None = None
    """How the first picture looks so far, so many times at most; with `stream`."""
    moderation: Literal["auto", "low"] | None = None
    style: Literal["vivid", "natural"] | None = None
    safety_identifier: SafetyIdentifier | None = None
    """Who asks, in the client's own words; it comes back with the answer, and the job keeps it."""
    user: SafetyIdentifier | None = None
    """The same, where `safety_identifier` says nothing."""
    negative_prompt: Annotated[str, Meta(max_length=100_000)] | None = None
    seed: Annotated[int, Meta(ge=0, le=LARGEST_SEED)] | None = None
    """Of the first picture; each further one has one more. Drawn where it is left out."""
    num_inference_steps: Annotated[int, Meta(ge=1, le=1000)] | None = None
    """Instead of `quality`."""
    guidance_scale: Annotated[float, Meta(ge=0, le=100)] | None = None
    sampler: Annotated[str, Meta(min_length=1, max_length=100)] | None = None
    loras: Annotated[tuple[LoraChoice, ...], Meta(max_length=32)] | None = None

    @property
    def who(self) -> str | None:
        return self.safety_identifier or self.user or None

    @property
    def form(self) -> ResponseFormat:
        return self.response_format or ("url" if (self.model or "").startswith("dall-e") else "b64_json")


class OpenAIGeneration(ImageOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pictures from a prompt."""

    elsewhere: ClassVar[dict[str, str]] = {
        **ImageOptions.elsewhere,
        **dict.fromkeys(
            ("image", "mask", "strength", "input_fidelity"),
            "this makes pictures from a prompt alone; send pictures to /openai/v1/images/edits.",
        ),
    }


class OpenAIEdit(ImageOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pictures from a prompt and other pictures, which the form brings as files."""

    elsewhere: ClassVar[dict[str, str]] = {
        **ImageOptions.elsewhere,
        "markup": "no model here reads marks; draw them into the image, or send what shall be painted anew as mask.",
    }

    input_fidelity: Literal["low", "high"] | None = None
    strength: Annotated[float, Meta(ge=0, le=1)] | None = None
    """How much of the first picture is made anew: 0 nothing, 1 all."""


class UploadedFile(Struct, frozen=True):
    """A file of a form; `field` is what the one who sent it calls it."""

    field: str
    data: bytes


class EditOrder(Struct, frozen=True, kw_only=True):
    """All that one edit brings."""

    body: OpenAIEdit
    images: tuple[UploadedFile, ...]
    mask: UploadedFile | None = None
