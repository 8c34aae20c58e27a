"""Which language a page speaks, and that it says everything in each."""

from __future__ import annotations

import pytest

from gateway.pages.words import DEFAULT, RIGHT_TO_LEFT, SPOKEN, language


@pytest.mark.parametrize(
    ("accepted", "spoken"),
    [
        ("", DEFAULT),
        ("de", "de"),
        ("de-CH", "de"),
        ("en-US,en;q=0.9,de;q=0.8", "en"),
        ("fr;q=0.2, it ;q=0.7, en;q=0.1", "it"),
        ("tlh, pt-BR;q=0.5", "pt"),
        ("zh-TW", "zh-hant"),
        ("zh-Hant-HK", "zh-hant"),
        ("zh-CN", "zh"),
        ("iw", "he"),
        ("de;q=0, fr;q=0.1", "fr"),
        ("de;q=x, fr;q=nan, *;q=1", DEFAULT),
        (", ;q=1,,-", DEFAULT),
        ("x," * 100_000 + "de", DEFAULT),
    ],
)
def test_the_language_that_is_wanted_most(accepted: str, spoken: str) -> None:
    assert language(accepted) == spoken


@pytest.mark.parametrize("spoken", SPOKEN)
def test_every_language_says_everything(spoken: str) -> None:
    words = SPOKEN[spoken]
    assert all(words)
    assert len(set(words)) == len(words)
    assert spoken == DEFAULT or not set(words) & set(SPOKEN[DEFAULT])


def test_the_languages_that_are_asked_for_are_there() -> None:
    assert {
        "en",
        "de",
        "fr",
        "es",
        "it",
        "pt",
        "nl",
        "pl",
        "tr",
        "ru",
        "uk",
        "ja",
        "ko",
        "zh",
        "th",
        "ar",
        "hi",
        "vi",
        "id",
    } <= set(SPOKEN)
    assert "ar" in RIGHT_TO_LEFT
