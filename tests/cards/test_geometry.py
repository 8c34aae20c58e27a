"""Which size is made for the size that was asked for."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.contract import ModelCard, Size
from gateway.cards import Geometry, area, geometry, nearest_size
from gateway.errors import InvalidInput

# The bundled model: trained on three canvases.
SHAPES = ModelCard(
    capabilities=("text_to_image",),
    native_sizes=(Size(128, 128), Size(160, 96), Size(96, 160)),
    min_size=Size(96, 96),
    max_size=Size(160, 160),
    size_multiple=32,
)
# As SDXL: trained on buckets of about a megapixel, able to make others.
BUCKETS = ModelCard(
    capabilities=("text_to_image",),
    native_sizes=(Size(1024, 1024), Size(1152, 896), Size(896, 1152), Size(1344, 768), Size(768, 1344)),
    min_size=Size(512, 512),
    max_size=Size(2048, 2048),
    size_multiple=8,
)
# As good at any size within its limits.
FREE = ModelCard(capabilities=("text_to_image",), min_size=Size(256, 256), max_size=Size(2048, 2048), size_multiple=16)


def size(text: str) -> Size:
    width, height = text.split("x")
    return Size(int(width), int(height))


@pytest.mark.parametrize(
    ("card", "asked", "made", "scaled"),
    [
        (SHAPES, "128x128", "128x128", False),
        (SHAPES, "160x96", "160x96", False),
        (SHAPES, "100x120", "128x128", False),
        (SHAPES, "150x90", "160x96", False),
        (SHAPES, "96x96", "128x128", True),
        (SHAPES, "64x64", "128x128", True),
        (SHAPES, "16x16", "128x128", True),
        (SHAPES, "160x160", "128x128", True),
        (SHAPES, "256x256", "128x128", True),
        (SHAPES, "512x512", "128x128", True),
        (SHAPES, "1024x1024", "128x128", True),
        (SHAPES, "1536x1024", "160x96", True),
        (SHAPES, "1024x1536", "96x160", True),
        (SHAPES, "1920x1080", "160x96", True),
        (SHAPES, "768x1344", "96x160", True),
        (SHAPES, "1152x896", "128x128", True),
        (SHAPES, "640x480", "160x96", True),
        (SHAPES, "4096x4096", "128x128", True),
        (SHAPES, "3000x100", "160x96", True),
        (BUCKETS, "1024x1024", "1024x1024", False),
        (BUCKETS, "1344x768", "1344x768", False),
        (BUCKETS, "1216x832", "1216x832", False),
        (BUCKETS, "1000x1000", "1000x1000", False),
        (BUCKETS, "1001x999", "1008x1000", False),
        (BUCKETS, "832x832", "832x832", False),
        (BUCKETS, "512x512", "1024x1024", True),
        (BUCKETS, "1920x1080", "1344x768", True),
        (BUCKETS, "2048x2048", "1024x1024", True),
        (BUCKETS, "4096x4096", "1024x1024", True),
        (FREE, "256x256", "256x256", False),
        (FREE, "1920x1080", "1920x1088", False),
        (FREE, "2048x2048", "2048x2048", False),
        (FREE, "4096x2048", "2048x1024", True),
        (FREE, "4000x3000", "2048x1536", True),
        (FREE, "128x128", "256x256", True),
        (FREE, "64x128", "256x512", True),
        (FREE, "4096x100", "2048x256", True),
        (FREE, "100x4096", "256x2048", True),
    ],
)
def test_with_an_upscaler_every_size_is_delivered(card: ModelCard, asked: str, made: str, scaled: bool) -> None:
    wanted = size(asked)
    assert geometry(wanted.width, wanted.height, card, "lanczos") == Geometry(size(made), wanted, scaled)


@pytest.mark.parametrize(
    ("card", "asked", "made"),
    [
        (SHAPES, "96x96", "96x96"),
        (SHAPES, "160x160", "160x160"),
        (SHAPES, "97x129", "128x160"),
        (BUCKETS, "512x512", "512x512"),
        (BUCKETS, "2048x2048", "2048x2048"),
        (FREE, "1920x1080", "1920x1088"),
    ],
)
def test_without_an_upscaler_all_within_the_limits_is_made(card: ModelCard, asked: str, made: str) -> None:
    wanted = size(asked)
    assert geometry(wanted.width, wanted.height, card, None) == Geometry(size(made), wanted, False)


@pytest.mark.parametrize(
    ("card", "asked", "says"),
    [
        (SHAPES, "161x128", ["96x96 to 160x160", "best 128x128, 160x96, 96x160", "no upscaler"]),
        (SHAPES, "64x128", ["96x96 to 160x160"]),
        (BUCKETS, "2049x1024", ["512x512 to 2048x2048"]),
        (FREE, "2048x4096", ["256x256 to 2048x2048"]),
    ],
)
def test_without_an_upscaler_the_rest_is_refused_naming_sizes(card: ModelCard, asked: str, says: list[str]) -> None:
    wanted = size(asked)
    with pytest.raises(InvalidInput) as raised:
        geometry(wanted.width, wanted.height, card, None)
    assert raised.value.field == "size"
    assert all(word in raised.value.message for word in [asked, *says])


def test_limits_that_are_no_multiples_are_told_as_what_can_be_made() -> None:
    card = ModelCard(capabilities=("text_to_image",), min_size=Size(100, 100), max_size=Size(1000, 1000), size_multiple=64)
    with pytest.raises(InvalidInput, match="128x128 to 960x960"):
        geometry(1000, 1000, card, None)
    assert geometry(1000, 1000, card, "lanczos") == Geometry(Size(960, 960), Size(1000, 1000), True)


@pytest.mark.parametrize(("card", "usual"), [(SHAPES, "128x128"), (BUCKETS, "1024x1024"), (FREE, "1024x1024")])
@pytest.mark.parametrize("upscaler", ["lanczos", None])
def test_no_size_is_the_usual_one(card: ModelCard, usual: str, upscaler: str | None) -> None:
    assert geometry(None, None, card, upscaler) == Geometry(size(usual), size(usual), False)


def test_no_size_of_a_small_model_without_native_sizes() -> None:
    card = ModelCard(capabilities=("text_to_image",), max_size=Size(500, 300), size_multiple=64)
    assert geometry(None, None, card, None).final == Size(256, 256)


@pytest.mark.parametrize(("width", "height"), [(128, None), (None, 128)])
def test_half_a_size_is_refused(width: int | None, height: int | None) -> None:
    with pytest.raises(InvalidInput, match="both") as raised:
        geometry(width, height, SHAPES, "lanczos")
    assert raised.value.field == "size"


@pytest.mark.parametrize(("width", "height"), [(0, 512), (512, -1), (15, 512), (16_384, 512), (5000, 5000), (10**9, 10**9)])
def test_no_upscaler_makes_everything(width: int, height: int) -> None:
    with pytest.raises(InvalidInput) as raised:
        geometry(width, height, SHAPES, "lanczos")
    assert raised.value.field == "size"


def test_the_largest_picture_is_a_setting() -> None:
    assert geometry(200, 200, SHAPES, "lanczos", max_pixels=40_000).final == Size(200, 200)
    with pytest.raises(InvalidInput, match="40000"):
        geometry(200, 201, SHAPES, "lanczos", max_pixels=40_000)


def test_of_native_sizes_of_one_ratio_the_smallest_that_is_large_enough_is_made() -> None:
    natives = (Size(2048, 2048), Size(1024, 1024), Size(1536, 1536))
    card = ModelCard(capabilities=("text_to_image",), native_sizes=natives, min_size=Size(1024, 1024))
    assert geometry(600, 600, card, "lanczos").make == Size(1024, 1024)
    assert geometry(4000, 4000, card, "lanczos").make == Size(2048, 2048)


@pytest.mark.parametrize(
    ("make", "final", "scaled", "cover", "crop"),
    [
        ("128x128", "100x120", False, "128x128", (14, 4, 114, 124)),
        ("128x128", "512x512", True, "512x512", (0, 0, 512, 512)),
        ("160x96", "1920x1080", True, "1920x1152", (0, 36, 1920, 1116)),
        ("160x96", "640x480", True, "800x480", (80, 0, 720, 480)),
        ("128x128", "64x32", True, "64x64", (0, 16, 64, 48)),
    ],
)
def test_what_is_made_is_scaled_to_cover_and_cut_in_the_middle(
    make: str, final: str, scaled: bool, cover: str, crop: tuple[int, int, int, int]
) -> None:
    found = Geometry(size(make), size(final), scaled)
    assert found.cover == size(cover)
    assert found.crop == crop


@settings(max_examples=300, deadline=None)
@given(
    width=st.integers(16, 6000),
    height=st.integers(16, 3000),
    card=st.sampled_from([SHAPES, BUCKETS, FREE]),
)
def test_what_is_made_can_be_made_and_covers_what_was_asked(width: int, height: int, card: ModelCard) -> None:
    found = geometry(width, height, card, "lanczos")
    assert found.final == Size(width, height)
    assert card.min_size.width <= found.make.width <= card.max_size.width
    assert card.min_size.height <= found.make.height <= card.max_size.height
    assert found.make.width % card.size_multiple == found.make.height % card.size_multiple == 0
    left, top, right, bottom = found.crop
    assert left >= 0
    assert top >= 0
    assert right <= found.cover.width
    assert bottom <= found.cover.height
    assert (right - left, bottom - top) == (width, height)
    # Only one side is cut, so that nothing is scaled more than it must be.
    assert not found.scaled or width == found.cover.width or height == found.cover.height


@pytest.mark.parametrize(
    ("card", "ratio", "megapixels", "made"),
    [
        (SHAPES, 1.0, None, "128x128"),
        (SHAPES, 8.0, None, "160x96"),
        (BUCKETS, 1.0, 1.0, "1024x1024"),
        (BUCKETS, 16 / 9, 1.0, "1368x768"),
        (BUCKETS, 1 / 8, 1.0, "512x2048"),
        (FREE, 1.0, None, "1024x1024"),
        (FREE, 8.0, 1.0, "2048x368"),
    ],
)
def test_the_nearest_size_of_a_ratio(card: ModelCard, ratio: float, megapixels: float | None, made: str) -> None:
    assert nearest_size(ratio, megapixels, card) == size(made)


@given(
    card=st.sampled_from([SHAPES, BUCKETS, FREE]),
    ratio=st.floats(1 / 8, 8),
    megapixels=st.none() | st.floats(0.001, 16),
)
def test_the_nearest_size_can_always_be_made(card: ModelCard, ratio: float, megapixels: float | None) -> None:
    made = nearest_size(ratio, megapixels, card)
    assert geometry(made.width, made.height, card, None) == Geometry(made, made)
    assert area(megapixels, card) > 0
