"""Thumbnails and ThumbHash."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from engines.contract import Pixels
from gateway.storage import xmp
from gateway.storage.thumbhash import thumbhash
from gateway.storage.thumbnails import thumbnails

XMP = xmp.packet("trainedAlgorithmicMedia")


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


@pytest.mark.parametrize(
    ("size", "small", "large"),
    [
        ((128, 128), (128, 128), None),
        ((256, 100), (256, 100), None),
        ((768, 512), (256, 171), None),
        ((769, 512), (256, 170), (768, 511)),
        ((1024, 1024), (256, 256), (768, 768)),
        ((600, 1200), (128, 256), (384, 768)),
        ((4000, 2), (256, 1), (768, 1)),
        ((1, 1), (1, 1), None),
    ],
)
def test_sizes(size: tuple[int, int], small: tuple[int, int], large: tuple[int, int] | None) -> None:
    made, _ = thumbnails(np.zeros((size[1], size[0], 3), np.uint8), XMP)
    assert {side: opened(data).size for side, data in made.items()} == {256: small, **({768: large} if large else {})}


def test_they_are_webp_carry_the_mark_and_look_alike(photo: Pixels) -> None:
    large = np.repeat(np.repeat(photo, 4, axis=0), 4, axis=1)
    made, _ = thumbnails(large, XMP)
    for data in made.values():
        assert opened(data).format == "WEBP"
        assert opened(data).info["xmp"] == XMP
    assert np.abs(np.asarray(opened(made[256])).astype(int) - photo).mean() < 6
    assert "xmp" not in opened(thumbnails(photo, None)[0][256]).info


def test_gray_and_transparent_pictures(photo: Pixels) -> None:
    gray, _ = thumbnails(photo[:, :, 0], XMP)
    assert opened(gray[256]).mode == "RGB"
    clear, _ = thumbnails(np.dstack([photo, np.where(photo[:, :, :1] > 90, 255, 0).astype(np.uint8)]), XMP)
    assert opened(clear[256]).mode == "RGBA"


def test_the_hash_is_text_of_few_characters(photo: Pixels) -> None:
    for pixels in (photo, photo[:, :, 0], np.dstack([photo, photo[:, :, :1]]), np.zeros((1, 900, 3), np.uint8)):
        _, text = thumbnails(pixels, None)
        assert 5 <= len(base64.b64decode(text, validate=True)) <= 25
        assert len(text) <= 36


# Made with the reference encoder, npm `thumbhash` 0.1.1, from the pictures that `_picture` draws in integers.
VECTORS = [
    (8, 6, "opaque", "RwgGFYKAh4dxiHiJh3iHiJCNhdCI"),
    (32, 24, "opaque", "nRgKLYxQZohSaHmEh1d3h0BdDYhn"),
    (24, 32, "opaque", "XQgKJQ5RhWCHWYdYh3V4iFBYDluK"),
    (100, 75, "opaque", "XwgGDYJ1hlh4aAhTZVR3d59GvrxA"),
    (75, 100, "slope", "X/iBDAIHx3OXnINA5Y+G9ZyzxxYGdoF3CA=="),
    (1, 1, "opaque", "AAgCBwAAAAAAAAAAAAAAAAAAAAAAAAAA"),
    (3, 100, "opaque", "nOgJKRCHcAd4gnQ7iHCBdwc="),
    (100, 3, "slope", "GAqCEYIHYEd2eHhfeAewagQCeGh3iHg="),
    (64, 64, "board", "XwiCDQIIhTdXB2FkKM05n3+BeHj493eIfw=="),
    (10, 10, "clear", "AAiCBQAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="),
]


@pytest.mark.parametrize(("width", "height", "alpha", "wanted"), VECTORS)
def test_the_hash_is_the_reference_encoders(width: int, height: int, alpha: str, wanted: str) -> None:
    ours, theirs = thumbhash(_picture(width, height, alpha)), base64.b64decode(wanted)
    assert len(ours) == len(theirs)
    assert ours[:5] == theirs[:5], "size, means and scales"
    # A term that is nil but for rounding lies half-way between two steps, and may fall to either side.
    assert all(abs(a - b) <= 1 for a, b in zip(_halves(ours[5:]), _halves(theirs[5:]), strict=True))


def _halves(data: bytes) -> list[int]:
    return [half for byte in data for half in (byte & 15, byte >> 4)]


def _picture(width: int, height: int, alpha: str) -> Pixels:
    y, x = np.mgrid[0:height, 0:width]
    transparency = {"opaque": 255 + 0 * x, "slope": x * 11 + y * 2, "board": np.where((x + y) % 2, 0, 255), "clear": 0 * x}
    return (np.stack([x * 7 + y * 3, x * x + y * 5, y * y * 2 + x, transparency[alpha]], -1) % 256).astype(np.uint8)
