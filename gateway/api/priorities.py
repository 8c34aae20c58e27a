"""Whether somebody waits for what is asked: the field, the header, and what the key says."""

from __future__ import annotations

from typing import Annotated, Literal

from litestar.params import HeaderParameter

from gateway.accounts import Principal

Priority = Literal["interactive", "bulk"]
PriorityHeader = Annotated[
    Priority | None, HeaderParameter(name="X-Darkroom-Priority", description="Where `priority` is not in the body.")
]
"""A handler's parameter `priority: PriorityHeader = None`."""


def is_bulk(principal: Principal, *said: Priority | None) -> bool:
    """The first of these that says anything decides, else the key."""
    word = next(filter(None, said), None)
    return principal.bulk if word is None else word == "bulk"
