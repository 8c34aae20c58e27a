"""What is taken as a title or a tag, and what is the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import InvalidInput
from gateway.images.tables import UNTITLED
from gateway.images.tags import LONGEST_TAG, LONGEST_TITLE, MOST_TAGS, cleaned, cleaned_title, folded, title_key


@pytest.mark.parametrize(
    ("given_tags", "kept"),
    [
        ([], []),
        (["Hero", "hero", " HERO "], ["Hero"]),
        (["b", "a"], ["b", "a"]),
        (["ﬁlm", "film"], ["ﬁlm"]),
        (["straße", "STRASSE"], ["straße"]),
        (["กาแฟ", "a, b", "../etc"], ["กาแฟ", "a, b", "../etc"]),
    ],
)
def test_tags_are_kept_in_order_and_once(given_tags: list[str], kept: list[str]) -> None:
    assert cleaned(given_tags) == kept


@pytest.mark.parametrize(
    ("tags", "field"),
    [
        (["x"] * 10_000, "tags"),
        ([str(each) for each in range(MOST_TAGS + 1)], "tags"),
        (["ok", ""], "tags[1]"),
        (["  "], "tags[0]"),
        (["x" * (LONGEST_TAG + 1)], "tags[0]"),
        (["a\x00b"], "tags[0]"),
        (["a\nb"], "tags[0]"),
        (["a\u2028b"], "tags[0]"),
        (["\ud800"], "tags[0]"),
        (["\u200b"], "tags[0]"),
        (["\u202e \u200d\u00a0"], "tags[0]"),
    ],
)
def test_tags_that_are_none(tags: list[str], field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        cleaned(tags)
    assert refusal.value.field == field


@pytest.mark.parametrize("title", ["x" * (LONGEST_TITLE + 1), "x" * 1_000_000, "two\nlines", "\x1b[31m", "\x7f", "\ud83d"])
def test_titles_that_are_none(title: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        cleaned_title(title)
    assert refusal.value.field == "title"


def test_a_title_of_nothing_that_is_seen_is_none() -> None:
    assert cleaned_title("\u200b\ufeff \u202e") == ""
    assert cleaned_title(" 👩\u200d🚀 ") == "👩\u200d🚀"


@given(st.lists(st.text(max_size=8), max_size=8))
def test_sorting_is_that_of_bytes_and_untitled_ones_are_last(titles: list[str]) -> None:
    keys = [title_key(title) for title in titles]
    assert sorted(keys) == sorted(keys, key=lambda key: key.encode(errors="surrogatepass"))
    assert all(key <= UNTITLED for key in keys)
    assert all(folded(folded(title)) == folded(title) for title in titles)
