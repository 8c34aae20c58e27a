"""What a preset asks for: which requirements can be, and what becomes of the values and files that are given."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.errors import InvalidInput
from gateway.presets.requirements import MissingVariable, Requirement, check, files, texts

RESERVED = frozenset({"prompt", "variables"})
COLOUR = Requirement(key="colour", type="select", options=("red", "blue"), default="red")
PHOTO = Requirement(key="photo", type="file")
PHOTOS = Requirement(key="photos", type="file", multiple=True, required=False)


@pytest.mark.parametrize(
    ("requirements", "field", "words"),
    [
        ([{"key": "prompt"}], "requirements[0].key", "another key"),
        ([{"key": "a"}, {"key": "a"}], "requirements[0].key", "Two"),
        ([{"key": "a", "type": "select"}], "requirements[0].options", "needs options"),
        ([{"key": "a", "options": ("x",)}], "requirements[0].options", "only a select"),
        ([{"key": "a", "multiple": True}], "requirements[0].multiple", "one value"),
        ([{"key": "a", "type": "number", "default": "x"}], "requirements[0].default", "a number"),
        ([{"key": "a", "type": "file", "default": "x"}], "requirements[0].default", "no default"),
        ([{"key": "a", "type": "select", "options": ("x",), "default": "y"}], "requirements[0].default", "x"),
        (
            [{"key": "a", "type": "file", "multiple": True}, {"key": "a_1", "type": "file"}],
            "requirements[1].key",
            'one of the files of "a"',
        ),
    ],
)
def test_requirements_that_cannot_be(requirements: list[dict[str, Any]], field: str, words: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check([Requirement(**one) for one in requirements], RESERVED)
    assert caught.value.field == field
    assert words in caught.value.message


def test_requirements_that_can_be() -> None:
    check(
        [COLOUR, PHOTO, PHOTOS, Requirement(key="photo_1", type="text"), Requirement(key="n", type="number", default=3)],
        RESERVED,
    )


@pytest.mark.parametrize(
    ("requirement", "given", "text"),
    [
        (Requirement(key="x"), "a shoe", "a shoe"),
        (Requirement(key="x"), 3, "3"),
        (Requirement(key="x"), "รองเท้า", "รองเท้า"),
        (Requirement(key="x", required=False), None, ""),
        (Requirement(key="x", default="shoe"), None, "shoe"),
        (Requirement(key="x", default="shoe"), "", "shoe"),
        (Requirement(key="x", type="number"), 3, "3"),
        (Requirement(key="x", type="number"), 3.0, "3"),
        (Requirement(key="x", type="number"), -0.25, "-0.25"),
        (Requirement(key="x", type="number"), " 12.50 ", "12.50"),
        (Requirement(key="x", type="number", default=0), None, "0"),
        (Requirement(key="x", type="select", options=("red", "blue")), "blue", "blue"),
        (Requirement(key="x", type="select", options=("red", "blue"), multiple=True), ["blue", "red"], "blue, red"),
        (Requirement(key="x", type="select", options=("red", "blue"), multiple=True), "blue", "blue"),
        (Requirement(key="x", type="select", options=("red", "blue"), multiple=True, default=["red"]), [], "red"),
    ],
)
def test_values(requirement: Requirement, given: Any, text: str) -> None:
    assert texts([requirement], (), {} if given is None else {"x": given}) == {"x": text}


@pytest.mark.parametrize(
    ("requirement", "given", "words"),
    [
        (Requirement(key="x"), ["a"], "must be text"),
        (Requirement(key="x"), True, "must be text"),
        (Requirement(key="x"), {"a": 1}, "must be text"),
        (Requirement(key="x"), "a" * 20_001, "20000 are the most"),
        (Requirement(key="x", type="number"), "three", "a number"),
        (Requirement(key="x", type="number"), "nan", "a number"),
        (Requirement(key="x", type="number"), "1e999", "a number"),
        (Requirement(key="x", type="number"), 10**400, "a number"),
        (Requirement(key="x", type="number"), False, "a number"),
        (Requirement(key="x", type="select", options=("red", "blue")), "bleu", 'did you mean "blue"'),
        (Requirement(key="x", type="select", options=("red", "blue")), ["red", "blue"], "one of its options"),
        (Requirement(key="x", type="select", options=("red", "blue")), 7, "red, blue"),
        (PHOTO, "x", "multipart"),
    ],
)
def test_values_that_are_wrong(requirement: Requirement, given: Any, words: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        texts([requirement], (), {requirement.key: given})
    assert caught.value.field == f"variables.{requirement.key}"
    assert words in caught.value.message
    assert caught.value.status == 422


@pytest.mark.parametrize(("requirements", "blanks"), [([Requirement(key="x")], ()), ([], ("x",)), ([], ("x", "y"))])
def test_a_missing_value_is_named(requirements: list[Requirement], blanks: tuple[str, ...]) -> None:
    with pytest.raises(MissingVariable) as caught:
        texts(requirements, blanks, {"y": "there"} if "y" in blanks else {})
    assert (caught.value.status, caught.value.field) == (400, "variables.x")
    assert '"x"' in caught.value.message


@pytest.mark.parametrize(
    ("requirements", "words"),
    [([Requirement(key="colour")], 'did you mean "colour"'), ([Requirement(key="z")], "it has z"), ([], "leave it out")],
)
def test_a_value_that_nothing_asks_for(requirements: list[Requirement], words: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        texts(requirements, (), {"colur": "red", "z": "1"})
    assert caught.value.field == "variables.colur"
    assert words in caught.value.message


@pytest.mark.parametrize(
    ("names", "order"),
    [
        (["photo"], [0]),
        (["photos", "photo", "photos"], [1, 0, 2]),
        (["photos_2", "photos_10", "photo", "photos_0"], [2, 3, 0, 1]),
        (["photo", "photos_1", "photos"], [0, 2, 1]),
    ],
)
def test_files_come_in_the_order_of_the_requirements(names: list[str], order: list[int]) -> None:
    assert files([PHOTO, COLOUR, PHOTOS], names) == order


@pytest.mark.parametrize(
    ("names", "field", "words"),
    [
        (["photo", "photo"], "photo", "one file"),
        (["photo_0"], "photo_0", 'did you mean "photo"'),
        (["photo", "colour"], "colour", "Nothing asks"),
        (["photo", "photos_x"], "photos_x", "Nothing asks"),
        (["photo", "photos_99999"], "photos_99999", "Nothing asks"),
    ],
)
def test_files_that_nothing_asks_for(names: list[str], field: str, words: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        files([PHOTO, COLOUR, PHOTOS], names)
    assert caught.value.field == field
    assert words in caught.value.message


def test_a_missing_file_is_named() -> None:
    with pytest.raises(MissingVariable) as caught:
        files([PHOTO], [])
    assert (caught.value.status, caught.value.field) == (400, "photo")
    assert files([PHOTOS], []) == []
