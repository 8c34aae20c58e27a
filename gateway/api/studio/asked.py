"""What the Studio surface takes."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from gateway.api.tasks.asked import Callback
from gateway.presets.filling import LONGEST_PROMPT
from gateway.presets.presets import Resolution

Ratio = Literal[
    "1:1", "1:2", "1:4", "1:8", "2:1", "2:3", "3:2", "3:4", "4:1", "4:3", "4:5", "5:4", "8:1",
    "9:16", "9:19.5", "16:9", "19.5:9", "21:9",
]  # fmt: skip
Form = Literal["url", "b64_json", "both"]
MEGAPIXELS: dict[Resolution, float] = {"low": 0.25, "standard": 1, "high": 4, "4k": 16}
"""Of 2^20 pixels, whatever the ratio."""
MOST_REFERENCES = 5


class Base64Picture(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A reference picture; its bytes say what it is."""

    data: Annotated[str, Meta(min_length=1)]
    mime_type: Annotated[str, Meta(max_length=100)] = ""


class ImageGeneration(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Pictures from a prompt, from a preset, or from both. What is left out is the preset's, else the model's own."""

    prompt: Annotated[str, Meta(max_length=LONGEST_PROMPT)] | None = None
    """May be left out with a preset; with one it stands behind the rendered template."""
    negative_prompt: Annotated[str, Meta(max_length=LONGEST_PROMPT)] | None = None
    preset_id: Annotated[str, Meta(max_length=100)] | None = None
    variables: dict[str, Any] | None = None
    """What the blanks of the preset's template are filled with, by key."""
    aspect_ratio: Ratio | None = None
    """Width to height. Left out, it is the first reference picture's, else the model's own."""
    resolution: Resolution | None = None
    """About 0.25, 1, 4 or 16 megapixels; `standard` unless the preset says otherwise."""
    sample_count: Annotated[int, Meta(ge=1, le=10)] | None = None
    """How many pictures; 1 unless the preset says otherwise."""
    model_version: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    """A model's id or alias. Left out, it is the preset's, else the team's, else the best that is available."""
    is_public: bool | None = None
    """The pictures go to the public gallery. It does not show their prompt, but the files carry it, as all pictures do."""
    ref_image_base64: Annotated[tuple[Base64Picture, ...], Meta(max_length=MOST_REFERENCES)] | None = None
    ref_image_urls: (
        Annotated[tuple[Annotated[str, Meta(min_length=1, max_length=8192)], ...], Meta(max_length=MOST_REFERENCES)] | None
    ) = None
    """Fetched once, by the server, from public addresses."""
    webhook: Callback | None = None
    seed: Annotated[int, Meta(ge=0, le=2**53 - 1)] | None = None
    """Of the first picture; each further one has one more. Drawn where it is left out."""


class UploadedFile(Struct, frozen=True):
    """A file of a multipart body; `name` is the part's, which says what requirement it meets."""

    name: str
    data: bytes


class Order(Struct, frozen=True):
    """All that one request brings."""

    body: ImageGeneration
    files: tuple[UploadedFile, ...] = ()


RESERVED = frozenset(ImageGeneration.__struct_encode_fields__)
"""Names that a preset's requirements cannot have: in a multipart body they mean these fields."""
