from __future__ import annotations

import pytest

from gateway.api.gallery.ranges import parse
from gateway.errors import RangeNotSatisfiable


@pytest.mark.parametrize(
    ("header", "size", "expected"),
    [
        (None, 10, None),
        (b"bytes=0-3", 10, (0, 4)),
        (b"bytes=4-", 10, (4, 10)),
        (b"bytes=-3", 10, (7, 10)),
        (b"bytes=-30", 10, (0, 10)),
        (b"bytes=9-9", 10, (9, 10)),
        (b"bytes=5-500", 10, (5, 10)),
        (b"BYTES = 1 - 2 ", 10, (1, 3)),
        (b"bytes=5-2", 10, None),
        (b"bytes=0-1,4-5", 10, None),
        (b"bytes=-", 10, None),
        (b"items=0-3", 10, None),
        (b"nonsense", 10, None),
        (b"bytes=a-b", 10, None),
    ],
)
def test_one_range_is_taken_and_everything_else_is_the_whole(
    header: bytes | None, size: int, expected: tuple[int, int] | None
) -> None:
    assert parse(header, size) == expected


@pytest.mark.parametrize(("header", "size"), [(b"bytes=10-", 10), (b"bytes=99-100", 10), (b"bytes=-0", 10), (b"bytes=0-", 0)])
def test_a_range_past_the_end_is_refused_with_the_size(header: bytes, size: int) -> None:
    with pytest.raises(RangeNotSatisfiable) as caught:
        parse(header, size)
    assert caught.value.headers == {"Content-Range": f"bytes */{size}"}
