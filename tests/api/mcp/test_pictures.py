"""Pictures as they come within an answer: what clients read, no larger than they take, and marked as the file is."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gateway.api.mcp.pictures import fitted
from gateway.storage import xmp
from gateway.storage.carriage import source_type_of
from gateway.storage.encoding import encode

NOISE = np.random.default_rng(1)


def picture(width: int, height: int, channels: int = 3, noisy: bool = False) -> Any:
    pixels = np.full((height, width, channels), 90, np.uint8)
    if noisy:
        pixels[:, :, :3] = NOISE.integers(0, 256, (height, width, 3), np.uint8)
    return pixels


def seen(data: bytes) -> tuple[str | None, tuple[int, int], str]:
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        return image.format, image.size, image.mode


@pytest.mark.parametrize("form", ["png", "jpeg"])
def test_a_small_one_stays_as_it_is(form: Any) -> None:
    data = encode(picture(64, 32), form, {}, None)
    assert fitted(data, f"image/{form}", 256, 100_000) == (data, f"image/{form}")


def test_what_not_everyone_reads_is_made_a_jpeg() -> None:
    data, kind = fitted(encode(picture(64, 32), "webp", {}, None), "image/webp", 256, 100_000)
    assert (kind, seen(data)) == ("image/jpeg", ("JPEG", (64, 32), "RGB"))


def test_a_large_one_is_scaled_down() -> None:
    data, kind = fitted(encode(picture(1000, 500), "png", {}, None), "image/png", 256, 100_000)
    assert (kind, seen(data)) == ("image/jpeg", ("JPEG", (256, 128), "RGB"))


def test_transparency_stays() -> None:
    pixels = picture(600, 300, 4)
    pixels[:, :100, 3] = 0
    data, kind = fitted(encode(pixels, "webp", {}, None), "image/webp", 256, 100_000)
    assert (kind, seen(data)) == ("image/png", ("PNG", (256, 128), "RGBA"))
    pixels[:, :, 3] = 255
    assert fitted(encode(pixels, "webp", {}, None), "image/webp", 256, 100_000)[1] == "image/jpeg"


@pytest.mark.parametrize("channels", [3, 4])
def test_no_more_bytes_than_may_be(channels: int) -> None:
    pixels = picture(700, 700, channels, noisy=True)
    pixels[:, :, 3:] = 128
    data, _ = fitted(encode(pixels, "png", {}, None), "image/png", 1536, 40_000)
    assert len(data) <= 40_000
    assert min(seen(data)[1]) > 64


def test_one_that_cannot_be_so_small_is_as_small_as_it_gets() -> None:
    data, _ = fitted(encode(picture(700, 700, noisy=True), "png", {}, None), "image/png", 1536, 100)
    assert max(seen(data)[1]) <= 64


@pytest.mark.parametrize("channels", [3, 4])
def test_the_mark_goes_along(channels: int) -> None:
    pixels = picture(600, 300, channels)
    pixels[:, :, 3:] = 128
    marked = encode(pixels, "png", {}, xmp.packet("trainedAlgorithmicMedia"))
    data, kind = fitted(marked, "image/png", 256, 100_000)
    assert source_type_of(data, kind) == "trainedAlgorithmicMedia"
    plain, kind = fitted(encode(pixels, "png", {}, None), "image/png", 256, 100_000)
    assert source_type_of(plain, kind) is None
