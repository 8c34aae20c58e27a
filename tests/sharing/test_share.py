"""Tokens: forty characters that nobody makes without the key."""

from __future__ import annotations

import re

import pytest

from gateway.sharing.share import TOKEN_LENGTH, digest_of, token_of

KEY, ID = b"k" * 32, "01900000-0000-7000-8000-000000000000"


def test_a_token_is_the_keys_and_the_ids() -> None:
    token = token_of(KEY, ID)
    assert re.fullmatch(rf"[0-9A-Za-z]{{{TOKEN_LENGTH}}}", token)
    assert TOKEN_LENGTH == 40
    assert token == token_of(KEY, ID)
    assert len({token, token_of(b"x" * 32, ID), token_of(KEY, ID.replace("8000", "8001"))}) == 3


def test_all_digits_come_about_as_often() -> None:
    everything = "".join(token_of(KEY, str(number)) for number in range(2_000))
    counts = [everything.count(digit) for digit in set(everything)]
    assert len(counts) == 62
    assert min(counts) > 0.85 * len(everything) / 62


@pytest.mark.parametrize("text", ["", "a" * 39, "a" * 41, "a" * 39 + "-", "a" * 39 + "ä", "a" * 39 + "\n", "a" * 40 + "\n"])
def test_what_can_be_no_token_is_not_looked_for(text: str) -> None:
    assert digest_of(text) is None


def test_the_database_knows_a_digest() -> None:
    token = token_of(KEY, ID)
    digest = digest_of(token)
    assert digest is not None
    assert re.fullmatch("[0-9a-f]{64}", digest)
    assert token not in digest
