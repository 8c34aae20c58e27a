"""Bodies as this family's servers read them: "5" is 5, and what no server of the family knows is passed over, but told.

What is nearly the name of a field is refused: it was meant.
"""

from __future__ import annotations

import difflib
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from gateway.api.bodies import JsonRequest
from gateway.api.validation import explain
from gateway.errors import InvalidInput

_NEAR = 0.8
"""How alike two names are that mean the same."""
_EMPTY: tuple[object, ...] = (None, "", False, 0, [], {})
_LONGEST_TOLD = 60
_Shape = TypeVar("_Shape", bound=Struct)


class Body(Struct, frozen=True):
    """What was read, and the names of what was passed over."""

    asked: Any
    ignored: tuple[str, ...] = ()


def reader(shape: type[_Shape]) -> Callable[[JsonRequest], Awaitable[Body]]:
    """For `Provide`: a body of this shape. Raises MalformedBody, InvalidInput naming the field."""

    async def read(request: JsonRequest) -> Body:
        return understood(await request.decoded(Any), shape)

    return read


def understood(given: Any, shape: type[_Shape]) -> Body:
    """A body's JSON as a value of `shape`."""
    if not isinstance(given, dict):
        raise InvalidInput("The body must be a JSON object.", field="body")
    unknown = given.keys() - set(shape.__struct_encode_fields__)
    for name in sorted(unknown):
        if given[name] not in _EMPTY and (meant := difflib.get_close_matches(name, shape.__struct_encode_fields__, 1, _NEAR)):
            raise InvalidInput(f'There is no field {as_header(name)}; did you mean "{meant[0]}"?', field=as_header(name))
    try:
        asked = msgspec.convert({name: value for name, value in given.items() if name not in unknown}, shape, strict=False)
    except msgspec.ValidationError as error:
        field, message = explain(str(error), "", shape)
        raise InvalidInput(message, field=field) from error
    return Body(asked, tuple(sorted(as_header(name) for name in unknown if given[name] not in _EMPTY)))


def as_header(name: str) -> str:
    """As a header can have it."""
    plain = "".join(each if each.isascii() and each.isprintable() and each != "," else "?" for each in name)
    return plain[:_LONGEST_TOLD]
