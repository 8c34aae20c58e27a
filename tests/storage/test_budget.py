"""Small files that ask for much, and large ones that do not."""

from __future__ import annotations

import io
import struct
import time
import zlib
from collections.abc import Callable

import pytest
from PIL import Image

from engines.contract import Pixels
from gateway.storage.budget import MOST_PARTS, MOST_SCANS
from gateway.storage.reading import UnreadablePicture, read

Saved = Callable[..., bytes]


def progressive(scans: int) -> bytes:
    """A JPEG whose last scan is there again and again: seventy bytes that go over the whole picture."""
    out = io.BytesIO()
    Image.new("L", (512, 512), 100).save(out, "JPEG", progressive=True)
    data = out.getvalue()
    last = data[data.rindex(b"\xff\xda") : -2]
    return data[:-2] + last * (scans - data.count(b"\xff\xda")) + data[-2:]


def png(chunks: int, photo: Pixels, saved: Saved) -> bytes:
    data = saved(photo, "PNG")
    chunk = struct.pack(">I4s", 0, b"prVt") + struct.pack(">I", zlib.crc32(b"prVt"))
    return data[:33] + chunk * chunks + data[33:]


def jpeg(between: bytes, photo: Pixels, saved: Saved) -> bytes:
    data = saved(photo, "JPEG")
    return data[:2] + between + data[2:]


def gif(extensions: bytes, photo: Pixels, saved: Saved) -> bytes:
    data = saved(Image.fromarray(photo).convert("P"), "GIF")
    at = 13 + (3 << (data[10] & 7) + 1)
    return data[:at] + extensions + data[at:]


def webp(chunks: int, photo: Pixels, saved: Saved) -> bytes:
    data = saved(photo, "WEBP") + b"junk\0\0\0\0" * chunks
    return data[:4] + struct.pack("<I", len(data) - 8) + data[8:]


OUT_OF_STEP = b"\x21\xfe\xff" + b"a" * 31 + b"\1a" * 110 + b"\4aaa" + (b"\xff" + b"\1a" * 126 + b"\3aa") * 10_000
"""Blocks of 255 bytes; 126 times as many for who takes the first byte for a length, as Pillow does behind an empty one."""

COSTLY: dict[str, tuple[str, Callable[[Pixels, Saved], bytes]]] = {
    "scans": ("scans", lambda photo, saved: progressive(MOST_SCANS + 1)),
    "png": ("chunks", lambda photo, saved: png(2_000_000, photo, saved)),
    "webp": ("chunks", lambda photo, saved: webp(2_000_000, photo, saved)),
    "jpeg": ("segments", lambda photo, saved: jpeg(b"\xff\xe5\0\2" * 2_000_000, photo, saved)),
    "jpeg fill": ("segments", lambda photo, saved: jpeg(b"\xff" * 8_000_000, photo, saved)),
    "jpeg, zeros and no end": ("segments", lambda photo, saved: b"\xff\xd8\xff\xe0\0\2" + b"\0" * 8_000_000),
    "jpeg, zeros between": ("segments", lambda photo, saved: jpeg(b"\xff\xe5\0\2" + b"\0" * 8_000_000, photo, saved)),
    "jpeg, behind its end": ("segments", lambda photo, saved: jpeg(b"\xff\xd9" + b"\xff\xe5\0\2" * 2_000_000, photo, saved)),
    "jpeg, reserved": ("segments", lambda photo, saved: jpeg((b"\xff\xf0\xff\xff" + b"\0" * 65_533) * 200, photo, saved)),
    "gif": ("blocks", lambda photo, saved: gif(b"\x21\xfe\1a\0" * 2_000_000, photo, saved)),
    "gif, one comment": ("blocks", lambda photo, saved: gif(b"\x21\xfe" + b"\1a" * 2_000_000 + b"\0", photo, saved)),
    "gif, behind junk": ("blocks", lambda photo, saved: gif(b"\0" + b"\x21\xfe\1a\0" * 2_000_000, photo, saved)),
    "gif, junk": ("blocks", lambda photo, saved: gif(b"\0" * 8_000_000, photo, saved)),
    "gif, out of step": ("blocks", lambda photo, saved: gif(b"\x21\xf9\0" + OUT_OF_STEP, photo, saved)),
    "gif, netscape": ("blocks", lambda photo, saved: gif(b"\x21\xff\x0bNETSCAPE2.0\0" + OUT_OF_STEP, photo, saved)),
    "gif, empty ones": ("blocks", lambda photo, saved: gif(b"\x21\xfe\0" * 2_000_000, photo, saved)),
}


@pytest.mark.parametrize(("says", "make"), COSTLY.values(), ids=COSTLY)
def test_what_would_take_minutes_is_refused_at_once(
    says: str, make: Callable[[Pixels, Saved], bytes], photo: Pixels, saved: Saved
) -> None:
    data = make(photo, saved)
    begun = time.perf_counter()
    with pytest.raises(UnreadablePicture, match=f"more {says} than a picture needs") as caught:
        read(data, field="image")
    assert time.perf_counter() - begun < 1
    assert caught.value.field == "image"


def test_what_a_good_file_has_is_well_below(photo: Pixels, saved: Saved) -> None:
    for data in (
        progressive(MOST_SCANS),
        png(MOST_PARTS // 2, photo, saved),
        webp(MOST_PARTS // 2, photo, saved),
        jpeg(b"\xff\xe5\0\2" * (MOST_PARTS // 2), photo, saved),
        gif(b"\x21\xfe\1a\0" * (MOST_PARTS // 4), photo, saved),
        saved(photo, "JPEG", progressive=True),
    ):
        assert read(data).pixels.size


def test_what_lies_behind_the_picture_is_not_counted(photo: Pixels, saved: Saved) -> None:
    """Phones append films and further pictures to their JPEGs."""
    assert read(saved(photo, "JPEG", progressive=True) + progressive(40) * 3 + b"\xff\xda\0\2" * 1000).pixels.size
