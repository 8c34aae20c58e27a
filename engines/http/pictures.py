"""Pictures that come and go: seen by their first bytes, kept as delivered where they are as large as was asked."""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from PIL import Image

from engines.contract import EngineCrashed, ImageReady, Picture, Pixels, Size

MediaType = Literal["image/png", "image/jpeg", "image/webp"]
LARGEST_SIDE = 16_384
MOST_PIXELS = 100_000_000
"""Of a picture that is unpacked here; what is larger was not asked for."""
PREVIEW_SIDE = 512


def media_type(data: bytes) -> MediaType | None:
    """By its first bytes: a PNG, a JPEG or a WebP, else None. No header of an answer is believed."""
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return "image/png"
    if data[:3] == b"\xff\xd8\xff":
        return "image/jpeg"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return None


def size_of(data: bytes, server: str = "The server") -> Size:
    """Of a picture that is whole as far as can be seen without unpacking it. Raises EngineCrashed for what is none."""
    kind = media_type(data)
    if kind is None:
        raise EngineCrashed(f"{server} delivered {len(data)} bytes that are no PNG, JPEG or WebP.")
    try:
        with Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "WEBP")) as picture:
            size = Size(*picture.size)
    except (OSError, ValueError, SyntaxError, struct.error, Image.DecompressionBombError) as error:
        raise EngineCrashed(f"{server} delivered a damaged picture ({type(error).__name__}).") from error
    cut = (kind == "image/png" and b"IEND" not in data[-64:]) or (
        kind == "image/webp" and int.from_bytes(data[4:8], "little") + 8 > len(data)
    )
    if cut:
        raise EngineCrashed(f"{server} delivered a picture that is cut off.")
    if max(size.width, size.height) > LARGEST_SIDE or size.width * size.height > MOST_PIXELS:
        raise EngineCrashed(f"{server} delivered a picture of {size.width}x{size.height}, which nobody asked for.")
    return size


def decode(data: bytes, server: str = "The server") -> Pixels:
    """RGB or RGBA, upright as its EXIF says. Blocks: in a thread. Raises EngineCrashed for what is no picture."""
    size_of(data, server)
    try:
        with Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "WEBP")) as picture:
            return np.array(_upright(picture))
    except (OSError, ValueError, SyntaxError, struct.error, Image.DecompressionBombError) as error:
        raise EngineCrashed(f"{server} delivered a damaged picture ({type(error).__name__}).") from error


def png(pixels: Pixels, *, level: int = 4) -> bytes:
    """As servers are sent pictures. Blocks: in a thread."""
    kept = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(kept, "PNG", compress_level=level)
    return kept.getvalue()


def preview(data: bytes) -> Pixels | None:
    """A small frame for who watches; None for what cannot be read. Blocks: in a thread."""
    if media_type(data) is None:
        return None
    try:
        with Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "WEBP")) as picture:
            picture.draft("RGB", (PREVIEW_SIDE, PREVIEW_SIDE))
            if picture.width * picture.height > MOST_PIXELS:
                return None
            small = picture.convert("RGB")
            small.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
            return np.array(small)
    except (OSError, ValueError, SyntaxError, struct.error, Image.DecompressionBombError):
        return None


def ready(
    request: str,
    picture: Picture,
    data: bytes,
    size: Size,
    server: str = "The server",
    parameters: Mapping[str, Any] | None = None,
) -> ImageReady:
    """The picture as delivered where it has the size that was asked for; else scaled to cover that and cropped in the
    middle, which its parameters then say. Blocks: in a thread. Raises EngineCrashed for what is no picture.
    """
    delivered = size_of(data, server)
    said = dict(parameters or {})
    made: dict[str, Any] = {"request": request, "ordinal": picture.ordinal, "seed": picture.seed}
    if delivered == size:
        return ImageReady(**made, encoded=data, parameters=said)
    said["delivered_size"] = f"{delivered.width}x{delivered.height}"
    return ImageReady(**made, pixels=_covering(decode(data, server), size), parameters=said)


def _covering(pixels: Pixels, size: Size) -> Pixels:
    image = Image.fromarray(pixels)
    scale = max(size.width / image.width, size.height / image.height)
    width, height = size.width / scale, size.height / scale
    left, top = (image.width - width) / 2, (image.height - height) / 2
    box = (left, top, left + width, top + height)
    return np.array(image.resize((size.width, size.height), Image.Resampling.LANCZOS, box=box))


def _upright(picture: Image.Image) -> Image.Image:
    from PIL import ImageOps

    turned = ImageOps.exif_transpose(picture)
    transparent = turned.mode in ("RGBA", "LA", "PA") or "transparency" in turned.info
    return turned.convert("RGBA" if transparent else "RGB")
