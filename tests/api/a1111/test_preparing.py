"""Pictures and masks, as A1111 hands them to a model."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from engines.contract import Pixels, Size
from gateway.api.a1111.preparing import CUT, DRAW_OUT, STRETCH, Plan, cut, filled, fitted, prepared
from gateway.errors import InvalidInput
from gateway.storage import xmp
from gateway.storage.encoding import encode
from gateway.storage.provenance import mark_of, source_type_of
from tests.api.pictures import BLUE, RED, flat
from tests.fakes.pictures import png


def ends(width: int = 8, height: int = 4) -> Pixels:
    """Red, with a blue column at either end."""
    pixels = np.full((height, width, 3), RED, np.uint8)
    pixels[:, 0] = pixels[:, -1] = BLUE
    return pixels


def opened(data: bytes | None) -> Pixels:
    assert data is not None
    return np.asarray(Image.open(io.BytesIO(data)))


def test_what_nothing_is_done_to_stays_as_it_was_sent() -> None:
    whole = png(np.full((8, 8, 3), 255, np.uint8))
    assert prepared(flat(), None, Plan()) == (None, None)
    assert prepared(flat(width=8, height=8), whole, Plan()) == (None, None)
    assert prepared(png(ends()), None, Plan(size=Size(4, 4), mode=CUT)) == (None, None), "the gateway cuts it itself"
    assert prepared(png(ends()), None, Plan(size=Size(16, 8), mode=STRETCH)) == (None, None), "only larger"


def test_stretched_and_drawn_out() -> None:
    source, _ = prepared(png(ends()), None, Plan(size=Size(8, 8), mode=STRETCH))
    assert opened(source).shape == (8, 8, 3)
    assert tuple(opened(source)[0, 0]) == BLUE
    drawn = fitted(ends(), Size(8, 8), DRAW_OUT)
    assert drawn.shape == (8, 8, 3)
    assert (drawn[0] == ends()[0]).all()
    assert fitted(np.zeros((4, 8), np.uint8), Size(9, 5), DRAW_OUT).shape == (5, 9)


def test_a_models_picture_stays_one() -> None:
    """Without its mark it would be taken for a photograph, and what is made of it for one that was changed."""
    marked = encode(ends(), "webp", {}, xmp.packet("trainedAlgorithmicMedia"))
    stretched, _ = prepared(marked, None, Plan(size=Size(8, 8), mode=STRETCH))
    assert stretched is not None
    for data in (stretched, cut(marked, Size(4, 4))):
        assert source_type_of(data, "image/png") == "trainedAlgorithmicMedia"
    assert mark_of(cut(flat(), Size(4, 3)), "image/png") is None


def test_masks_go_the_way_of_their_picture() -> None:
    marks = np.zeros((4, 8, 3), np.uint8)
    marks[:, :4] = 255
    source, mask = prepared(png(ends()), png(marks), Plan(size=Size(8, 8), mode=STRETCH, invert=True))
    assert opened(source).shape[:2] == opened(mask).shape == (8, 8)
    assert opened(mask)[4].tolist()[0] == 0
    assert opened(mask)[4].tolist()[-1] == 255


@pytest.mark.parametrize(("value", "invert", "says"), [(0, False, "black"), (255, True, "white")])
def test_a_mask_that_marks_nothing(value: int, invert: bool, says: str) -> None:
    with pytest.raises(InvalidInput, match=says) as raised:
        prepared(flat(width=8, height=8), png(np.full((8, 8, 3), value, np.uint8)), Plan(invert=invert))
    assert raised.value.field == "mask"


def test_colours_flow_in_from_around() -> None:
    pixels = np.full((32, 32, 3), BLUE, np.uint8)
    pixels[8:24, 8:24] = RED
    mask = np.zeros((32, 32), np.uint8)
    mask[8:24, 8:24] = 255
    done = filled(pixels, mask)
    assert done.shape == pixels.shape
    assert np.abs(done.astype(int) - np.array(BLUE)).max() < 12
    assert (filled(pixels, np.full((32, 32), 255, np.uint8)) == filled(pixels, np.full((32, 32), 255, np.uint8))).all()


def test_the_middle_in_a_ratio() -> None:
    assert opened(cut(png(ends()), Size(100, 100))).shape == (4, 4, 3)
    assert opened(cut(png(ends()), Size(400, 100))).shape == (2, 8, 3)
    assert opened(cut(png(ends(1, 9)), Size(1000, 1))).shape[0] == 1
