"""Pictures that come and go: known by their bytes, kept as delivered, cut where they must be."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image

from engines.contract import (
    EngineCrashed,
    Picture,
    Size,
)
from engines.http import (
    decode,
    media_type,
    png,
    preview,
    ready,
    size_of,
)
from tests.fakes.pictures import png as plain_png

RED = np.full((32, 48, 3), (200, 10, 10), np.uint8)


def encoded(form: str, mode: str = "RGB", **options: Any) -> bytes:
    kept = io.BytesIO()
    Image.new(mode, (48, 32), 7).save(kept, form, **options)
    return kept.getvalue()


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (encoded("PNG"), "image/png"), (encoded("JPEG"), "image/jpeg"), (encoded("WEBP"), "image/webp"),
        (encoded("GIF", "L"), None), (b"", None), (b"<html>", None), (b"RIFF1234WAVE", None),
    ],
)  # fmt: skip
def test_a_picture_is_known_by_its_bytes(data: bytes, kind: str | None) -> None:
    assert media_type(data) == kind
    if kind:
        assert size_of(data) == Size(48, 32)
        assert decode(data).shape == (32, 48, 3)
    else:
        with pytest.raises(EngineCrashed, match=r"the box delivered .* bytes that are no PNG, JPEG or WebP"):
            size_of(data, "the box")


def bomb() -> bytes:
    """A PNG that says it is far too large."""
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + b"IHDR" + header + struct.pack(">I", zlib.crc32(b"IHDR" + header))
    return b"\x89PNG\r\n\x1a\n" + chunk + encoded("PNG")[33:]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (encoded("PNG")[:-12], "cut off"),
        (encoded("WEBP")[:-4], "cut off|damaged"),
        (encoded("PNG")[:20], "damaged"),
        (encoded("JPEG")[:10], "damaged"),
        (bomb(), "60000x60000, which nobody asked for|damaged"),
    ],
)
def test_what_is_damaged_is_told(data: bytes, says: str) -> None:
    with pytest.raises(EngineCrashed, match=says):
        size_of(data)
    assert preview(data) is None or says.startswith("cut off")


def test_a_picture_of_the_right_size_is_kept_as_delivered() -> None:
    data = plain_png(RED)
    made = ready("job", Picture(2, 7), data, Size(48, 32), parameters={"quality": "high"})
    assert (made.encoded, made.pixels, made.ordinal, made.seed) == (data, None, 2, 7)
    assert made.parameters == {"quality": "high"}


@pytest.mark.parametrize("size", [Size(16, 16), Size(48, 16), Size(96, 64), Size(10, 30)])
def test_any_other_is_scaled_to_cover_and_cut_in_the_middle(size: Size) -> None:
    pixels = RED.copy()
    pixels[:, :2] = pixels[:, -2:] = 0
    made = ready("job", Picture(0, None), plain_png(pixels), size)
    assert made.encoded is None
    assert made.pixels is not None
    assert made.pixels.shape == (size.height, size.width, 3)
    assert made.pixels.flags.owndata
    assert made.parameters == {"delivered_size": "48x32"}
    assert tuple(made.pixels[size.height // 2, size.width // 2]) == (200, 10, 10)


def test_previews_are_small_and_what_is_sent_is_png() -> None:
    large = np.zeros((900, 1200, 4), np.uint8)
    frame = preview(png(large))
    assert frame is not None
    assert frame.shape == (384, 512, 3)
    assert preview(b"nothing") is None
    assert (decode(png(large)) == large).all()
