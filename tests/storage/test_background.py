"""The background that was asked for."""

from __future__ import annotations

import numpy as np
import pytest

from gateway.storage.background import with_background
from gateway.storage.reading import UnreadablePicture

PLAIN = np.full((4, 4, 3), 9, np.uint8)
CLEAR = np.dstack([PLAIN, np.zeros((4, 4), np.uint8)])


@pytest.mark.parametrize("wanted", [None, "opaque"])
def test_a_picture_without_alpha_is_opaque_already(wanted: str | None) -> None:
    assert with_background(PLAIN, wanted) is PLAIN


@pytest.mark.parametrize("wanted", [None, "transparent"])
def test_alpha_stays_where_nobody_wants_it_gone(wanted: str | None) -> None:
    assert with_background(CLEAR, wanted) is CLEAR


def test_opaque_is_on_white() -> None:
    made = with_background(CLEAR, "opaque")
    assert made.shape == (4, 4, 3)
    assert (made == 255).all()


def test_what_was_promised_transparent_and_is_not_is_refused() -> None:
    with pytest.raises(UnreadablePicture, match="no alpha channel"):
        with_background(PLAIN, "transparent")
