"""Other people's picture files to pixels: named by their bytes, bounded before anything is unpacked."""

from __future__ import annotations

import io

import numpy as np
from msgspec import Struct
from PIL import Image, ImageCms
from PIL.Image import Transpose as Turn

from engines.contract import Pixels
from gateway.errors import InvalidInput
from gateway.storage import budget

LARGEST_PIXELS = 50_000_000
"""What a good camera delivers; 200 MB once unpacked with alpha."""
LARGEST_KEPT = 89_000_000
"""The most that the setting for uploads allows: whatever was kept is read again. Beyond, Pillow takes it for a bomb."""

_ORIENTATION = 0x0112
_TURNS = dict(enumerate((Turn.FLIP_LEFT_RIGHT, Turn.ROTATE_180, Turn.FLIP_TOP_BOTTOM, Turn.TRANSPOSE, Turn.ROTATE_270,
                         Turn.TRANSVERSE, Turn.ROTATE_90), start=2))  # fmt: skip
"""EXIF orientation -> what makes the picture upright."""
_WIDE = frozenset({"I", "I;16", "I;16L", "I;16B", "I;16N"})
"""Pillow's modes for 16 bits of gray, whose `convert` would cut off what is over 255 instead of scaling it."""


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
        raise UnreadablePicture("This is not a PNG, JPEG, WebP, GIF or AVIF picture.", field=field)
    try:
        budget.check(data, media_type)
        with Image.open(io.BytesIO(data), formats=(_KINDS[media_type][0],)) as image:
            if image.width * image.height > largest_pixels:
                message = f"The picture has {image.width} x {image.height} pixels; at most {largest_pixels} are read in all."
                raise UnreadablePicture(message, field=field)
            image.load()
            return Picture(_pixels(_upright(image)), media_type)
    except UnreadablePicture:
        raise
    except budget.TooCostly as error:
        raise UnreadablePicture(f"The file has more {error} than a picture needs; save it anew.", field=field) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UnreadablePicture(f"The picture has too many pixels; at most {largest_pixels} are read.", field=field) from error
    except Exception as error:  # over broken files the parsers raise whatever comes, RuntimeError and IndexError included
        raise UnreadablePicture("The picture is broken or cut short.", field=field) from error


_KINDS: dict[str, tuple[str, int, bytes]] = {
    "image/png": ("PNG", 0, b"\x89PNG\r\n\x1a\n"),
    "image/jpeg": ("JPEG", 0, b"\xff\xd8\xff"),
    "image/webp": ("WEBP", 8, b"WEBP"),
    "image/gif": ("GIF", 0, b"GIF8"),
    "image/avif": ("AVIF", 4, b"ftypavif"),
}
"""Media type -> Pillow's name for it, and the bytes that show it."""


def _upright(image: Image.Image) -> Image.Image:
    """As the camera was held (EXIF orientation), in sRGB where a profile says that the file is not."""
    profile = image.info.get("icc_profile")
    turn = _TURNS.get(_orientation(image))
    if turn is not None:
        image = image.transpose(turn)
    return _in_srgb(image, profile) if profile and image.mode in ("RGB", "RGBA", "CMYK") else image


def _orientation(image: Image.Image) -> int:
    """1 (as it is) where the EXIF is broken: the picture itself may be well."""
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:
        return 1


def _in_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """A profile that does not fit its picture is passed over, as browsers do."""
    try:
        theirs = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        ours = ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(image, theirs, ours, outputMode="RGBA" if image.mode == "RGBA" else "RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image
    return converted or image


def _pixels(image: Image.Image) -> Pixels:
    if image.mode in _WIDE:
        gray = np.asarray(image).astype(np.uint32) >> 8
        return np.repeat(gray.clip(0, 255).astype(np.uint8)[:, :, None], 3, axis=2)
    return np.array(image.convert("RGBA" if image.has_transparency_data else "RGB"))
