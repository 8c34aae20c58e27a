"""What the tools take. The descriptions are read by language models: they say what to give, and what happens without."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct

from gateway.api.gallery.asked import LARGEST_SCALE
from gateway.api.priorities import Priority
from gateway.api.tasks.asked import LARGEST_SEED, MOST_EXTRA_IMAGES, HowMany, LoraChoice, Quality, Ratio
from gateway.images.library import Sort
from gateway.images.tags import LONGEST_TAG, LONGEST_TITLE, MOST_TAGS
from gateway.jobs.request import OutputFormat

View = Literal["none", "small", "medium", "large"]
SIDES: dict[View, int] = {"small": 256, "medium": 768, "large": 1536}
"""Pixels of the longest side of a picture as it comes within an answer."""
Background = Literal["auto", "opaque", "transparent"]
MOST_FOUND = 50
_SIZE = dict.fromkeys(("width", "height"), "say size, such as 1024x768.")
_KEY = r"^[\x20-\x7e]+$"

_WAYS = (
    "its id (search_images, every tool that makes pictures, and POST /v1/uploads for a file on your side tell it), "
    "darkroom://images/{id}, an http(s) URL, or a data: URI"
)
PictureName = Annotated[str, Meta(min_length=1, description=f"A picture: {_WAYS}.")]
Viewed = Annotated[
    View,
    Meta(
        description="How large each picture comes within the answer: small 256, medium 768, large 1536 pixels, or none. Its "
        "url opens the whole of it in any case."
    ),
]
JobId = Annotated[str, Meta(min_length=1, max_length=64, description="The job_id that another tool answered with.")]
_Tag = Annotated[str, Meta(min_length=1, max_length=LONGEST_TAG)]
Tags = Annotated[tuple[_Tag, ...], Meta(max_length=MOST_TAGS)]


class Ordering(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What all tools have that make pictures."""

    elsewhere: ClassVar[dict[str, str]] = {
        "webhook": "nobody is called from here; wait_for_job waits for a job's end.",
    }
    title: Annotated[str, Meta(max_length=LONGEST_TITLE, description="A title for the gallery.")] | None = None
    tags: Annotated[Tags, Meta(description="Tags for the gallery.")] | None = None
    output_format: Annotated[OutputFormat, Meta(description="Of the file behind the url.")] = "png"
    priority: (
        Annotated[Priority, Meta(description="bulk jobs run when no interactive one waits. Default: what the key says.")] | None
    ) = None
    view: Viewed = "medium"
    wait: Annotated[
        bool,
        Meta(
            description="Wait for the pictures. False: answer at once with a job_id for wait_for_job, as a long job is "
            "answered in any case."
        ),
    ] = True
    idempotency_key: (
        Annotated[
            str,
            Meta(
                min_length=1,
                max_length=255,
                pattern=_KEY,
                description="Any word of yours: the same call with the same word within 24 hours leads to the same job.",
            ),
        ]
        | None
    ) = None


class Drawing(Ordering, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What those have that draw from words. What is left out is the model's own default."""

    elsewhere: ClassVar[dict[str, str]] = {**Ordering.elsewhere, **_SIZE}
    prompt: Annotated[str, Meta(min_length=1, max_length=100_000, description="What the picture shall show.")]
    model: Annotated[str, Meta(min_length=1, max_length=200, description="A model's id or alias, from list_models.")] | None = (
        None
    )
    size: (
        Annotated[
            str,
            Meta(
                pattern=r"^[1-9][0-9]{0,4}x[1-9][0-9]{0,4}$",
                description="width and height in pixels, such as 1024x768; instead of aspect_ratio and quality",
            ),
        ]
        | None
    ) = None
    aspect_ratio: Annotated[Ratio, Meta(description="Width to height; auto is the source's, else the model's own.")] | None = (
        None
    )
    quality: Annotated[Quality, Meta(description="About 1 megapixel, or 4; hd needs an aspect_ratio.")] | None = None
    n: Annotated[HowMany, Meta(description="How many pictures.")] = 1
    negative_prompt: Annotated[str, Meta(max_length=100_000, description="What it shall not show.")] = ""
    steps: Annotated[int, Meta(ge=1, le=1000, description="Steps of the sampler.")] | None = None
    guidance_scale: Annotated[float, Meta(ge=0, le=100, description="How closely the prompt is followed.")] | None = None
    sampler: Annotated[str, Meta(min_length=1, max_length=100, description="One of the model's samplers.")] | None = None
    seed: (
        Annotated[int, Meta(ge=0, le=LARGEST_SEED, description="The same seed draws the same again; default: drawn.")] | None
    ) = None
    loras: Annotated[tuple[LoraChoice, ...], Meta(max_length=32, description="LoRAs of the model, by name.")] = ()
    background: Annotated[
        Background, Meta(description="transparent needs a model that can, and output_format png or webp.")
    ] = "auto"


class GenerateCall(Drawing, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new picture from words."""

    elsewhere: ClassVar[dict[str, str]] = {
        **Drawing.elsewhere,
        **dict.fromkeys(
            ("image", "images", "mask", "strength", "extra_images"), "this draws from words alone; edit_image takes pictures."
        ),
    }


class EditCall(Drawing, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new version of a picture, or a new picture after others."""

    image: Annotated[PictureName, Meta(description=f"The picture to change: {_WAYS}.")]
    extra_images: Annotated[
        tuple[PictureName, ...],
        Meta(max_length=MOST_EXTRA_IMAGES, description="Pictures to look at besides, each named as image is."),
    ] = ()
    mask: (
        Annotated[
            PictureName, Meta(description="A picture as large as image: what is white is painted anew, what is black stays.")
        ]
        | None
    ) = None
    strength: Annotated[float, Meta(ge=0, le=1, description="How much is made anew: 0 nothing, 1 all.")] | None = None
    edit_session_id: (
        Annotated[str, Meta(min_length=1, max_length=64, description="Of the edit that this one goes on from.")] | None
    ) = None


class UpscaleCall(Ordering, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The same picture, larger."""

    image: Annotated[PictureName, Meta(description=f"The picture to make larger: {_WAYS}.")]
    scale: Annotated[float, Meta(ge=1.1, le=LARGEST_SCALE, description="How many times as wide and as high.")] = 2.0
    upscaler: (
        Annotated[str, Meta(min_length=1, max_length=200, description="A model that can upscale, from list_models.")] | None
    ) = None
    edit_session_id: (
        Annotated[str, Meta(min_length=1, max_length=64, description="Of the edit that this one goes on from.")] | None
    ) = None


class ModelsCall(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Nothing, for all models; or one, for its samplers and all that it lets be chosen."""

    model: (
        Annotated[str, Meta(min_length=1, max_length=200, description="Only this one, by id or alias, with its samplers.")]
        | None
    ) = None


class SearchCall(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which pictures of the gallery; all conditions must hold."""

    q: (
        Annotated[
            str,
            Meta(
                max_length=1_000,
                description='Words of the prompt, the title or the tags, or how they begin; "a phrase"; -not this one.',
            ),
        ]
        | None
    ) = None
    model: Annotated[str, Meta(max_length=1_000, description="The id of the model that made it.")] | None = None
    tags: Annotated[Tags, Meta(description="It has all of these tags.")] | None = None
    favorite: Annotated[bool, Meta(description="Only favorites, or only others.")] | None = None
    since: Annotated[str, Meta(max_length=64, description="A date, 2026-05-01, or an instant; inclusive.")] | None = None
    until: Annotated[str, Meta(max_length=64, description="A date, 2026-05-01, or an instant; inclusive.")] | None = None
    sort: Annotated[Sort, Meta(description="In which order.")] = "newest"
    limit: Annotated[int, Meta(ge=1, le=MOST_FOUND, description="How many at most.")] = 10
    cursor: Annotated[str, Meta(max_length=1_000, description="next of the answer before, with the same filters.")] | None = (
        None
    )


class GetCall(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which picture, and how large."""

    elsewhere: ClassVar[dict[str, str]] = {
        "size": "what comes within the answer is said by view; the url opens the whole picture.",
    }
    image: Annotated[
        str, Meta(min_length=1, max_length=8192, description="The picture's id, darkroom://images/{id}, or its url.")
    ]
    view: Viewed = "medium"


class WaitCall(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which job."""

    job_id: JobId
    view: Viewed = "medium"


class CancelCall(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which job."""

    job_id: JobId
