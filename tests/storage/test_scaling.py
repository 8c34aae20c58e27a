"""Scaling and cropping of pixels."""

from __future__ import annotations

import numpy as np
import pytest

from engines.contract import Size
from gateway.storage.scaling import crop, fit, luminance


@pytest.mark.parametrize(
    ("width", "height", "size"),
    [
        (128, 128, Size(512, 512)),
        (160, 96, Size(1920, 1080)),
        (96, 160, Size(768, 1344)),
        (128, 128, Size(128, 128)),
        (300, 200, Size(64, 64)),
    ],
)
def test_fit_gives_exactly_the_size(width: int, height: int, size: Size) -> None:
    pixels = np.zeros((height, width, 3), np.uint8)
    assert fit(pixels, size).shape == (size.height, size.width, 3)


def test_fit_keeps_the_middle_and_flat_colors() -> None:
    pixels = np.zeros((64, 128, 3), np.uint8)
    pixels[:, 32:96] = (200, 40, 10)
    made = fit(pixels, Size(128, 128))
    assert (made[:, 8:-8] == (200, 40, 10)).all()


@pytest.mark.parametrize(("width", "height"), [(5_000_000, 1), (1, 5_000_000), (40_000, 3)])
def test_a_strip_is_not_scaled_whole(width: int, height: int) -> None:
    """At the scale at which it covers, all of it would take terabytes."""
    pixels = np.zeros((height, width, 3), np.uint8)
    middle = (
        (height // 2, slice(width // 2 - 9, width // 2 + 9)) if width > height else (slice(height // 2 - 9, height // 2 + 9), 0)
    )
    pixels[middle] = 200
    made = fit(pixels, Size(512, 512))
    assert made.shape == (512, 512, 3)
    assert made[256, 256].tolist() == [200, 200, 200]


def test_crop_takes_the_middle() -> None:
    pixels = np.arange(5 * 7, dtype=np.uint8).reshape(5, 7)
    assert crop(pixels, Size(3, 1)).tolist() == [[16, 17, 18]]


def test_luminance() -> None:
    pixels = np.array([[[255, 255, 255, 9], [0, 0, 0, 9], [255, 0, 0, 9]]], np.uint8)
    assert luminance(pixels).tolist() == [[255, 0, 76]]
    assert luminance(np.array([[7]], np.uint8)).tolist() == [[7]]
