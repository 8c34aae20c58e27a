"""Our PNG encoder against Pillow's decoder."""

from __future__ import annotations

import io
import struct
import threading
import time
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from engines.contract import Pixels
from gateway.storage import png

shapes = st.tuples(st.integers(1, 140), st.integers(1, 12), st.sampled_from([1, 3, 4]))


def decoded(data: bytes) -> Pixels:
    with Image.open(io.BytesIO(data)) as image:
        image.verify()  # every chunk's checksum
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image)


@settings(max_examples=40, deadline=None)
@given(arrays.arrays(np.uint8, shapes))
def test_pixels_come_back(pixels: Pixels) -> None:
    back = decoded(png.encode(pixels))
    assert (back.reshape(pixels.shape) == pixels).all()


@pytest.mark.parametrize("kind", range(4))
def test_every_filter_is_the_one_of_the_specification(kind: int, photo: Pixels, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(png, "_FILTERS", {kind: png._FILTERS[kind]})
    data = png.encode(photo)
    assert zlib.decompress(_chunk(data, b"IDAT"))[0] == kind or kind == 0
    assert (decoded(data) == photo).all()


def test_views_are_encoded_as_they_look(photo: Pixels) -> None:
    turned = photo.transpose(1, 0, 2)[::-1, ::2]
    assert (decoded(png.encode(turned)) == turned).all()


def test_gray_has_two_or_three_dimensions(photo: Pixels) -> None:
    gray = photo[:, :, 0]
    assert png.encode(gray) == png.encode(gray[:, :, None])
    assert (decoded(png.encode(gray)) == gray).all()


def test_no_larger_than_pillows_fastest(photo: Pixels, drawing: Pixels) -> None:
    for pixels in (photo, drawing):
        out = io.BytesIO()
        Image.fromarray(pixels).save(out, "PNG", compress_level=1)
        assert len(png.encode(pixels)) <= len(out.getvalue()) * 1.1


def test_drawings_and_photographs_get_different_filters(photo: Pixels, drawing: Pixels) -> None:
    kinds = [zlib.decompress(_chunk(png.encode(pixels), b"IDAT"))[-1 - pixels.shape[1] * 3] for pixels in (photo, drawing)]
    assert kinds[0] == 3
    assert kinds[1] in (1, 2)


def test_the_same_pixels_give_the_same_bytes(photo: Pixels) -> None:
    assert png.encode(photo) == png.encode(photo.copy())


@pytest.mark.parametrize(
    ("text", "kind"), [("a red circle\nSteps: 1", b"tEXt"), ("né", b"tEXt"), ("红", b"iTXt"), ("a\0b\ud800", b"iTXt")]
)
def test_texts_stand_before_the_picture(text: str, kind: bytes, photo: Pixels) -> None:
    data = png.encode(photo, [png.text_chunk("parameters", text)])
    assert data.index(kind) < data.index(b"IDAT")
    with Image.open(io.BytesIO(data)) as image:
        assert image.info["parameters"] == text.replace("\0", "").replace("\ud800", "?")


def test_the_interpreter_is_free_meanwhile() -> None:
    """A thread that only counts goes on counting while a large picture is encoded; on a busy machine, in one try of three."""
    pixels = np.random.default_rng(1).integers(0, 60, (2000, 2500, 3), dtype=np.uint8)
    assert any(_longest_stop(pixels) < 0.5 for _ in range(3))


def _longest_stop(pixels: Pixels) -> float:
    """The longest time that another thread stood still meanwhile, as a share of the whole."""
    done, stops = threading.Event(), []

    def count() -> None:
        last = time.perf_counter()
        while not done.is_set():
            time.sleep(0.001)
            now = time.perf_counter()
            stops.append(now - last)
            last = now

    counter = threading.Thread(target=count)
    counter.start()
    started = time.perf_counter()
    png.encode(pixels)
    took = time.perf_counter() - started
    done.set()
    counter.join()
    return max(stops) / took


def _chunk(data: bytes, wanted: bytes) -> bytes:
    at = 8
    while True:
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind == wanted:
            return data[at + 8 : at + 8 + length]
        at += 12 + length
