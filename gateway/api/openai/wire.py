"""How pictures and models are shown as OpenAI's API shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType

from gateway.api.openai.asked import ImageOptions
from gateway.api.openai.responses_asked import ImageTool
from gateway.api.streams import frame
from gateway.images.records import Image
from gateway.jobs.records import Job
from gateway.wallet.money import number

Operation = Literal["image_generation", "image_edit"]
FORMATS = {"image/png": "png", "image/webp": "webp", "image/jpeg": "jpeg"}
_NEWER = {"standard": "medium", "hd": "high"}
"""Words of older models -> those that answers have."""
_SECOND = 1_000_000


class TokenDetails(Struct, frozen=True, kw_only=True):
    image_tokens: int = 0
    text_tokens: int = 0


class ImageUsage(Struct, frozen=True, kw_only=True):
    """Tokens as the model's maker counted them; nothing that runs here counts any. `credits` is what it cost here."""

    input_tokens: int = 0
    input_tokens_details: TokenDetails = TokenDetails()
    output_tokens: int = 0
    output_tokens_details: TokenDetails = TokenDetails()
    total_tokens: int = 0
    credits: int | float = 0


class OpenAIImage(Struct, frozen=True, kw_only=True):
    """One picture. `id` is the image's in the gallery, `seed` what makes it again."""

    b64_json: str | UnsetType = UNSET
    url: str | UnsetType = UNSET
    """Opens without a key until it expires."""
    revised_prompt: str | UnsetType = UNSET
    id: str
    seed: int | None


class OpenAIImages(Struct, frozen=True, kw_only=True):
    """All pictures of a request; fewer than were asked for where some came to nothing."""

    created: int
    """Seconds since the epoch."""
    data: tuple[OpenAIImage, ...]
    background: str
    output_format: str
    quality: str | UnsetType = UNSET
    """What was asked for, or what the model's maker settled."""
    size: str
    safety_identifier: str | UnsetType = UNSET
    usage: ImageUsage
    model: str
    """The concrete one, also where it was asked for by an alias."""


class PartialImage(Struct, frozen=True, kw_only=True):
    """An event: how the picture looks so far, smaller than it will be."""

    type: str
    b64_json: str
    partial_image_index: int
    created_at: int
    size: str
    """Of the picture that is made."""
    quality: str
    background: str
    output_format: str


class CompletedImage(Struct, frozen=True, kw_only=True):
    """An event: one picture is done."""

    type: str
    b64_json: str
    created_at: int
    size: str
    quality: str
    background: str
    output_format: str
    usage: ImageUsage
    safety_identifier: str | UnsetType = UNSET
    id: str
    seed: int | None


class OpenAIModel(Struct, frozen=True, kw_only=True):
    """A model that can be asked for, or one that was retired: then `shutdown_date` says since when."""

    id: str
    object: Literal["model"] = "model"
    created: int = 0
    """Nobody knows."""
    owned_by: str
    """The engine that runs it."""
    shutdown_date: str | None = None


class OpenAIModels(Struct, frozen=True, kw_only=True):
    object: Literal["list"] = "list"
    data: list[OpenAIModel]


def usage(told: Mapping[str, Any] | None, job: Job) -> ImageUsage:
    """`told` is what the engine reported."""
    counted = told or {}
    given, made = _count(counted, "input_tokens"), _count(counted, "output_tokens")
    return ImageUsage(
        input_tokens=given,
        input_tokens_details=_details(counted.get("input_tokens_details")),
        output_tokens=made,
        output_tokens_details=_details(counted.get("output_tokens_details")),
        total_tokens=_count(counted, "total_tokens") or given + made,
        credits=number(job.charged - job.refunded),
    )


def made_images(
    job: Job, asked: ImageOptions, images: Sequence[Image], shown: Sequence[str], counted: ImageUsage
) -> OpenAIImages:
    """`shown` is what each picture is shown by: its base64, or its URL."""
    form = asked.form
    data = tuple(
        OpenAIImage(
            b64_json=text if form == "b64_json" else UNSET,
            url=text if form == "url" else UNSET,
            revised_prompt=said_of(image).get("revised_prompt") or UNSET,
            id=image.id,
            seed=image.seed,
        )
        for image, text in zip(images, shown, strict=True)
    )
    first = images[0]
    return OpenAIImages(
        created=job.created_at // _SECOND,
        data=data,
        background=background(job, first),
        output_format=FORMATS.get(first.media_type, "png"),
        quality=quality(asked, first) or UNSET,
        size=f"{first.width}x{first.height}",
        safety_identifier=asked.who or UNSET,
        usage=counted,
        model=job.model,
    )


def background(job: Job, image: Image | None = None) -> str:
    """As it was chosen, or as the model's maker settled it; else nobody made it transparent."""
    chosen = job.request.choices.get("background") or (said_of(image).get("background") if image else None)
    return "transparent" if chosen == "transparent" else "opaque"


def quality(asked: ImageOptions | ImageTool, image: Image | None = None) -> str | None:
    """None where nobody said."""
    word = asked.quality if asked.quality != "auto" else None
    settled = said_of(image).get("quality") if image else None
    said = word or (settled if isinstance(settled, str) else None)
    return _NEWER.get(said, said) if said else None


def error_event(told: dict[str, Any]) -> bytes:
    """The last of a stream that comes to nothing; its clients raise what is in `error`."""
    return frame("error", {"type": "error", **told})


def said_of(image: Image) -> Mapping[str, Any]:
    """What the engine said of the picture."""
    told = image.parameters.get("parameters")
    return told if isinstance(told, dict) else {}


def _details(told: object) -> TokenDetails:
    counted = told if isinstance(told, dict) else {}
    return TokenDetails(image_tokens=_count(counted, "image_tokens"), text_tokens=_count(counted, "text_tokens"))


def _count(counted: Mapping[str, Any], name: str) -> int:
    value = counted.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else 0
