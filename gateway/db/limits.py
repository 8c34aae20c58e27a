"""How much of a query is read."""

from __future__ import annotations

from typing import Any, TypeVar

from sqlalchemy import CompoundSelect, Select, literal_column

_Query = TypeVar("_Query", Select[Any], CompoundSelect[Any])


def first(query: _Query, limit: int, offset: int = 0) -> _Query:
    """So many rows of a list, past `offset` others.

    Of a first page the number stands in the statement itself. Of one that it does not know PostgreSQL expects a tenth of
    the table, finds the plan for any number too dear to keep, and plans each time anew, which takes longer than the page.
    Other lists' limits are few; past an offset they may be any, and each would be a statement of its own.
    """
    return query.limit(limit).offset(offset) if offset else query.limit(literal_column(str(int(limit))))
