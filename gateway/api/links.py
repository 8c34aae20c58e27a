"""Signed addresses of pictures: they open without a key and are checked without the database.

    /v1/images/{image_id}/content/{hash}.png?e=…&s=live&sig=…
    /v1/images/{image_id}/thumbnail/{hash}.webp?e=…&s=live&sig=…

The signature covers the path, and the path says all that is needed to answer: whose bytes, and of which type.
"""

from __future__ import annotations

import re
from typing import Literal
from urllib.parse import urlsplit

from msgspec import Struct

from gateway.db import now
from gateway.errors import BadSignature
from gateway.images.records import Image
from gateway.storage import Signer

Kind = Literal["content", "thumbnail"]
EXTENSIONS = {"image/png": "png", "image/webp": "webp", "image/jpeg": "jpg", "image/avif": "avif", "image/gif": "gif"}
MEDIA_TYPES = {extension: media_type for media_type, extension in EXTENSIONS.items()}
THUMBNAIL_TYPE = "image/webp"
PUBLIC = "public"
"""The scope of addresses that the public gallery hands out."""
PUBLIC_SECONDS = 3600
_OURS = re.compile(r"/v1/images/[^/]+/(?:content|thumbnail)/(?P<name>[^/]+)")
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

    @property
    def site(self) -> str:
        """How every address begins, without a path."""
        parts = urlsplit(self._signer.base_url)
        return f"{parts.scheme}://{parts.netloc}"

    def content(self, image: Image) -> str:
        return self._signed("content", image.id, content(image))

    def thumbnail(self, image: Image, size: int = 256) -> str:
        return self._signed("thumbnail", image.id, thumbnail(image, size))

    def public_content(self, image: Image) -> str:
        """Opens for an hour, and only while the picture is public."""
        return self._public("content", image.id, content(image))

    def public_thumbnail(self, image: Image, size: int = 256) -> str:
        return self._public("thumbnail", image.id, thumbnail(image, size))

    def blob_of(self, url: str) -> str | None:
        """Whose bytes an address of ours opens, so that the gateway need not ask itself for them; None for any other.

        Raises BadSignature, LinkExpired.
        """
        base = self._signer.base_url
        path, _, query = url.partition("?")
        found = _OURS.fullmatch(path.removeprefix(base)) if path.startswith(base) else None
        what = stored(found["name"]) if found else None
        if what is None:
            return None
        if self._signer.verify(path.removeprefix(base), query, now()).scope != "live":
            raise BadSignature("This link was made for another place.")
        return what.hash

    def _signed(self, kind: Kind, image_id: str, what: Stored) -> str:
        return self._signer.url(_path(kind, image_id, what), now=now())

    def _public(self, kind: Kind, image_id: str, what: Stored) -> str:
        return self._signer.url(_path(kind, image_id, what), PUBLIC, now=now(), lifetime=PUBLIC_SECONDS)


def _path(kind: Kind, image_id: str, what: Stored) -> str:
    return f"/v1/images/{image_id}/{kind}/{what.hash}.{what.extension}"
