"""The three output formats: pixels, texts and marks."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from engines.contract import Pixels
from gateway.errors import InvalidInput
from gateway.storage import xmp
from gateway.storage.encoding import MEDIA_TYPES, Format, encode
from gateway.storage.reading import sniff

FORMATS = tuple(MEDIA_TYPES)
TEXTS = {"parameters": "a rød cube 红\nSteps: 1, Sampler: Euler, Seed: 3", "darkroom": '{"prompt":"红"}'}
XMP = xmp.packet("trainedAlgorithmicMedia")


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


@pytest.mark.parametrize("form", ["webp", "jpeg"])
def test_quality_decides_how_large_a_file_is(form: Format, photo: Pixels) -> None:
    sizes = [len(encode(photo, form, TEXTS, XMP, quality)) for quality in (0, 30, 60, 100)]
    assert sizes == sorted(set(sizes))
    assert opened(encode(photo, form, TEXTS, XMP, 0)).size == (photo.shape[1], photo.shape[0])


@pytest.mark.parametrize("form", FORMATS)
def test_each_format_carries_texts_and_mark(form: Format, photo: Pixels) -> None:
    data = encode(photo, form, TEXTS, XMP)
    image = opened(data)
    assert sniff(data) == MEDIA_TYPES[form]
    assert image.info["xmp"] == XMP
    assert (image.height, image.width) == photo.shape[:2]
    if form == "png":
        assert {key: image.info[key] for key in TEXTS} == TEXTS
    else:
        tags = image.getexif().get_ifd(0x8769)
        assert tags[0x9286] == b"UNICODE\0" + TEXTS["parameters"].encode("utf-16-be")
        assert tags[0x927C] == b"Darkroom\0" + TEXTS["darkroom"].encode()


@pytest.mark.parametrize("form", FORMATS)
def test_nothing_is_said_where_nothing_is_asked(form: Format, photo: Pixels) -> None:
    image = opened(encode(photo, form, {}, None))
    assert not {"parameters", "darkroom", "xmp", "exif"} & set(image.info)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_each_format_takes_gray_color_and_transparency(form: Format, channels: int, photo: Pixels) -> None:
    pixels = np.dstack([photo, photo])[:, :, :channels]
    back = np.asarray(opened(encode(pixels, form, TEXTS, XMP)).convert("RGBA"))
    if form == "jpeg":
        assert (back[:, :, 3] == 255).all()
    elif channels == 4:
        assert (back[:, :, 3] == pixels[:, :, 3]).all()
    assert abs(back[:, :, 0].mean() - pixels[:, :, 0].mean()) < (3 if channels < 4 else 255)


def test_a_jpeg_of_a_transparent_picture_is_on_white() -> None:
    clear = np.zeros((16, 16, 4), np.uint8)
    assert (np.asarray(opened(encode(clear, "jpeg", {}, None))) == 255).all()


@pytest.mark.parametrize("form", FORMATS)
def test_the_same_gives_the_same_bytes(form: Format, photo: Pixels) -> None:
    assert encode(photo, form, TEXTS, XMP) == encode(photo.copy(), form, dict(TEXTS), XMP)


def test_a_jpeg_leaves_out_texts_that_do_not_fit(photo: Pixels) -> None:
    """A segment holds 64 KiB; UTF-16 takes two bytes a character."""
    tags = opened(encode(photo, "jpeg", {**TEXTS, "darkroom": "x" * 70_000}, XMP)).getexif().get_ifd(0x8769)
    assert set(tags) == {0x9286}
    image = opened(encode(photo, "jpeg", {**TEXTS, "parameters": "x" * 40_000}, XMP))
    assert not image.getexif()
    assert image.info["xmp"] == XMP


def test_webp_and_png_hold_long_texts(photo: Pixels) -> None:
    for form in ("webp", "png"):
        assert len(encode(photo, form, {"parameters": "x" * 100_000}, None)) > 100_000


def test_a_picture_too_large_for_its_format_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"at most 16383 .* ask for png") as caught:
        encode(np.zeros((2, 16_384, 3), np.uint8), "webp", {}, None)
    assert caught.value.field == "output_format"
