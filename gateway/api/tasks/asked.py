"""What the Tasks surface takes."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, TypeAlias

from msgspec import Meta, Struct

from gateway.api.priorities import Priority
from gateway.jobs.request import OutputFormat

Quality = Literal["standard", "hd"]
Ratio = Literal["auto", "1:1", "16:9", "9:16", "4:3", "3:4", "2:1"]
LARGEST_SEED = 2**53 - 1
MOST_EXTRA_IMAGES = 15
MOST_PICTURES = 4
"""Of one request, whatever its model could make."""
HowMany = Annotated[
    int, Meta(ge=1, le=MOST_PICTURES, extra={"words": f"a whole number from 1 to {MOST_PICTURES}; for more, ask again"})
]
PixelSize = Annotated[
    str, Meta(pattern=r"^[1-9][0-9]{0,4}x[1-9][0-9]{0,4}$", description="width and height in pixels, such as 1024x768")
]


class LoraChoice(Struct, frozen=True, forbid_unknown_fields=True):
    """A LoRA by its name; `weight` 0 is without it, 1 with all of it."""

    name: Annotated[str, Meta(min_length=1, max_length=200)]
    weight: Annotated[float, Meta(ge=-10, le=10)] = 1.0


class Callback(Struct, frozen=True, forbid_unknown_fields=True):
    """Called once the task is finished, signed as the Standard Webhooks specification says."""

    url: Annotated[str, Meta(min_length=1, max_length=2048)]


class UrlPicture(Struct, frozen=True, forbid_unknown_fields=True, tag="url"):
    """A picture on the web; it is fetched once, when the task is accepted."""

    url: Annotated[str, Meta(min_length=1, max_length=8192)]


class ArtifactPicture(Struct, frozen=True, forbid_unknown_fields=True, tag="artifact"):
    """A picture that is here: an upload, or any result of an earlier task."""

    artifact_id: Annotated[str, Meta(min_length=1, max_length=64)]


class DataUriPicture(Struct, frozen=True, forbid_unknown_fields=True, tag="data_uri"):
    """The picture itself: data:image/png;base64,..."""

    data_uri: Annotated[str, Meta(min_length=1)]


AnyPicture: TypeAlias = UrlPicture | ArtifactPicture | DataUriPicture


class Asked(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What both kinds of tasks have. What is left out, or null, is the model's own default."""

    prompt: Annotated[str, Meta(min_length=1, max_length=100_000)]
    model: Annotated[str, Meta(min_length=1, max_length=200)] = "auto"
    """A model's id or alias, or "auto" for the best one that is available."""
    quality: Quality | None = None
    """`standard` is about 1 megapixel and `hd` 4, unless the model says otherwise; hd needs an aspect_ratio."""
    aspect_ratio: Ratio | None = None
    """Width to height; "auto" is the source picture's where there is one, else the model's own."""
    size: PixelSize | None = None
    """Instead of quality and aspect_ratio. The price is that of the quality whose area is nearest."""
    n: HowMany = 1
    steps: Annotated[int, Meta(ge=1, le=1000)] | None = None
    guidance_scale: Annotated[float, Meta(ge=0, le=100)] | None = None
    sampler: Annotated[str, Meta(min_length=1, max_length=100)] | None = None
    seed: Annotated[int, Meta(ge=0, le=LARGEST_SEED)] | None = None
    """Of the first picture; each further one has one more. Drawn where it is left out."""
    negative_prompt: Annotated[str, Meta(max_length=100_000)] = ""
    output_format: OutputFormat = "png"
    priority: Priority | None = None
    """Bulk jobs run when no interactive one waits. Else the X-Darkroom-Priority header, else what the key says."""
    loras: Annotated[tuple[LoraChoice, ...], Meta(max_length=32)] = ()
    webhook: Callback | None = None


class Generation(Asked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pictures from a prompt."""

    elsewhere: ClassVar[dict[str, str]] = {
        "strength": "it says how much of a source picture is made anew, and here is none; leave it out.",
        "mask": "it marks a part of a source picture, and here is none; leave it out.",
        "image": "this makes pictures from a prompt alone; send pictures to /v1/images/image-to-image.",
        "extra_images": "this makes pictures from a prompt alone; send pictures to /v1/images/image-to-image.",
    }


class ImageToImage(Asked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pictures from a prompt and other pictures."""

    elsewhere: ClassVar[dict[str, str]] = {"images": "the first picture is `image`, the others are `extra_images`."}

    image: AnyPicture
    """What is changed; a model that changes no picture looks at it."""
    extra_images: Annotated[tuple[AnyPicture, ...], Meta(max_length=MOST_EXTRA_IMAGES)] = ()
    """What is looked at besides; how many a model takes is its `max_references` at /v1/models."""
    mask: AnyPicture | None = None
    """As large as `image`: what is white is painted anew, what is black stays."""
    strength: Annotated[float, Meta(ge=0, le=1)] | None = None
    """How much of `image` is made anew: 0 nothing, 1 all."""

    @property
    def pictures(self) -> tuple[AnyPicture, ...]:
        """All but the mask, in order."""
        return (self.image, *self.extra_images)
