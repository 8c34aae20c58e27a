"""Strangers' picture files: of every kind, broken, hostile."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from engines.contract import Pixels
from gateway.storage.reading import _COMPLAINTS, UnreadablePicture, orientation, read, sniff

Saved = Callable[..., bytes]
KINDS = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp", "GIF": "image/gif", "AVIF": "image/avif"}


@pytest.mark.parametrize(("form", "media_type"), KINDS.items())
def test_kinds_are_named_by_their_bytes(form: str, media_type: str, photo: Pixels, saved: Saved) -> None:
    data = saved(photo[:48, :64], form)
    assert sniff(data) == media_type
    picture = read(data)
    assert picture.media_type == media_type
    assert picture.pixels.shape == (48, 64, 3)


@pytest.mark.parametrize("data", [b"", b"RIFF1234WAVE", b"<svg/>", b"BM" + b"\0" * 60, b"II*\0", b"%PDF-1.7", b"\x89PNG"])
def test_other_kinds_are_refused(data: bytes) -> None:
    with pytest.raises(UnreadablePicture, match="not a PNG, JPEG, WebP or GIF") as caught:
        read(data, field="mask")
    assert caught.value.field == "mask"


@pytest.mark.parametrize(("mode", "channels"), [("1", 3), ("L", 3), ("P", 3), ("LA", 4), ("RGB", 3), ("RGBA", 4), ("I;16", 3)])
def test_every_mode_becomes_rgb_or_rgba(mode: str, channels: int, photo: Pixels, saved: Saved) -> None:
    image = Image.fromarray(photo)
    image = Image.fromarray(photo[:, :, 0].astype(np.uint16) << 8) if mode == "I;16" else image.convert(mode)
    picture = read(saved(image, "PNG"))
    assert picture.pixels.shape == (*photo.shape[:2], channels)
    assert picture.pixels.dtype == np.uint8
    if mode == "I;16":
        assert (picture.pixels[:, :, 1] == photo[:, :, 0]).all(), "the upper eight bits, not cut off at 255"


def test_sixteen_bits_a_channel() -> None:
    rows = b"".join(b"\0" + struct.pack(">6H", 0x1234, 0xABCD, 0xFFFF, 0, 0x8000, 0x00FF) for _ in range(2))
    data = _png(struct.pack(">IIBBBBB", 2, 2, 16, 2, 0, 0, 0), zlib.compress(rows))
    assert read(data).pixels[0].tolist() == [[0x12, 0xAB, 0xFF], [0, 0x80, 0]]


def test_cmyk_looks_as_it_prints(drawing: Pixels, saved: Saved) -> None:
    data = saved(Image.fromarray(drawing).convert("CMYK"), "JPEG", quality=95)
    assert np.abs(read(data).pixels.astype(int) - drawing).mean() < 6


def test_a_palette_keeps_its_transparent_color(saved: Saved) -> None:
    image = Image.new("P", (4, 4), 0)
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putpixel((1, 0), 1)
    pixels = read(saved(image, "PNG", transparency=1)).pixels
    assert pixels[0, :2].tolist() == [[10, 20, 30, 255], [40, 50, 60, 0]]


TURNS: dict[int, Callable[[Pixels], Pixels]] = {
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a, 2).transpose(1, 0, 2),
    8: lambda a: np.rot90(a),
}
"""What the EXIF specification says to each orientation."""


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_stand_upright(orientation: int, saved: Saved) -> None:
    pixels = np.zeros((8, 16, 3), np.uint8)
    pixels[:4, :4] = (255, 0, 0)
    pixels[:4, -4:] = (0, 255, 0)
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = saved(pixels, "PNG", exif=exif)
    assert (read(data).pixels == TURNS.get(orientation, lambda a: a)(pixels)).all()


EXIF = b"Exif\0\0MM\0*\0\0\0\x08"
BROKEN_EXIF = {
    "nothing": b"Exif\0\0",
    "garbage": b"Exif\0\0MM\0*\xff\xff\xff\xff rubbish",
    "no TIFF": b"Exif\0\0rubbish that is none",
    "cut off": EXIF + b"\0\x03\x01\x12\0\x03",
    "values far outside": EXIF + b"\0\x02\x01\x0f\0\x02\0\0\x7f\xff\x7f\xff\xff\xff" + b"\x01\x12\0\x03" + b"\xff" * 8,
    "a turn that is none": EXIF + b"\0\x01\x01\x12\0\x03\0\0\0\x01\0\x63\0\0\0\0\0\0",
    "a turn in words": EXIF + b"\0\x01\x01\x12\0\x02\0\0\0\x04up!\0\0\0\0\0",
}


@pytest.mark.parametrize("form", ["WEBP", "PNG", "JPEG"])
@pytest.mark.parametrize("exif", BROKEN_EXIF.values(), ids=BROKEN_EXIF)
def test_broken_exif_neither_breaks_the_picture_nor_warns(form: str, exif: bytes, photo: Pixels, saved: Saved) -> None:
    options: dict[str, Any] = {"lossless": True} if form == "WEBP" else {"dpi": (72, 72)} if form == "PNG" else {}
    data = saved(photo, form, exif=exif, **options)
    assert np.abs(read(data).pixels.astype(int) - photo).mean() < 9
    assert orientation(data) == 1


def test_hushing_pillow_hushes_nobody_else(photo: Pixels, saved: Saved) -> None:
    read(saved(photo, "PNG"))
    with pytest.raises(UserWarning, match="heard"):
        warnings.warn("heard", UserWarning, stacklevel=1)
    assert warnings.filters.count(_COMPLAINTS) == 1


PEAKS: dict[str, tuple[str, str, int]] = {
    "gray of 16 bits": ("I;16", "PNG", 1),
    "gray of 16 bits, turned": ("I;16", "PNG", 6),
    "transparent": ("RGBA", "PNG", 1),
    "color, turned, with a profile": ("RGB", "JPEG", 8),
}


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="platform: the peak is read from Linux's /proc")
@pytest.mark.parametrize(("mode", "form", "turn"), PEAKS.values(), ids=PEAKS)
def test_eight_bytes_a_pixel_are_enough(mode: str, form: str, turn: int, tmp_path: Path, saved: Saved) -> None:
    side = 2500
    exif = Image.Exif()
    exif[0x0112] = turn
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes() if form == "JPEG" else None
    (tmp_path / "large").write_bytes(saved(Image.new(mode, (side, side)), form, exif=exif, icc_profile=profile))
    (tmp_path / "small").write_bytes(saved(Image.new(mode, (8, 8)), form, exif=exif, icc_profile=profile))
    program = """
import pathlib, re, sys
from gateway.storage.reading import read
def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", pathlib.Path("/proc/self/status").read_text())[1]) * 1024
large, small = (pathlib.Path(each).read_bytes() for each in sys.argv[1:])
read(small)
before = peak()
read(large)
print(peak() - before)
"""
    command = [sys.executable, "-c", program, str(tmp_path / "large"), str(tmp_path / "small")]
    grown = int(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    # Beside the two pictures a few tiles, and what the parser of the file itself takes.
    assert grown < 8 * side * side + 16_000_000


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG"])
def test_of_an_animation_the_first_frame(form: str, saved: Saved) -> None:
    frames = [Image.new("RGB", (16, 16), color) for color in ("red", "lime")]
    options = {"lossless": True} if form == "WEBP" else {}
    data = saved(frames[0], form, save_all=True, append_images=frames[1:], duration=100, **options)
    assert (read(data).pixels[:, :, :3] == (255, 0, 0)).all()


def test_colors_are_brought_into_srgb(saved: Saved) -> None:
    """A profile that shows everything as another hue; one that is rubbish is passed over."""
    pixels = np.full((8, 8, 3), (200, 40, 10), np.uint8)
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert np.abs(read(saved(pixels, "PNG", icc_profile=lab)).pixels.astype(int) - pixels).max() <= 1
    assert (read(saved(pixels, "PNG", icc_profile=b"rubbish")).pixels == pixels).all()


@pytest.mark.parametrize("form", KINDS)
def test_a_file_cut_short_is_refused(form: str, photo: Pixels, saved: Saved) -> None:
    data = saved(photo[:48, :64], form)
    for share in (0.02, 0.3, 0.7):
        with pytest.raises(UnreadablePicture):
            read(data[: int(len(data) * share)])


def test_what_a_header_promises_is_not_unpacked() -> None:
    """A bomb: a hundred bytes that say 60,000 x 60,000."""
    bomb = _png(struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0), zlib.compress(b"\0" * 100))
    with pytest.raises(UnreadablePicture, match="pixels"):
        read(bomb)


@pytest.mark.parametrize("form", KINDS)
def test_the_budget_is_kept_for_every_kind(form: str, photo: Pixels, saved: Saved) -> None:
    data = saved(photo[:48, :64], form)
    assert read(data, largest_pixels=64 * 48).pixels.size
    with pytest.raises(UnreadablePicture, match="64 x 48 pixels; at most 3071"):
        read(data, largest_pixels=64 * 48 - 1)


def test_a_text_that_unpacks_without_end_is_refused(photo: Pixels, saved: Saved) -> None:
    data = saved(photo, "PNG")
    body = b"Comment\0\0" + zlib.compress(b"a" * 80_000_000)
    chunk = struct.pack(">I4s", len(body), b"zTXt") + body + struct.pack(">I", zlib.crc32(b"zTXt" + body))
    with pytest.raises(UnreadablePicture):
        read(data[:33] + chunk + data[33:])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None, max_examples=100)
@given(st.sampled_from(sorted(KINDS)), st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=8)), max_size=4))
def test_no_file_brings_anything_but_that_error(form: str, edits: list[tuple[float, bytes]]) -> None:
    out = io.BytesIO()
    Image.effect_noise((24, 18), 60).convert("RGB").save(out, form)
    data = bytearray(out.getvalue())
    for place, change in edits:
        at = int(place * len(data))
        data[at : at + len(change)] = change
    try:
        pixels = read(bytes(data), largest_pixels=1_000_000).pixels
    except UnreadablePicture:
        return
    assert pixels.ndim == 3


def _png(header: bytes, packed: bytes) -> bytes:
    out = b"\x89PNG\r\n\x1a\n"
    for kind, body in ((b"IHDR", header), (b"IDAT", packed), (b"IEND", b"")):
        out += struct.pack(">I4s", len(body), kind) + body + struct.pack(">I", zlib.crc32(kind + body))
    return out
