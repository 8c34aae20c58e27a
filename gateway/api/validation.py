"""From what msgspec says of a wrong value to a sentence for the one who sent it: the field, the cause, the cure."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from msgspec import inspect

from gateway.nearest import did_you_mean, listed

_UNKNOWN = re.compile(r"Object contains unknown field `(?P<name>.*)`", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(?P<name>.*)`", re.DOTALL)
_ENUM = re.compile(r"Invalid enum value (?P<given>.*)", re.DOTALL)
_AT = re.compile(r"^(?P<what>.*) - at `\$?\.?(?P<path>[^`]*)`$", re.DOTALL)


def explain(message: str, path: str, root: Any) -> tuple[str, str]:
    """(field, sentence) for msgspec's `message` about the value at `path` inside the type `root`.

    `message` may end in msgspec's own "- at `$.path`", which then is the path. `root` may have a ClassVar `elsewhere`:
    field -> why it is not taken here. `Meta(extra={"words": …})` says what its value must be better than its bounds do.
    """
    if located := _AT.match(message):
        message, path = located["what"], located["path"]
    here = _find(_type_info(root), path)
    if unknown := _UNKNOWN.match(message):
        return _inside(path, unknown["name"]), _unknown(unknown["name"], here)
    if missing := _MISSING.match(message):
        field = _inside(path, missing["name"])
        wanted = _find(here, missing["name"])
        return field, f"{field} is missing; it must be {_words(wanted)}."
    what = path or "The body"
    hint = ""
    if enum := _ENUM.match(message):
        hint = did_you_mean(enum["given"].strip("'"), map(str, _literals(here)))
    return path, f"{what} must be {_words(here)}{hint or '.'}"


def described(shape: Any) -> str:
    """What a value of this type looks like, in words."""
    return _words(_type_info(shape))


@lru_cache(maxsize=256)
def _type_info(shape: Any) -> inspect.Type:
    return inspect.type_info(shape)


def _unknown(name: str, here: inspect.Type | None) -> str:
    owners = _structs(here)
    if not owners:
        return f"{name} is not known here; leave it out."
    for owner in owners:
        if reason := getattr(owner.cls, "elsewhere", {}).get(name):
            return f"{name} is not taken here: {reason}"
    if theirs := [str(owner.tag) for owner in owners if owner.tag_field and name in _names(owner)]:
        return f"{name} is not known here; it goes with {owners[0].tag_field} {' or '.join(theirs)}."
    names = list(dict.fromkeys(name for owner in owners for name in _names(owner)))
    near = did_you_mean(name, names)
    return f"{name} is not known here{near}" if near else f"{name} is not known here; there are {listed(names)}."


def _inside(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _find(here: inspect.Type | None, path: str) -> inspect.Type | None:
    """The type at `loras[0].name`; None where the path leaves what we know."""
    for part in re.findall(r"[^.\[\]]+|\[[^\]]*\]", path):
        here = _item(here) if part.startswith("[") else _member(here, part)
    return here


def _member(here: inspect.Type | None, name: str) -> inspect.Type | None:
    """Of a union the first that has it; the name that tells the kinds of a union apart has their words as its values."""
    owners = _structs(here)
    if tags := tuple(owner.tag for owner in owners if owner.tag_field == name):
        return inspect.LiteralType(tags)
    return next((field.type for owner in owners for field in owner.fields if field.encode_name == name), None)


def _item(here: inspect.Type | None) -> inspect.Type | None:
    for option in _options(here):
        if isinstance(option, (inspect.ListType, inspect.VarTupleType)):
            return option.item_type
        if isinstance(option, inspect.DictType):
            return option.value_type
    return None


def _structs(here: inspect.Type | None) -> list[inspect.StructType]:
    return [option for option in _options(here) if isinstance(option, inspect.StructType)]


def _names(owner: inspect.StructType) -> list[str]:
    return [*([owner.tag_field] if owner.tag_field else []), *(field.encode_name for field in owner.fields)]


def _literals(here: inspect.Type | None) -> tuple[Any, ...]:
    return next((option.values for option in _options(here) if isinstance(option, inspect.LiteralType)), ())


def _options(here: inspect.Type | None) -> tuple[inspect.Type, ...]:
    """The members of a union, or the one type; descriptions taken off."""
    if isinstance(here, inspect.Metadata):
        return _options(here.type)
    if isinstance(here, inspect.UnionType):
        return tuple(option for member in here.types for option in _options(member))
    return (here,) if here is not None else ()


def _words(here: inspect.Type | None) -> str:
    if isinstance(here, inspect.Metadata):
        if words := (here.extra or {}).get("words"):
            return str(words)
        # A pattern's own words stand beside it, as its description; other descriptions speak of other things.
        has_pattern = isinstance(here.type, inspect.StrType) and here.type.pattern
        description = (here.extra_json_schema or {}).get("description")
        return str(description) if has_pattern and description else _words(here.type)
    if isinstance(here, inspect.UnionType):
        # None only says that the field may be left out.
        return " or ".join(_words(option) for option in here.types if not isinstance(option, inspect.NoneType))
    match here:
        case inspect.StrType(min_length=low, max_length=high):
            return "text" + _bounds(low, high, "of {} to {}", " characters")
        case inspect.IntType(ge=low, le=high):
            return "a whole number" + _bounds(low, high)
        case inspect.FloatType(ge=low, le=high):
            return "a number" + _bounds(low, high)
        case inspect.BoolType():
            return "true or false"
        case inspect.DecimalType():
            return "a number, or text such as 12.5"
        case inspect.DateTimeType():
            return "a time such as 2026-11-21T09:30:00Z"
        case inspect.DateType():
            return "a date such as 2026-11-21"
        case inspect.LiteralType(values=values):
            return f"one of {', '.join(map(str, values))}"
        case (
            inspect.ListType(item_type=item, min_length=low, max_length=high)
            | inspect.VarTupleType(item_type=item, min_length=low, max_length=high)
        ):
            return "a list" + _bounds(low, high, "of {} to {}") + f", each {_words(item)}"
        case inspect.StructType():
            kind = f" {here.tag_field} {here.tag}" if here.tag_field else ""
            return f"an object with{kind and kind + ' and'} {listed(name for name in _names(here) if name != here.tag_field)}"
        case inspect.DictType():
            return "an object"
    return "of another kind"


def _bounds(low: float | None, high: float | None, both: str = "from {} to {}", unit: str = "") -> str:
    if low is None and high is None:
        return ""
    if low is not None and high is not None:
        return f" {both.format(low, high)}{unit}"
    return f" of at most {high}{unit}" if low is None else f" of at least {low}{unit}"
