"""What a preset asks of those who use it: each requirement has a key and a type. Pure."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from gateway.errors import InvalidInput
from gateway.nearest import did_you_mean, listed
from gateway.presets.template import KEY

Type = Literal["text", "number", "select", "file"]
Default = str | int | float | list[str]
LONGEST_VALUE = 20_000
"""Characters; a longer one fits into no model's prompt."""


class MissingVariable(InvalidInput):
    """`field` is the requirement's key."""

    status = 400
    code = "missing_variable"


class Requirement(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing to be filled in."""

    key: Annotated[str, Meta(pattern=f"^{KEY}$", description="a letter or _, then letters, digits and _, at most 64")]
    """What `{{key}}` in the template names; for a file, the name of its part in the multipart body."""
    type: Type = "text"
    label: Annotated[str, Meta(max_length=200)] = ""
    """How people read it."""
    required: bool = True
    multiple: bool = False
    """Several values, for `select` and `file`."""
    options: Annotated[tuple[Annotated[str, Meta(min_length=1, max_length=500)], ...], Meta(max_length=200)] = ()
    """What may be chosen, for `select`."""
    default: Default | None = None
    """Taken where nothing is given."""


def check(requirements: Sequence[Requirement], reserved: Collection[str]) -> None:
    """Raises InvalidInput for requirements that cannot be met or told apart; `reserved` are names that mean other things."""
    for index, one in enumerate(requirements):
        place = f"requirements[{index}]"
        if one.key in reserved:
            raise InvalidInput(
                f'"{one.key}" is a field of every request; give the requirement another key.', field=f"{place}.key"
            )
        _check_others(one, requirements, f"{place}.key")
        if (one.type == "select") != bool(one.options):
            wrong = "a select needs options" if one.type == "select" else f"a {one.type} has no options; only a select has"
            raise InvalidInput(f'"{one.key}": {wrong}.', field=f"{place}.options")
        if one.multiple and one.type not in ("select", "file"):
            raise InvalidInput(
                f'"{one.key}": a {one.type} has one value; only select and file can be multiple.', field=f"{place}.multiple"
            )
        if one.default is not None:
            _check_default(one, f"{place}.default")


def texts(requirements: Iterable[Requirement], blanks: Iterable[str], given: Mapping[str, Any]) -> dict[str, str]:
    """What each blank is filled with. A blank that no requirement describes is a required text.

    Raises MissingVariable, and InvalidInput naming the variable that is wrong or not known.
    """
    wanted = {one.key: one for one in requirements}
    known = {**wanted, **{key: Requirement(key=key) for key in blanks if key not in wanted}}
    for key in given:
        if key not in known:
            raise InvalidInput(f'The preset has no variable "{key}"{_instead(key, _written(known))}', field=f"variables.{key}")
        if known[key].type == "file":
            raise InvalidInput(
                f'"{key}" is a file: send it as a part of a multipart body, named "{key}".', field=f"variables.{key}"
            )
    return {key: _text(one, given.get(key)) for key, one in known.items() if one.type != "file"}


def files(requirements: Iterable[Requirement], names: Iterable[str]) -> list[int]:
    """The places, in `names`, of the uploaded files, in the order of the requirements and of their numbers.

    `names` are the parts' names: the key, or for several `key` again and again or `key_0`, `key_1` and so on.
    Raises MissingVariable, and InvalidInput for a file that nothing asks for and for one too many.
    """
    wanted = [one for one in requirements if one.type == "file"]
    found: dict[str, list[tuple[int, int]]] = {one.key: [] for one in wanted}
    for place, name in enumerate(names):
        owner, number = _owner(name, wanted)
        if owner is None:
            raise InvalidInput(f'Nothing asks for the file "{name}"{_instead(name, found)}', field=name)
        found[owner.key].append((number, place))
    for one in wanted:
        count = len(found[one.key])
        if not count and one.required:
            raise MissingVariable(f'The file "{one.key}" is missing: send it as a part of a multipart body.', field=one.key)
        if count > 1 and not one.multiple:
            raise InvalidInput(f'"{one.key}" takes one file, not {count}.', field=one.key)
    return [place for one in wanted for _, place in sorted(found[one.key])]


def _check_others(one: Requirement, every: Sequence[Requirement], place: str) -> None:
    if sum(other.key == one.key for other in every) > 1:
        raise InvalidInput(f'Two requirements have the key "{one.key}".', field=place)
    several = [other for other in every if other.type == "file" and other.multiple and other is not one]
    stem, _, number = one.key.rpartition("_")
    if one.type == "file" and number.isdecimal() and any(other.key == stem for other in several):
        raise InvalidInput(f'"{one.key}" would be one of the files of "{stem}"; give it another key.', field=place)


def _check_default(one: Requirement, place: str) -> None:
    if one.type == "file":
        raise InvalidInput(f'"{one.key}": a file has no default.', field=place)
    try:
        _text(one, one.default)
    except InvalidInput as error:
        raise InvalidInput(f"The default is wrong: {error.message}", field=place) from error


def _text(one: Requirement, given: Any) -> str:
    if given is None or given == "" or given == []:
        given = one.default
    if given is None:
        if one.required:
            raise MissingVariable(f'The variable "{one.key}" is missing: the preset needs it.', field=f"variables.{one.key}")
        return ""
    text = _number(one, given) if one.type == "number" else _choice(one, given) if one.type == "select" else _words(one, given)
    if len(text) > LONGEST_VALUE:
        raise _wrong(one, f"has {len(text)} characters; {LONGEST_VALUE} are the most")
    return text


def _words(one: Requirement, given: Any) -> str:
    if isinstance(given, bool) or not isinstance(given, (str, int, float)):
        raise _wrong(one, "must be text")
    return given if isinstance(given, str) else _figures(given)


def _number(one: Requirement, given: Any) -> str:
    """A form sends numbers as text; that is kept as it was written."""
    try:
        if isinstance(given, bool) or not isinstance(given, (str, int, float)) or not math.isfinite(float(given)):
            raise ValueError
    except (ValueError, OverflowError):
        raise _wrong(one, "must be a number") from None
    return given.strip() if isinstance(given, str) else _figures(given)


def _choice(one: Requirement, given: Any) -> str:
    chosen = given if isinstance(given, list) else [given]
    if len(chosen) > 1 and not one.multiple:
        raise _wrong(one, "takes one of its options")
    for each in chosen:
        if each not in one.options:
            near = did_you_mean(str(each), one.options) or "."
            raise _wrong(one, f'cannot be "{str(each)[:100]}"{near} It is one of {listed(one.options)}')
    return ", ".join(dict.fromkeys(chosen))


def _figures(number: float) -> str:
    return str(int(number)) if float(number).is_integer() and abs(number) < 2**53 else repr(number)


def _wrong(one: Requirement, what: str) -> InvalidInput:
    return InvalidInput(f'The variable "{one.key}" {what}.', field=f"variables.{one.key}")


def _owner(name: str, wanted: Iterable[Requirement]) -> tuple[Requirement | None, int]:
    """Whose file it is, and its number among those."""
    for one in wanted:
        if name == one.key:
            return one, -1
        stem, _, number = name.rpartition("_")
        if one.multiple and stem == one.key and number.isdecimal() and len(number) <= 4:
            return one, int(number)
    return None, 0


def _written(known: Mapping[str, Requirement]) -> list[str]:
    return [key for key, one in known.items() if one.type != "file"]


def _instead(word: str, among: Iterable[str]) -> str:
    words = list(among)
    return did_you_mean(word, words) or (f"; it has {listed(words)}." if words else "; leave it out.")
