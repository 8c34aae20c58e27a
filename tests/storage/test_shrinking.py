"""Pictures that are too large as a file are scaled down, a mask with its source."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from engines.contract import Pixels
from gateway.storage import png
from gateway.storage.shrinking import within


def noise(width: int, height: int, channels: int = 3) -> Pixels:
    return np.random.default_rng(1).integers(0, 256, (height, width, channels), np.uint8)


def packed(pixels: Pixels) -> int:
    """By Pillow, as an engine might write it."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return len(out.getvalue())


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("limit", [4096, 40_000, 200_000])
def test_what_is_too_large_just_fits_afterwards(limit: int, channels: int) -> None:
    (small,) = within(limit, noise(400, 300, channels))
    assert limit * 0.5 < packed(small) <= limit
    assert small.shape[1] / small.shape[0] == pytest.approx(4 / 3, rel=0.03)
    assert small.shape[2] == channels


def test_what_fits_stays_as_it_is() -> None:
    flat = np.full((2000, 2000, 3), 7, np.uint8)  # 12 MB, and a few kilobytes as a file
    few = noise(20, 20)
    assert within(100_000, flat)[0] is flat
    assert within(100_000, few)[0] is few
    assert within(4096) == ()


def test_a_source_and_its_mask_stay_of_one_size() -> None:
    source, mask = noise(300, 200), np.zeros((200, 300), np.uint8)
    mask[:, :150] = 255
    small, cut = within(50_000, source, mask)
    assert small.shape[:2] == cut.shape
    assert cut.ndim == 2
    assert (cut[:, 0].min(), cut[:, -1].max()) == (255, 0)


def test_a_mask_that_is_larger_than_its_source_decides() -> None:
    source, mask = np.zeros((300, 300, 3), np.uint8), noise(300, 300, 1)[..., 0]
    small, cut = within(30_000, source, mask)
    assert small.shape[:2] == cut.shape < (300, 300)
    assert len(png.encode(cut)) <= 30_000


def test_no_limit_is_too_low_to_end() -> None:
    assert within(1, noise(50, 50))[0].shape[:2] == (1, 1)
