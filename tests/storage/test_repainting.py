"""What a mask leaves out stays as it was."""

from __future__ import annotations

import numpy as np

from gateway.storage.repainting import Around, within


def test_white_is_painted_black_stays_and_gray_is_between() -> None:
    painted, source = np.full((2, 3, 3), 200, np.uint8), np.full((2, 3, 4), 100, np.uint8)
    mask = np.array([[255, 0, 128]] * 2, np.uint8)
    done = within(painted, Around(source, mask))
    assert done.shape == painted.shape
    assert done[0, :, 0].tolist() == [200, 100, 150]
    assert within(painted, None) is painted


def test_it_keeps_its_channel_of_transparency() -> None:
    painted, source = np.full((2, 2, 4), 200, np.uint8), np.full((2, 2, 3), 100, np.uint8)
    done = within(painted, Around(source, np.array([[255, 0]] * 2, np.uint8)))
    assert done[0].tolist() == [[200] * 4, [100, 100, 100, 255]]
