from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from gateway.jobs import fingerprints
from gateway.jobs.fingerprints import LONG, fingerprint

LONG_TEXT = "a" * (LONG + 1)


class Body(msgspec.Struct):
    prompt: str
    n: int = 1
    tags: tuple[str, ...] = ()


class File(msgspec.Struct):
    data: bytes


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ((Body("a"),), (Body("a", n=1, tags=()),), True),
        (({"a": 1, "b": 2},), ({"b": 2, "a": 1},), True),
        ((b"bytes",), (b"bytes",), True),
        ((Body("a"),), (Body("b"),), False),
        ((Body("a"),), (Body("a", n=2),), False),
        ((Body("a", tags=("x", "y")),), (Body("a", tags=("y", "x")),), False),
        ((b"one",), (b"two",), False),
        ((b'"a"',), ("a",), False),
        (("ab", "c"), ("a", "bc"), False),
        (("a",), ("a", None), False),
        ((None,), ("",), False),
        (("แมว",), ("🐈",), False),
        ((Body(LONG_TEXT),), (Body(LONG_TEXT, n=1),), True),
        ((Body(LONG_TEXT),), (Body(LONG_TEXT[:-1] + "b"),), False),
        ((Body("a", tags=(LONG_TEXT, "x")),), (Body("a", tags=("x", LONG_TEXT)),), False),
        (({"a": LONG_TEXT},), ({"b": LONG_TEXT},), False),
        ((File(LONG_TEXT.encode()),), (File(LONG_TEXT.encode()),), True),
        ((File(LONG_TEXT.encode()),), (File(LONG_TEXT.encode() + b"b"),), False),
        ((LONG_TEXT.encode(),), (LONG_TEXT,), False),
        (({"a", "b", "c"},), ({"c", "b", "a"},), True),
    ],
)
async def test_a_fingerprint_is_of_what_was_meant(one: tuple[object, ...], other: tuple[object, ...], same: bool) -> None:
    assert (await fingerprint(*one) == await fingerprint(*other)) is same


@pytest.mark.parametrize(
    ("part", "hops"),
    [
        ("a", False),
        (b"a", False),
        (Body("a", tags=("b",)), False),
        (LONG_TEXT, True),
        (LONG_TEXT.encode(), True),
        (Body("a", tags=(LONG_TEXT,)), True),
        ({"a": [LONG_TEXT]}, True),
        (File(LONG_TEXT.encode()), True),
    ],
)
async def test_what_is_large_is_hashed_in_a_thread(part: object, hops: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    where, hashed = [], fingerprints._hashed

    def noted(parts: Sequence[Any]) -> str:
        where.append(threading.get_ident())
        return hashed(parts)

    monkeypatch.setattr(fingerprints, "_hashed", noted)
    await fingerprint(part)
    assert (where != [threading.get_ident()]) is hops
