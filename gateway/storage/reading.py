"""Other people's picture files to pixels: named by their bytes, bounded before anything is unpacked."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable

import numpy as np
from msgspec import Struct
from PIL import Image, ImageCms

from engines.contract import Pixels
from gateway.errors import InvalidInput
from gateway.storage import budget

LARGEST_PIXELS = 50_000_000
"""What a good camera delivers; 200 MB once unpacked with alpha."""
LARGEST_KEPT = 89_000_000
"""The most that the setting for uploads allows: whatever was kept is read again. Beyond, Pillow takes it for a bomb."""

_ORIENTATION = 0x0112
_TURNS: dict[int, Callable[[Pixels], Pixels]] = {
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: upright[::-1, ::-1],
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.swapaxes(0, 1),
    6: np.rot90,
    7: lambda upright: np.rot90(upright, 2).swapaxes(0, 1),
    8: lambda upright: np.rot90(upright, -1),
}
"""EXIF orientation -> a view of the upright picture that lies as the file does."""
_ON_THEIR_SIDE = range(5, 9)
_WIDE = frozenset({"I", "I;16", "I;16L", "I;16B", "I;16N"})
"""Pillow's modes for 16 bits of gray, whose `convert` would cut off what is over 255 instead of scaling it."""
_TILE = 1024
"""Pixels a side that are converted at a time: beside Pillow's picture and ours, no third of that size is in memory."""
_COMPLAINTS = ("ignore", None, UserWarning, re.compile(r"PIL\."), 0)
"""A filter of `warnings`: what Pillow says of odd EXIF and the like is nothing that anybody here can mend."""


class UnreadablePicture(InvalidInput):
    """The bytes are no picture that we read, or a larger one than we unpack."""

    code = "unreadable_picture"


class Picture(Struct, frozen=True):
    """A file as it looks: upright, sRGB, its first frame. `pixels` are RGB, or RGBA where it has transparency."""

    pixels: Pixels
    media_type: str


def sniff(data: bytes) -> str | None:
    """The media type that the first bytes show, of the kinds that we read; names and headers are not believed."""
    for media_type, (_, offset, mark) in _KINDS.items():
        if data[offset : offset + len(mark)] == mark and (media_type != "image/webp" or data[:4] == b"RIFF"):
            return media_type
    return None


def read(data: bytes, *, field: str = "image", largest_pixels: int = LARGEST_PIXELS) -> Picture:
    """The picture. Raises UnreadablePicture that names `field`. Takes as long as the picture is large: use a thread."""
    media_type = sniff(data)
    if media_type is None:
        raise UnreadablePicture("This is not a PNG, JPEG, WebP or GIF picture.", field=field)
    _hush()
    try:
        budget.check(data, media_type)
        with Image.open(io.BytesIO(data), formats=(_KINDS[media_type][0],)) as image:
            if image.width * image.height > largest_pixels:
                message = f"The picture has {image.width} x {image.height} pixels; at most {largest_pixels} are read in all."
                raise UnreadablePicture(message, field=field)
            image.load()
            return Picture(_pixels(image), media_type)
    except UnreadablePicture:
        raise
    except budget.TooCostly as error:
        raise UnreadablePicture(f"The file has more {error} than a picture needs; save it anew.", field=field) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UnreadablePicture(f"The picture has too many pixels; at most {largest_pixels} are read.", field=field) from error
    except Exception as error:  # over broken files the parsers raise whatever comes, RuntimeError and IndexError included
        raise UnreadablePicture("The picture is broken or cut short.", field=field) from error


def orientation(data: bytes) -> int:
    """How a file that was read before must be turned to be upright: EXIF's 1 (as it is) to 8."""
    kind = _KINDS[sniff(data) or "image/png"][0]
    _hush()
    try:
        with Image.open(io.BytesIO(data), formats=(kind,)) as image:
            turn = _orientation(image)
    except Exception:  # as in `read`
        return 1
    return turn if turn in _TURNS else 1


_KINDS: dict[str, tuple[str, int, bytes]] = {
    "image/png": ("PNG", 0, b"\x89PNG\r\n\x1a\n"),
    "image/jpeg": ("JPEG", 0, b"\xff\xd8\xff"),
    "image/webp": ("WEBP", 8, b"WEBP"),
    "image/gif": ("GIF", 0, b"GIF8"),
    "image/avif": ("AVIF", 4, b"ftypavif"),
}
"""Media type -> Pillow's name for it, and the bytes that show it."""


def _orientation(image: Image.Image) -> int:
    """1 (as it is) where the EXIF is broken: the picture itself may be well."""
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:
        return 1


def _pixels(image: Image.Image) -> Pixels:
    """As the camera was held (EXIF orientation), in sRGB where a profile says that the file is not."""
    mode = "RGBA" if image.has_transparency_data else "RGB"
    in_srgb, turn = _to_srgb(image), _orientation(image)
    sides = image.size if turn in _ON_THEIR_SIDE else (image.height, image.width)
    upright = np.empty((*sides, len(mode)), np.uint8)
    lying = _TURNS[turn](upright) if turn in _TURNS else upright
    for top in range(0, image.height, _TILE):
        for left in range(0, image.width, _TILE):
            tile = image.crop((left, top, min(left + _TILE, image.width), min(top + _TILE, image.height)))
            lying[top : top + _TILE, left : left + _TILE] = _tile(tile, mode, in_srgb)
    return upright


def _tile(image: Image.Image, mode: str, in_srgb: ImageCms.ImageCmsTransform | None) -> Pixels:
    if image.mode in _WIDE:
        return (np.asarray(image) >> 8).clip(0, 255).astype(np.uint8)[:, :, None]
    if in_srgb is not None:
        image = ImageCms.applyTransform(image, in_srgb) or image
    return np.asarray(image if image.mode == mode else image.convert(mode))


def _to_srgb(image: Image.Image) -> ImageCms.ImageCmsTransform | None:
    """None without a profile, and for one that does not fit its picture: it is passed over, as browsers do."""
    profile = image.info.get("icc_profile")
    if not profile or image.mode not in ("RGB", "RGBA", "CMYK"):
        return None
    try:
        theirs = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        ours = ImageCms.createProfile("sRGB")
        return ImageCms.buildTransform(theirs, ours, image.mode, "RGBA" if image.mode == "RGBA" else "RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None


def _hush() -> None:
    """For all threads and for good: what `warnings.catch_warnings` puts back at its end may be another thread's."""
    if _COMPLAINTS not in warnings.filters:
        warnings.filterwarnings("ignore", category=UserWarning, module=_COMPLAINTS[3].pattern)
