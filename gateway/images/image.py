"""An image as a value, and by what lists find and count it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from msgspec import Struct
from sqlalchemy import Row

from gateway.db import moment_of
from gateway.images.tags import folded

Source = Literal["generate", "edit", "upscale", "upload", "import"]
Kind = Literal["shown", "trash", "favorite", "upload", "model", "tag", "seed"]
DAY = 86_400_000_000
"""Microseconds."""


class Image(Struct, frozen=True, kw_only=True):
    """One stored picture; times are microseconds since the epoch."""

    id: str
    """Lists are in its order: one from elsewhere gets an id of when it was made, `gateway.db.id_at`."""
    team_id: str
    user_id: str
    job_id: str | None
    ordinal: int
    parent_id: str | None
    source: Source
    blob: str
    thumbnail_256: str
    thumbnail_768: str | None
    thumbhash: str
    media_type: str
    bytes: int
    width: int
    height: int
    title: str
    model: str
    engine: str
    prompt: str
    negative_prompt: str
    seed: int | None
    parameters: dict[str, Any]
    created_at: int
    deleted_at: int | None
    preset_id: str | None = None
    user_prompt: str | None = None
    published_at: int | None = None
    public_blob: str | None = None
    """Of a published picture: the copy without private data that everyone gets."""
    unsaved_at: int | None = None
    """The last use of an upload that nobody saved: no list shows it, and some days later it goes."""
    is_favorite: bool = False
    tags: list[str] = []
    """As they are shown; `gateway.images.tags.cleaned` makes them so."""
    edit_session_id: str | None = None
    origin: str | None = None
    found_by: str | None = None
    """What the search finds it by besides its own texts, such as the preset's name when it was made."""
    lost_at: int | None = None
    """When a check of the storage found its bytes gone."""

    @property
    def saved(self) -> bool:
        return self.unsaved_at is None

    @property
    def shown(self) -> bool:
        """Whether lists have it: it is past the trash, and no upload that nobody saved."""
        return self.deleted_at is None and self.unsaved_at is None

    @property
    def day(self) -> int:
        """Of its id, in days since the epoch, UTC."""
        return moment_of(self.id) // DAY


def from_row(row: Row[Any]) -> Image:
    """Of a row with all columns of `images`; others are passed over."""
    values = dict(zip(row._fields, row, strict=True))
    for name in values.keys() - _FIELDS:
        del values[name]
    values["tags"] = values["tags"] or []
    return Image(**values)


_FIELDS = frozenset(Image.__struct_fields__)


class Facet(Struct, frozen=True):
    """One thing that pictures are counted by and filtered by; by their seed they are filtered alone."""

    kind: Kind
    key: str = ""


def facets(image: Image) -> Iterator[tuple[Facet, str]]:
    """Each with its label, as it stands now; nothing for an upload that nobody saved."""
    if image.deleted_at is not None:
        yield Facet("trash"), ""
    elif image.shown:
        yield Facet("shown"), ""
        if image.source == "upload":
            yield Facet("upload"), ""
        if image.is_favorite:
            yield Facet("favorite"), ""
        if image.model:
            yield Facet("model", image.model), image.model
        for tag in image.tags:
            yield Facet("tag", folded(tag)), tag


def searched(image: Image) -> list[Facet]:
    """What the words' index has of it besides words."""
    seed = [] if image.seed is None else [Facet("seed", str(image.seed))]
    return [facet for facet, _ in facets(image)] + seed


def texts(image: Image) -> tuple[str, ...]:
    """What every image is found by."""
    return image.title, image.prompt, image.user_prompt or "", *image.tags, image.found_by or ""
