"""What the Open WebUI surface takes."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct

from gateway.api.tasks.asked import LARGEST_SEED, MOST_EXTRA_IMAGES

AUTO = "auto"
MOST_IMAGES = 1 + MOST_EXTRA_IMAGES
MOST_METADATA = 32
"""Names in `metadata`. Open WebUI itself writes some ten."""
LARGEST_METADATA = 16_384
"""Of it, in bytes of JSON."""
Prompt = Annotated[str, Meta(min_length=1, max_length=100_000)]
Negative = Annotated[str, Meta(max_length=100_000)]
ModelName = Annotated[str, Meta(max_length=200)]
AskedSize = Annotated[
    str, Meta(pattern=r"^(auto|[1-9][0-9]{0,4}x[1-9][0-9]{0,4})?$", description='"auto", or width and height such as 1024x768')
]
Count = Annotated[int, Meta(ge=1, le=10_000)]
Steps = Annotated[int, Meta(ge=1, le=1000)]
Seed = Annotated[int, Meta(ge=0, le=LARGEST_SEED)]
Metadata = Annotated[dict[str, Any], Meta(max_length=MOST_METADATA)]
Picture = Annotated[str, Meta(min_length=1)]


class WebuiGeneration(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pictures from words. What is left out, null or empty, is as the configuration says, else the model's own."""

    prompt: Prompt
    model: ModelName | None = None
    """A model's id or alias, of whatever engine, or "auto"."""
    size: AskedSize | None = None
    n: Count | None = None
    """How many; 1 where it is left out."""
    steps: Steps | None = None
    negative_prompt: Negative | None = None
    seed: Seed | None = None
    """Of the first picture; each further one has one more. Open WebUI has no such field."""
    metadata: Metadata | None = None
    """Kept with the pictures' files, as `meta.data`. With `chat_id` and `message_id` they are that chat message's."""


class WebuiEdit(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pictures from pictures and words."""

    image: Picture | Annotated[tuple[Picture, ...], Meta(min_length=1, max_length=MOST_IMAGES)]
    """A data URL, the URL of a picture on the web, the id of a file, its path (/api/v1/files/{id}/content), or a list of
    them: the first is changed, the others are looked at."""
    prompt: Prompt
    model: ModelName | None = None
    size: AskedSize | None = None
    """Left out, or "auto": of the first picture's ratio."""
    n: Count | None = None
    negative_prompt: Negative | None = None
    background: Annotated[str, Meta(max_length=20)] | None = None
    """`auto`, `opaque` or `transparent`."""
    mask: Picture | None = None
    """As `image` is given, and as large as it: what is white is painted anew. Open WebUI has none of these four fields."""
    strength: Annotated[float, Meta(ge=0, le=1)] | None = None
    """How much of the first picture is made anew: 0 nothing, 1 all."""
    steps: Steps | None = None
    seed: Seed | None = None
    metadata: Metadata | None = None
    """As for pictures from words."""

    @property
    def images(self) -> tuple[str, ...]:
        return (self.image,) if isinstance(self.image, str) else self.image
