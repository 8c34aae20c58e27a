"""What people type into a search field."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.images.tokens import Term
from gateway.images.wanted import Wanted
from gateway.images.words import LONGEST, MOST_PARTS, Query, has_phrase, narrowed, parse


def at(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=UTC).timestamp()) * 1_000_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("red circle", Query(words="red circle")),
        ("  red   circle ", Query(words="red circle")),
        ('"red circle" big', Query(words="big", phrases=("red circle",))),
        ("“red circle”", Query(phrases=("red circle",))),
        ("„rot blau“ x", Query(words="x", phrases=("rot blau",))),
        ('"red" "red"', Query(phrases=("red",))),
        ("-blue red", Query(words="red", without=("blue",))),
        ('-"on white" red', Query(words="red", without=("on white",))),
        ("well-lit", Query(words="well-lit")),
        ("ภาพ -รองเท้า", Query(words="ภาพ", without=("รองเท้า",))),
        ("tag:hero", Query(tags=("hero",))),
        ('TAG:"Work in Progress" x', Query(words="x", tags=("Work in Progress",))),
        ("-tag:hero -model:m", Query(without_tags=("hero",), without_models=("m",))),
        ("model:org/name@1.5", Query(models=("org/name@1.5",))),
        ("before:2026-05-01", Query(before=at(2026, 5, 1))),
        ("after:2026 before:2026-12", Query(after=at(2026, 1, 1), before=at(2026, 12, 1))),
        ("after:2025 after:2026", Query(after=at(2026, 1, 1))),
        ("before:2026-05-01T12:30:00Z", Query(before=at(2026, 5, 1, 12, 30))),
        ("before:2026-05-01T12:30:00+02:00", Query(before=at(2026, 5, 1, 10, 30))),
        ("seed:42", Query(seed=42)),
        ("rights:Commercial", Query(commercial=True)),
        ("-cat", Query(without=("cat",))),
        ('"東京" 夜', Query(words="夜", phrases=("東京",))),
    ],
)
def test_words_that_mean_something(text: str, expected: Query) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('"red', "red"),
        ('red" circle', 'red" circle'),
        ("tag:", "tag:"),
        ('tag:"', 'tag:"'),
        ("tag: hero", "tag: hero"),
        ("foo:bar", "foo:bar"),
        ("seed:abc", "seed:abc"),
        ("seed:-1", "seed:-1"),
        ("seed:9007199254740992", "seed:9007199254740992"),
        ("before:soon", "before:soon"),
        ("before:2026-13-01", "before:2026-13-01"),
        ("after:0000", "after:0000"),
        ("rights:none", "rights:none"),
        ("red - circle", "red - circle"),
        ("a'; DROP TABLE images; --", "a'; DROP TABLE images;"),
        ("http://x.y/z", "http://x.y/z"),
    ],
)
def test_what_means_nothing_special_is_text(text: str, words: str) -> None:
    assert parse(text).words.rstrip(" -") == words
    assert not parse(text).nothing


@pytest.mark.parametrize("text", ["", " ", '"', "-", "!?", '""', '-""', "seed:1 seed:2", "model:a model:b", "\0"])
def test_what_finds_nothing(text: str) -> None:
    assert parse(text).nothing


@pytest.mark.parametrize("text", ["tag:a tag:b", "tag:a !", "-a -b", "seed:1 seed:1"])
def test_what_can_find_something(text: str) -> None:
    assert not parse(text).nothing


@given(
    st.text(max_size=80)
    | st.lists(st.sampled_from([*list('"-: “”'), "tag:", "before:", "seed:", "2026", "a", "東"])).map("".join)
)
def test_no_text_is_an_error(text: str) -> None:
    found = parse(text)
    assert found == parse(text)
    assert "\0" not in found.words


def test_endless_text_is_cut() -> None:
    found = parse("tag:a " * 10_000)
    assert found.tags == ("a",)
    assert len(parse("ab " * 10_000).words) <= LONGEST
    assert len(parse(" ".join(f"-a{number}" for number in range(1000))).without) <= MOST_PARTS


@pytest.mark.parametrize(
    ("phrase", "text", "expected"),
    [
        ("red circle", "A RED, circle!", True),
        ("red circle", "a red big circle", False),
        ("red circle", "circle red", False),
        ("red circ", "red circle", False),
        ("red", "red", True),
        ("red", "bored", False),
        ("の夜", "東京の夜景 at night", True),
        ("夜景 at", "東京の夜景 at night", True),
        ("京東", "東京", False),
        ("ｃａｆｅ́", "CAFÉ noir", True),
        ("🎉 party", "🎉party", True),
    ],
)
def test_a_phrase_is_words_next_to_each_other(phrase: str, text: str, expected: bool) -> None:
    assert has_phrase(phrase, ["other", text]) is expected


FREE = frozenset({"free", "other"})


@pytest.mark.parametrize(
    ("before", "text", "expected"),
    [
        (Wanted(), "red", Wanted(terms=(Term("red", True),))),
        (Wanted(), '"Red cat"', Wanted(terms=(Term("red", False), Term("cat", False)), phrases=("Red cat",))),
        (Wanted(), "-red", Wanted(without=((Term("red", False),),))),
        (Wanted(), '-"Red cat" -"red"', Wanted(without=((Term("red", False),),), without_phrases=("Red cat",))),
        (Wanted(), "tag:a !", Wanted(tags=("a",))),
        (Wanted(), "!", Wanted(terms=(), nothing=True)),
        (Wanted(tags=("b",)), "tag:a -tag:c", Wanted(tags=("b", "a"), without_tags=("c",))),
        (Wanted(model="m"), "model:m", Wanted(model="m")),
        (Wanted(model="m"), "model:n", Wanted(model="m", nothing=True)),
        (Wanted(seed=1), "seed:2", Wanted(seed=1, nothing=True)),
        (Wanted(), "rights:commercial", Wanted(models=FREE)),
        (Wanted(models=frozenset({"free", "mine"})), "rights:commercial", Wanted(models=frozenset({"free"}))),
        (
            Wanted(since=5, until=at(2030, 1, 1)),
            "after:2026 before:2027",
            Wanted(since=at(2026, 1, 1), until=at(2027, 1, 1) - 1),
        ),
        (Wanted(favorite=True), "", Wanted(favorite=True, nothing=True)),
    ],
)
def test_words_narrow_what_is_wanted(before: Wanted, text: str, expected: Wanted) -> None:
    assert narrowed(before, text, FREE) == expected


@given(st.text(max_size=60))
def test_nothing_is_found_by_words_that_say_nothing(text: str) -> None:
    found = narrowed(Wanted(), text, FREE)
    assert found != Wanted()
    assert found.impossible is parse(text).nothing
