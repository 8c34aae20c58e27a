"""Signed addresses of pictures: they open without a key and are checked without the database.

    /v1/images/{image_id}/content/{hash}.png?e=…&s=live&sig=…
    /v1/images/{image_id}/thumbnail/{hash}.webp?e=…&s=live&sig=…

The signature covers the path, and the path says all that is needed to answer: whose bytes, and of which type.
"""

from __future__ import annotations

import re
from typing import Literal

from msgspec import Struct

from gateway.db import now
from gateway.images.records import Image
from gateway.storage import Signer

Kind = Literal["content", "thumbnail"]
EXTENSIONS = {"image/png": "png", "image/webp": "webp", "image/jpeg": "jpg", "image/avif": "avif", "image/gif": "gif"}
MEDIA_TYPES = {extension: media_type for media_type, extension in EXTENSIONS.items()}
THUMBNAIL_TYPE = "image/webp"
_NAME = re.compile(r"(?P<hash>[0-9a-f]{64})\.(?P<extension>[a-z]{3,4})")


class Stored(Struct, frozen=True):
    """What is needed to serve some bytes."""

    hash: str
    media_type: str

    @property
    def extension(self) -> str:
        return EXTENSIONS.get(self.media_type, "bin")


def content(image: Image) -> Stored:
    return Stored(image.blob, image.media_type)


def thumbnail(image: Image, size: int) -> Stored:
    """The thumbnail that fills `size` (256 or 768); the picture itself where that is no larger than 768."""
    if size <= 256:
        return Stored(image.thumbnail_256, THUMBNAIL_TYPE)
    return Stored(image.thumbnail_768, THUMBNAIL_TYPE) if image.thumbnail_768 else content(image)


def stored(name: str) -> Stored | None:
    """What `{hash}.{extension}` names; None for anything else."""
    parts = _NAME.fullmatch(name)
    if parts is None or parts["extension"] not in MEDIA_TYPES:
        return None
    return Stored(parts["hash"], MEDIA_TYPES[parts["extension"]])


class Links:
    """Makes them."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    def content(self, image: Image) -> str:
        return self._signed("content", image.id, content(image))

    def thumbnail(self, image: Image, size: int = 256) -> str:
        return self._signed("thumbnail", image.id, thumbnail(image, size))

    def _signed(self, kind: Kind, image_id: str, what: Stored) -> str:
        return self._signer.url(f"/v1/images/{image_id}/{kind}/{what.hash}.{what.extension}", now=now())
