"""What the gallery takes that makes new pictures."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta, Struct

from gateway.api.priorities import Priority
from gateway.api.tasks.asked import MOST_EXTRA_IMAGES, AnyPicture, Asked, Callback, Generation
from gateway.images.tags import LONGEST_TAG, LONGEST_TITLE, MOST_TAGS
from gateway.jobs.request import OutputFormat

LARGEST_SCALE = 16
Title = Annotated[str, Meta(max_length=LONGEST_TITLE)]
Tags = Annotated[tuple[Annotated[str, Meta(min_length=1, max_length=LONGEST_TAG)], ...], Meta(max_length=MOST_TAGS)]
ModelName = Annotated[str, Meta(min_length=1, max_length=200)]
SessionId = Annotated[str, Meta(min_length=1, max_length=64)]


class GenerateImage(Generation, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A picture from a prompt; what is left out, or null, is the model's own default."""

    elsewhere: ClassVar[dict[str, str]] = {
        **Generation.elsewhere,
        "image": "this makes pictures from a prompt alone; edit one that is here at /v1/images/{id}/edit.",
    }
    model: ModelName | None = "auto"  # type: ignore[assignment]  # null is what is left out
    title: Title | None = ""
    tags: Tags | None = ()


class EditImage(Asked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another version of the picture; what is left out, or null, is the model's own default."""

    elsewhere: ClassVar[dict[str, str]] = {"image": "the picture is the one in the path."}

    model: ModelName | None = None  # type: ignore[assignment]  # None is no model's name, and not "auto" either
    """A model's id or alias, or "auto" for the best one that is available; not given: [settings.gallery] edit_model."""
    mask: AnyPicture | None = None
    """As large as the picture: what is white is painted anew, what is black stays."""
    strength: Annotated[float, Meta(ge=0, le=1)] | None = None
    """How much of the picture is made anew: 0 nothing, 1 all."""
    extra_images: Annotated[tuple[AnyPicture, ...], Meta(max_length=MOST_EXTRA_IMAGES)] = ()
    """What is looked at besides."""
    edit_session_id: SessionId | None = None
    """Of an edit that this one goes on from; not given: a new session begins."""
    title: Title | None = ""
    tags: Tags | None = ()


class UpscaleImage(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The same picture, larger."""

    scale: Annotated[float, Meta(ge=1.1, le=LARGEST_SCALE)] = 2.0
    """How many times as wide and as high."""
    upscaler: ModelName | None = None
    """A model that can do `upscale`, by id or alias; not given: the best one that is available."""
    edit_session_id: SessionId | None = None
    """Of an edit that this one goes on from."""
    title: Title | None = None
    """Not given: the picture's own, and so for the tags."""
    tags: Tags | None = None
    output_format: OutputFormat = "png"
    priority: Priority | None = None
    webhook: Callback | None = None
