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
from gateway.images.closed import TRASH_SECONDS, Closed
from gateway.images.file_names import EXTENSIONS
from gateway.images.records import Image
from gateway.jobs.archives import name_of
from gateway.sharing.live import Shown
from gateway.storage import Signer

Kind = Literal["content", "thumbnail"]
MEDIA_TYPES = {extension: media_type for media_type, extension in EXTENSIONS.items()}
THUMBNAIL_TYPE = "image/webp"
PUBLIC = "public"
"""The scope of addresses that the public gallery hands out."""
PUBLIC_SECONDS = 3600
SHARE, SHARED_BY = "share", "by"
"""The scope of addresses that the page of a link hands out, and the parameter that names the link (not its token)."""
ZIP = "application/zip"
ARCHIVE = "archive"
EXPORT = "export"
"""The scope of addresses of archives."""
_LONGEST_EXPORT = 86_000
"""Seconds, under a day, so that the end is rounded up to a minute and not to a day."""
TRASH = "trash"
"""The scope of addresses of pictures in the trash: no other one opens those."""
_OURS = re.compile(r"/v1/images/(?P<image_id>[^/]+)/(?:content|thumbnail)/(?P<name>[^/]+)")
_NAME = re.compile(r"(?P<hash>[0-9a-f]{64})\.(?P<extension>[a-z]{3,4})")


class Stored(Struct, frozen=True):
    """What is needed to serve some bytes."""

    hash: str
    media_type: str

    @property
    def extension(self) -> str:
        return "zip" if self.media_type == ZIP else EXTENSIONS.get(self.media_type, "bin")


def content(image: Image, copy: str | None = None) -> Stored:
    """The picture's bytes, or the blob of a copy of them."""
    return Stored(copy or image.blob, image.media_type)


def thumbnail(image: Image, size: int, copy: str | None = None) -> Stored:
    """The thumbnail that fills `size` (256 or 768); the picture itself, or its copy, where that is no larger than 768."""
    if size <= 256:
        return Stored(image.thumbnail_256, THUMBNAIL_TYPE)
    return Stored(image.thumbnail_768, THUMBNAIL_TYPE) if image.thumbnail_768 else content(image, copy)


def archive(job_id: str) -> Stored:
    """What an export has written."""
    return Stored(name_of(job_id), ZIP)


def stored(name: str) -> Stored | None:
    """What `{hash}.{extension}` names; None for anything else."""
    parts = _NAME.fullmatch(name)
    if parts is None or parts["extension"] not in MEDIA_TYPES:
        return None
    return Stored(parts["hash"], MEDIA_TYPES[parts["extension"]])


class Links:
    """Makes them."""

    def __init__(self, signer: Signer, closed: Closed) -> None:
        self._signer = signer
        self._closed = closed

    @property
    def site(self) -> str:
        """How every address begins, without a path."""
        parts = urlsplit(self._signer.base_url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def base_url(self) -> str:
        """How every address begins, with the sub-path of a proxy and without a slash at its end."""
        return self._signer.base_url

    def content(self, image: Image) -> str:
        return self._signed("content", image, content(image))

    def thumbnail(self, image: Image, size: int = 256) -> str:
        return self._signed("thumbnail", image, thumbnail(image, size))

    def public_content(self, image: Image) -> str:
        """Of the copy without private data. Opens for an hour, and only while the picture is public."""
        return self._public("content", image.id, content(image, image.public_blob))

    def public_thumbnail(self, image: Image, size: int = 256) -> str:
        return self._public("thumbnail", image.id, thumbnail(image, size, image.public_blob))

    def share_content(self, shown: Shown) -> str:
        """Opens as long as the link does; where that has a password, for an hour."""
        return self._shared("content", shown, content(shown.image, shown.blob))

    def share_thumbnail(self, shown: Shown, size: int = 768) -> str:
        return self._shared("thumbnail", shown, thumbnail(shown.image, size, shown.blob))

    def export(self, job_id: str, expires_at: int) -> str:
        """Of an archive, until it expires (microseconds since the epoch), and for a day at most."""
        moment = now()
        left = max(60, min((expires_at - moment) // 1_000_000, _LONGEST_EXPORT))
        return self._signer.url(f"/v1/images/exports/{job_id}/{ARCHIVE}/darkroom.zip", EXPORT, now=moment, lifetime=left)

    def image_of(self, url: str) -> str | None:
        """The id in an address of a picture of ours, whether or not it still opens; None for any other."""
        base, path = self._signer.base_url, url.partition("?")[0]
        found = _OURS.fullmatch(path.removeprefix(base)) if path.startswith(base) else None
        return found["image_id"] if found else None

    async def blob_of(self, url: str) -> str | None:
        """Whose bytes an address of ours opens, so that the gateway need not ask itself for them; None for any other.

        Raises BadSignature, LinkExpired, and NotFound for a picture that was deleted.
        """
        base = self._signer.base_url
        path, _, query = url.partition("?")
        found = _OURS.fullmatch(path.removeprefix(base)) if path.startswith(base) else None
        what = stored(found["name"]) if found else None
        if found is None or what is None:
            return None
        if self._signer.verify(path.removeprefix(base), query, now()).scope != "live":
            raise BadSignature("This link was made for another place.")
        await self._closed.require(found["image_id"])
        return what.hash

    def _signed(self, kind: Kind, image: Image, what: Stored) -> str:
        path = _path(kind, image.id, what)
        if image.deleted_at is not None:
            return self._signer.url(path, TRASH, now=now(), lifetime=TRASH_SECONDS)
        return self._signer.url(path, now=now())

    def _shared(self, kind: Kind, shown: Shown, what: Stored) -> str:
        path = f"{_path(kind, shown.image.id, what)}?{SHARED_BY}={shown.share.name}"
        return self._signer.url(path, SHARE, now=now(), lifetime=PUBLIC_SECONDS if shown.share.password else None)

    def _public(self, kind: Kind, image_id: str, what: Stored) -> str:
        return self._signer.url(_path(kind, image_id, what), PUBLIC, now=now(), lifetime=PUBLIC_SECONDS)


def _path(kind: Kind, image_id: str, what: Stored) -> str:
    return f"/v1/images/{image_id}/{kind}/{what.hash}.{what.extension}"
