from __future__ import annotations

import pytest

from gateway.api.cursors import Cursors
from gateway.db import new_id
from gateway.errors import InvalidInput

CURSORS = Cursors(b"k" * 32)


def test_a_cursor_opens_the_list_that_it_came_from() -> None:
    last = new_id()
    assert CURSORS.open(CURSORS.seal(last, "team", "tasks", None), "team", "tasks", None) == last
    assert CURSORS.open(None, "team") is None


def test_it_opens_no_other_list() -> None:
    cursor = CURSORS.seal(new_id(), "team", "tasks", None)
    for scope in (("other", "tasks", None), ("team", "images", None), ("team", "tasks", "failed")):
        with pytest.raises(InvalidInput) as caught:
            CURSORS.open(cursor, *scope)
        assert caught.value.field == "next"


@pytest.mark.parametrize("cursor", ["", "x", "é", "A" * 32, "A" * 33, "=" * 8, "../../etc", "0" * 10_000])
def test_what_is_no_cursor_of_ours_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidInput):
        CURSORS.open(cursor, "team")


def test_each_altered_letter_is_noticed() -> None:
    cursor = CURSORS.seal(new_id(), "team")
    for place, letter in enumerate(cursor):
        altered = cursor[:place] + ("B" if letter == "A" else "A") + cursor[place + 1 :]
        with pytest.raises(InvalidInput):
            CURSORS.open(altered, "team")


def test_a_page_is_cut_and_the_last_one_has_no_cursor() -> None:
    class Row:
        def __init__(self) -> None:
            self.id = new_id()

    rows = [Row(), Row(), Row()]
    page, following = CURSORS.cut(rows, 2, "team")
    assert list(page) == rows[:2]
    assert CURSORS.open(following, "team") == rows[1].id
    assert CURSORS.cut(rows, 3, "team")[1] is None
    assert CURSORS.cut([], 3, "team") == ([], None)
