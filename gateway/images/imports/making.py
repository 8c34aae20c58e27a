"""A file that somebody had -> the image that it becomes. Pure, but for the pixels that are read; use a thread."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

import msgspec
from msgspec import Struct

from gateway.accounts import Principal
from gateway.db import id_at
from gateway.images import reading
from gateway.images.image import Image
from gateway.images.imports.offers import origin, taken_tags
from gateway.images.reading import Found, Recipe
from gateway.images.tags import LONGEST_TITLE
from gateway.storage import Finished, keep
from gateway.storage.blobs import content_hash
from gateway.storage.reading import UnreadablePicture, sniff

LONGEST_MODEL, LONGEST_ENGINE = 128, 64
"""Characters, as the table has room for."""
LARGEST_REST = 16_384
"""Bytes of JSON that are kept of what a tool says beyond what we know; the file itself keeps all of it."""
_COLUMNS = {"prompt", "negative_prompt", "seed", "model", "width", "height", "created_at", "more"}
_VERSION = re.compile(r"\s+v?\d.*|\s+[0-9a-f]{7,40}\b.*|\s+\(.*")


class Made(Struct, frozen=True):
    """What of a file is stored beside its bytes."""

    hash: str
    finished: Finished
    """Its `data` is empty where the file stays where it lies."""
    size: int
    """In bytes."""
    found: Found
    thumbnails: Mapping[int, str]
    """The hash of each, by its longest side."""

    @property
    def blobs(self) -> dict[str, bytes]:
        """All that is to be kept, by hash."""
        small = {self.thumbnails[side]: data for side, data in self.finished.thumbnails.items()}
        return {**small, **({self.hash: self.finished.data} if self.finished.data else {})}


def made(data: bytes, hash: str, *, largest_pixels: int, stays: bool = False) -> Made:
    """Read a file. `stays`: its bytes are not kept by us. Raises UnreadablePicture."""
    if sniff(data) == "image/avif":
        raise UnreadablePicture("AVIF is not taken; save it as PNG, JPEG, WebP or GIF.")
    finished = keep(data, largest_pixels=largest_pixels)
    thumbnails = {side: content_hash(small) for side, small in finished.thumbnails.items()}
    if stays:
        finished = msgspec.structs.replace(finished, data=b"")
    return Made(hash, finished, len(data), reading.read(data), thumbnails)


def image_of(
    principal: Principal, one: Made, *, path: str, modified_at: int | None, tags: Sequence[str], moment: int, by_chance: int
) -> Image:
    """Its row: dated as its metadata says, else as its file was, but never after `moment`; the id sorts accordingly.

    `by_chance` is one of `gateway.db.drawn`.
    """
    recipe, finished = one.found.recipe, one.finished
    dated = one.found.created_at or modified_at
    created_at = moment if dated is None else min(max(dated, 0), moment)
    name = origin(PurePosixPath(path).stem)
    return Image(
        id=id_at(created_at, by_chance),
        team_id=principal.team_id,
        user_id=principal.user_id,
        job_id=None,
        ordinal=0,
        parent_id=None,
        source="import",
        blob=one.hash,
        thumbnail_256=one.thumbnails[256],
        thumbnail_768=one.thumbnails.get(768),
        thumbhash=finished.thumbhash,
        media_type=finished.media_type,
        bytes=one.size,
        width=finished.width,
        height=finished.height,
        # The name of a file that tells its prompt is a number, in every tool's default; of others it is all there is.
        title="" if recipe and recipe.prompt else name[:LONGEST_TITLE].strip(),
        model=recipe.model.name[:LONGEST_MODEL] if recipe else "",
        engine=_VERSION.sub("", recipe.software)[:LONGEST_ENGINE] if recipe else "",
        prompt=recipe.prompt if recipe else "",
        negative_prompt=recipe.negative_prompt if recipe else "",
        seed=recipe.seed if recipe else None,
        parameters=_parameters(recipe, finished) if recipe else {},
        created_at=created_at,
        deleted_at=None,
        tags=taken_tags(tags),
        origin=origin(path),
        found_by=name,
    )


def _parameters(recipe: Recipe, finished: Finished) -> dict[str, Any]:
    """As pictures that were made here have them, and the tool's own words behind."""
    said = {
        name: value
        for name, value in msgspec.to_builtins(recipe).items()
        if name not in _COLUMNS and value not in (None, "", [])
    }
    if recipe.model.hash:
        said["model_hash"] = recipe.model.hash
    if recipe.width and recipe.height and (recipe.width, recipe.height) != (finished.width, finished.height):
        said["made"] = {"width": recipe.width, "height": recipe.height}
    if recipe.more and len(msgspec.json.encode(recipe.more)) <= LARGEST_REST:
        said["more"] = recipe.more
    return said
