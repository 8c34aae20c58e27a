from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.images.tokens import LONGEST, MOST_TERMS, Term, terms, tokens


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("A red Circle", ["a", "red", "circle"]),
        ("red, RED; red!", ["red"]),
        ("16:9 4k snake_case it's", ["16", "9", "4k", "snake", "case", "it", "s"]),
        ("STRASSE Straße ﬁne Ｗｉｄｅ", ["strasse", "fine", "wide"]),
        ("e\u0301tude Étude etude", ["etude"]),
        ("Đà Nẵng, Łódź; İzmir ılık Ærø", ["da", "nang", "lodz", "izmir", "ilik", "aero"]),
        ("Ελλάδα ёлка", ["ελλαδα", "елка"]),
        ("שָׁלוֹם كِتَاب", ["שלום", "كتاب"]),
        ("\u200fשלום עולם", ["שלום", "עולם"]),
        ("می\u200cخواهم", ["میخواهم"]),
        ("नमस्ते दुनिया", ["नमस्ते", "दुनिया"]),
        ("рыжий кот", ["рыжии", "кот"]),
        ("한국어 사진", ["한국어", "사진"]),
        ("รองเท้า", ["ร", "อ", "ง", "เ", "ท", "้", "า", "รอ", "อง", "งเ", "เท", "ท้", "้า"]),
        ("東京 tower夜", ["東", "京", "東京", "tower", "夜"]),
        ("ｶﾞ", ["ガ"]),
        ("👍🏽👍 ❤️", ["👍", "❤"]),
        ("👩‍💻", ["👩", "💻"]),
        ("🇹🇭🇩🇪", ["🇹🇭", "🇩🇪"]),
        ("a\x00b\ud800c\ue000d", ["a", "b", "c", "d"]),
        ("", []),
        (" .,-!? \n", []),
    ],
)
def test_what_a_text_is_found_by(text: str, found: list[str]) -> None:
    assert tokens(text) == found


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ("Red cir", [Term("red", True), Term("cir", True)]),
        ("京", [Term("京", False)]),
        ("東京都", [Term("東京", False), Term("京都", False)]),
        ("🇹🇭 😀", [Term("🇹🇭", False), Term("😀", False)]),
        ("red red", [Term("red", True)]),
        ('"*:&|!()', []),
    ],
)
def test_what_a_query_asks_for(query: str, asked: list[Term]) -> None:
    assert terms(query) == asked


def test_endless_words_and_queries_are_cut() -> None:
    assert tokens("x" * 5000) == ["x" * LONGEST]
    assert terms("x" * 5000) == [Term("x" * LONGEST, True)]
    assert len(terms(" ".join(f"w{number}" for number in range(1000)))) == MOST_TERMS


ANY = st.text(st.one_of(st.characters(), st.sampled_from("aAbß é1กำข東京가नम👍🏽🇹🇭'\u200d\ufe0f\u0301_-")), max_size=60)


def meets(query: str, found: list[str]) -> bool:
    return all(
        any(one.startswith(term.text) if term.is_beginning else one == term.text for one in found) for term in terms(query)
    )


@given(ANY)
def test_composition_makes_no_difference(text: str) -> None:
    assert tokens(unicodedata.normalize("NFD", text)) == tokens(unicodedata.normalize("NFC", text)) == tokens(text)


@given(ANY)
def test_a_text_is_found_by_itself(text: str) -> None:
    assert meets(text, tokens(text))


@given(st.lists(ANY, max_size=4))
def test_tokens_hold_nothing_that_a_query_language_knows(texts: list[str]) -> None:
    for token in tokens(*texts):
        assert token
        assert all(character.isalnum() or ord(character) > 127 for character in token)
        assert not any(unicodedata.category(character) in ("Cc", "Cs", "Co", "Zs") for character in token)


@given(ANY, st.data())
def test_every_beginning_of_a_word_and_every_piece_of_an_unspaced_run_finds(text: str, data: st.DataObject) -> None:
    found = tokens(text)
    for term in terms(text):
        query = term.text
        if term.is_beginning:
            query = query[: data.draw(st.integers(1, len(query)))]
        assert meets(query, found)
