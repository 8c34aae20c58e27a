"""What msgspec says, in words for the one who asked."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, ClassVar, Literal

import msgspec
import pytest
from msgspec import Meta, Struct

from gateway.api.bodies import MalformedBody, decode
from gateway.errors import InvalidInput


class Part(Struct, forbid_unknown_fields=True):
    name: Annotated[str, Meta(min_length=1, max_length=9)]
    weight: Annotated[float, Meta(ge=-1)] = 1.0


class Round(Struct, forbid_unknown_fields=True, tag="round"):
    radius: Annotated[int, Meta(ge=1)]


class Angular(Struct, forbid_unknown_fields=True, tag="angular"):
    corners: int
    name: str = ""


class Shape(Struct, forbid_unknown_fields=True, kw_only=True):
    elsewhere: ClassVar[dict[str, str]] = {"mask": "there is nothing to mask."}
    prompt: Annotated[str, Meta(min_length=1)]
    n: Annotated[int, Meta(ge=1, le=4)] | None = None
    quality: Literal["standard", "hd"] = "standard"
    parts: Annotated[tuple[Part, ...], Meta(max_length=2)] = ()
    flag: bool = False
    form: Round | Angular | None = None
    size: Annotated[str, Meta(pattern="^[0-9]+x[0-9]+$", description="a size such as 8x8")] = "8x8"
    price: Decimal = Decimal(0)
    day: date | None = None
    ids: Annotated[tuple[str, ...], Meta(min_length=1, max_length=9)] = ("a",)
    names: Annotated[tuple[str, ...], Meta(min_length=1, max_length=9, extra={"words": "a list of 1 to 3 names"})] = ("a",)


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        ({}, "prompt", "prompt is missing; it must be text of at least 1 characters."),
        ({"prompt": 3}, "prompt", "prompt must be text"),
        ({"prompt": "a", "n": 9}, "n", "n must be a whole number from 1 to 4."),
        ({"prompt": "a", "n": "2"}, "n", "n must be a whole number from 1 to 4."),
        ({"prompt": "a", "n": True}, "n", "n must be a whole number from 1 to 4."),
        ({"prompt": "a", "quality": "standart"}, "quality", 'quality must be one of hd, standard; did you mean "standard"?'),
        ({"prompt": "a", "flag": "yes"}, "flag", "flag must be true or false."),
        ({"prompt": "a", "size": "big"}, "size", "size must be a size such as 8x8."),
        ({"prompt": "a", "price": "much"}, "price", "price must be a number, or text such as 12.5."),
        ({"prompt": "a", "day": "x"}, "day", "day must be a date such as 2026-11-21."),
        ({"prompt": "a", "ids": []}, "ids", "ids must be a list of 1 to 9, each text."),
        ({"prompt": "a", "names": []}, "names", "names must be a list of 1 to 3 names."),
        ({"prompt": "a", "promt": "b"}, "promt", 'promt is not known here; did you mean "prompt"?'),
        ({"prompt": "a", "xyz": 1}, "xyz", "xyz is not known here; there are prompt, n, quality, parts, flag, form, size"),
        ({"prompt": "a", "mask": 1}, "mask", "mask is not taken here: there is nothing to mask."),
        ({"prompt": "a", "parts": [{"name": ""}]}, "parts[].name", "must be text of 1 to 9 characters."),
        ({"prompt": "a", "parts": [{"name": "b", "wait": 1}]}, "parts[].wait", 'did you mean "weight"?'),
        (
            {"prompt": "a", "parts": [{"name": "b"}] * 3},
            "parts",
            "parts must be a list of at most 2, each an object with name, weight.",
        ),
        ({"prompt": "a", "parts": [{"name": "b", "weight": -2}]}, "parts[].weight", "a number of at least -1"),
        (
            {"prompt": "a", "form": 3},
            "form",
            "an object with type round and radius or an object with type angular and corners, n",
        ),
        ({"prompt": "a", "form": {}}, "form.type", "form.type is missing; it must be one of"),
        ({"prompt": "a", "form": {"type": "flat"}}, "form.type", "form.type must be one of"),
        ({"prompt": "a", "form": {"type": "angular"}}, "form.corners", "form.corners is missing; it must be a whole number."),
        ({"prompt": "a", "form": {"type": "angular", "radius": 2}}, "form.radius", "it goes with type round."),
        ({"prompt": "a", "form": {"type": "angular", "corner": 2}}, "form.corner", 'did you mean "corners"?'),
        ({"prompt": "a", "form": {"type": "round", "radius": 0}}, "form.radius", "a whole number of at least 1."),
        ([], "", "The body must be an object with prompt"),
    ],
)
def test_a_wrong_field_is_named_with_what_it_may_be(body: object, field: str, words: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        decode(msgspec.json.encode(body), Shape)
    assert _without_index(caught.value.field) == field
    assert words in caught.value.message


@pytest.mark.parametrize("body", [b"", b"{", b"{]", b"\xff\xfe", b'{"prompt": "\xff"}', b"prompt=a"])
def test_what_is_no_json_is_told_apart(body: bytes) -> None:
    with pytest.raises(MalformedBody) as caught:
        decode(body, Shape)
    assert caught.value.status == 400


def test_a_right_body_is_its_type() -> None:
    assert decode(b'{"prompt": "a", "parts": [{"name": "b", "weight": 2}]}', Shape).parts == (Part("b", 2.0),)


def _without_index(field: str) -> str:
    return field.replace("[0]", "[]").replace("[...]", "[]")


@pytest.mark.parametrize("prompt", ["\0", "a\0b", "\\\0", "a\\\\\0"])
def test_text_with_nul_is_refused(prompt: str) -> None:
    with pytest.raises(InvalidInput, match=r"U\+0000") as caught:
        decode(msgspec.json.encode({"prompt": prompt}), Shape)
    assert caught.value.field == "prompt"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"prompt": "a", "parts": [{"name": "b"}, {"name": "\0"}]}, "parts[1].name"),
        ({"prompt": "a", "ids": ["a", "b\0"]}, "ids[1]"),
        ({"prompt": "a", "form": {"type": "round\0"}}, "form.type"),
        ({"pro\0mpt": "a"}, "prompt"),
        ("\0", ""),
    ],
)
def test_where_nul_stands_is_told(body: object, field: str) -> None:
    with pytest.raises(InvalidInput, match=r"U\+0000") as caught:
        decode(msgspec.json.encode(body), Shape)
    assert caught.value.field == field


@pytest.mark.parametrize("body", [b'{"prompt": "\\u0000"', b'{"prompt": \\u0000}', b"[" * 100_000 + b'"\\u0000"'])
def test_nul_in_what_cannot_be_read_is_refused_all_the_same(body: bytes) -> None:
    with pytest.raises(InvalidInput, match=r"U\+0000") as caught:
        decode(body, Shape)
    assert caught.value.field == ""


@pytest.mark.parametrize("prompt", ["u0000", "\\u0000", "\\\\u0000", "0", "\u0001"])
def test_what_only_looks_like_nul_is_text(prompt: str) -> None:
    assert decode(msgspec.json.encode({"prompt": prompt}), Shape).prompt == prompt
