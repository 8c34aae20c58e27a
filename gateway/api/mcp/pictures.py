"""Pictures as they come within an answer: small enough for a language model and for the client that hands them to it.

Every client reads JPEG and PNG; WebP is not known to all of them.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator, Sequence

import numpy as np
from msgspec import Struct
from PIL import Image as Pillow

from gateway.api.mcp.asked import SIDES, View
from gateway.errors import DarkroomError
from gateway.images.image import Image
from gateway.storage import BlobStore
from gateway.storage.encoding import encode_png, picture, save
from gateway.storage.provenance import mark_of
from gateway.storage.reading import LARGEST_KEPT, read

ANSWER_BYTES = 700_000
"""Of all pictures of an answer, before base64 makes a third more of them: some clients refuse a result beyond 1 MB."""
_QUALITIES = (88, 80, 65)
_SMALLER = 0.75
"""Of its sides, where a picture has too many bytes at the lowest quality still."""
_LEAST = 64
"""Pixels; nothing smaller is tried."""
_AT_ONCE = 2
"""Pictures that are unpacked at a time; the largest take 700 MB."""
_READ_EVERYWHERE = frozenset({"image/png", "image/jpeg"})


class View64(Struct, frozen=True):
    """A picture within an answer."""

    data: str
    """Base64."""
    media_type: str


class Views:
    """Makes them."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def of(self, images: Sequence[Image], view: View) -> list[View64]:
        """One for each picture whose bytes are there; none for the view `none`."""
        if view == "none" or not images:
            return []
        most = ANSWER_BYTES // len(images)
        made = [await self._one(image, SIDES[view], most) for image in images]
        return [each for each in made if each]

    async def whole(self, image: Image, most: int) -> View64:
        """The file itself; of one that has more than `most` bytes a smaller copy. Raises as `BlobStore.get` does."""
        data = await self._blobs.get(image.blob)
        if len(data) <= most:
            return await asyncio.to_thread(_packed, data, image.media_type)
        return await self._fitted(data, image.media_type, max(image.width, image.height), most)

    async def _one(self, image: Image, side: int, most: int) -> View64 | None:
        try:
            data = await self._blobs.get(image.blob)
            return await self._fitted(data, image.media_type, side, most)
        except DarkroomError:
            # Its file is lost or was changed: the answer tells everything else of it.
            return None

    async def _fitted(self, data: bytes, media_type: str, side: int, most: int) -> View64:
        async with self._room:
            return await asyncio.to_thread(lambda: _packed(*fitted(data, media_type, side, most)))


def fitted(data: bytes, media_type: str, side: int, most: int) -> tuple[bytes, str]:
    """The picture no larger than `side` pixels and `most` bytes, as JPEG, or as PNG where it is transparent.

    One that is small enough stays as it is. Raises UnreadablePicture. Slow for large ones: use a thread.
    """
    pixels = read(data, largest_pixels=LARGEST_KEPT).pixels
    longest = max(pixels.shape[:2])
    if longest <= side and len(data) <= most and media_type in _READ_EVERYWHERE:
        return data, media_type
    transparent = pixels.shape[2] == 4 and bool((pixels[:, :, 3] < 255).any())
    whole = picture(pixels if transparent else pixels[:, :, :3])
    # What says that a machine made it goes along.
    mark = mark_of(data, media_type) or b""
    size = min(side, longest)
    while True:
        for made, kind in _tries(_shrunk(whole, size), transparent, mark):
            if len(made) <= most:
                return made, kind
        if size <= _LEAST:
            return made, kind
        size = round(size * _SMALLER)


def _tries(image: Pillow.Image, transparent: bool, mark: bytes) -> Iterator[tuple[bytes, str]]:
    """Files of it, the best first."""
    if transparent:
        yield encode_png(np.asarray(image), {}, mark or None), "image/png"
        return
    for quality in _QUALITIES:
        yield save(image, "JPEG", quality=quality, **({"xmp": mark} if mark else {})), "image/jpeg"


def _shrunk(image: Pillow.Image, side: int) -> Pillow.Image:
    longest = max(image.size)
    if longest <= side:
        return image
    width, height = (max(1, round(length * side / longest)) for length in image.size)
    return image.resize((width, height), Pillow.Resampling.LANCZOS, reducing_gap=2.0)


def _packed(data: bytes, media_type: str) -> View64:
    return View64(base64.b64encode(data).decode(), media_type)
