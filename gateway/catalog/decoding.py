"""A table of the file -> a struct, with every fault reported and not only the first, as msgspec alone would."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, TypeVar, cast

import msgspec
from msgspec import NODEFAULT, Meta, Struct
from msgspec import inspect as shapes

from gateway.catalog.problems import Place
from gateway.nearest import did_you_mean, listed

S = TypeVar("S", bound=Struct)


def written(description: str, read: Callable[[Any], Any]) -> Meta:
    """For the `Annotated` type of a field that is written another way than it is kept.

    `read` raises ValueError for what it cannot read; `description` then says what is allowed.
    """
    return Meta(description=description, extra={"read": read})


def decode(table: Any, shape: type[S], place: Place) -> S | None:
    """The struct, or None when something is wrong, which is then reported."""
    if not isinstance(table, dict):
        place.refuse(f"{shown(table)} is no table")
        return None
    known = known_keys(shape)
    refuse_unknown(table, known, place)
    values = decode_known(table, shape, place)
    return None if values is None or set(table) - set(known) else build(shape, values, place)


def decode_value(value: Any, annotation: Any, place: Place) -> Any:
    """One value of that type; None when it is wrong, which is then reported."""
    try:
        return _value(value, annotation, shapes.type_info(annotation), place)
    except _Reported:
        return None


def known_keys(shape: type[Struct]) -> list[str]:
    return [field.encode_name for field, _ in _fields(shape)]


def refuse_unknown(table: Iterable[str], known: Iterable[str], place: Place) -> None:
    keys = list(known)
    for key in table:
        if key not in keys:
            allowed = f"allowed here: {listed(keys)}" if keys else "this table has no keys"
            place.at(key).refuse(f"no such key{did_you_mean(key, keys) or ';'} {allowed}")


def decode_known(table: Mapping[str, Any], shape: type[Struct], place: Place) -> dict[str, Any] | None:
    """The struct's arguments out of those keys of the table that it knows; None when one of them is wrong."""
    values: dict[str, Any] = {}
    good = True
    for field, kind in _fields(shape):
        key = field.encode_name
        if key not in table:
            if field.default is NODEFAULT and field.default_factory is NODEFAULT:
                place.at(key).refuse(f"is missing; give {allowed_words(kind)}")
                good = False
            continue
        try:
            values[field.name] = _value(table[key], field.type, kind, place.at(key))
        except _Reported:
            good = False
    return values if good else None


@cache
def _fields(shape: type[Struct]) -> tuple[tuple[msgspec.structs.FieldInfo, shapes.Type], ...]:
    """To find out takes a millisecond, for each of the tables of a file."""
    kinds = cast(shapes.StructType, shapes.type_info(shape)).fields
    return tuple(zip(msgspec.structs.fields(shape), (field.type for field in kinds), strict=True))


def build(shape: type[S], values: Mapping[str, Any], place: Place) -> S | None:
    """The struct; what its `__post_init__` refuses is reported."""
    try:
        return shape(**values)
    except (ValueError, TypeError) as error:
        place.refuse(str(error))
        return None


def shown(value: Any) -> str:
    """A value as a message quotes it."""
    text = f'"{value}"' if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= 60 else text[:57] + "…"


class _Reported(Exception):
    """The fault stands in the report already."""


def _value(value: Any, annotation: Any, kind: shapes.Type, place: Place) -> Any:
    parts = _parts(kind)
    many = next((part for part in parts if isinstance(part, shapes.VarTupleType)), None)
    if many is not None and _reader(many.item_type) and isinstance(value, list):
        return tuple(_read(item, many.item_type, place) for item in value)
    if written_kind := next((part for part in parts if _reader(part)), None):
        return _read(value, written_kind, place)
    table = next((part.cls for part in parts if isinstance(part, shapes.StructType)), None)
    if table is not None and len(parts) == 1 and isinstance(value, dict):
        if (decoded := decode(value, table, place)) is not None:
            return decoded
        raise _Reported
    try:
        return msgspec.convert(value, annotation)
    except msgspec.ValidationError as error:
        place.refuse(_refusal(value, kind) or f"{shown(value)} is not allowed: {error}")
        raise _Reported from None


def _read(value: Any, kind: shapes.Type, place: Place) -> Any:
    try:
        return cast(Callable[[Any], Any], _reader(kind))(value)
    except ValueError:
        place.refuse(f"{shown(value)} is not allowed; give {_words(kind)}")
        raise _Reported from None


def _reader(kind: shapes.Type) -> Callable[[Any], Any] | None:
    return (kind.extra or {}).get("read") if isinstance(kind, shapes.Metadata) else None


def _parts(kind: shapes.Type) -> list[shapes.Type]:
    """The alternatives of a type, but for None, which TOML cannot say."""
    if isinstance(kind, shapes.UnionType):
        return [part for part in kind.types if not isinstance(part, shapes.NoneType)]
    return [kind]


def _refusal(value: Any, kind: shapes.Type) -> str:
    """What is wrong, in words; empty where msgspec says it better."""
    parts = _parts(kind)
    if not all(_words(part) for part in parts):
        return ""
    items = [part.item_type for part in parts if isinstance(part, shapes.ListType | shapes.VarTupleType)]
    words = [str(word) for part in parts + items if isinstance(part, shapes.LiteralType) for word in part.values]
    wrong = next((item for item in value if item not in words), value) if words and isinstance(value, list) else value
    near = did_you_mean(wrong, words) if isinstance(wrong, str) else ""
    return f"{shown(wrong)} is not allowed{near or ';'} give {allowed_words(kind)}"


def allowed_words(kind: shapes.Type) -> str:
    """What may be written there, for an operator."""
    return " or ".join(dict.fromkeys(_words(part) or "another value" for part in _parts(kind)))


def _words(kind: shapes.Type) -> str:
    match kind:
        case shapes.Metadata(type=inner, extra_json_schema=extra):
            return (extra or {}).get("description") or _words(inner)
        case shapes.BoolType():
            return "true or false"
        case shapes.IntType():
            return "a whole number" + _bounds(kind)
        case shapes.FloatType():
            return "a number" + _bounds(kind)
        case shapes.StrType(min_length=least):
            return "text that is not empty" if least else "text"
        case shapes.LiteralType(values=values):
            return f"one of {listed(map(str, values))}" if len(values) > 1 else f'"{values[0]}"'
        case shapes.ListType(item_type=item) | shapes.VarTupleType(item_type=item):
            return f"a list, each item {allowed_words(item)}"
        case shapes.StructType():
            return "a table"
    return ""


def _bounds(kind: shapes.IntType | shapes.FloatType) -> str:
    least = kind.ge if kind.ge is not None else kind.gt
    most = kind.le if kind.le is not None else kind.lt
    if least is not None and most is not None:
        return f" from {least:.12g} to {most:.12g}"
    return f" of at least {least:.12g}" if least is not None else f" of at most {most:.12g}" if most is not None else ""
