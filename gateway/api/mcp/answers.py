"""One call of a tool, and what is said to it."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from gateway.accounts import Principal
from gateway.api.mcp.pictures import View64
from gateway.api.mcp.waiting import Tell
from gateway.api.priorities import Priority
from gateway.jobs.records import Job


class Call(Struct, frozen=True, kw_only=True):
    """Who calls, and how to reach them meanwhile."""

    principal: Principal
    tell: Tell
    begun: Callable[[Job], None]
    """To be told of the job that the call is about to wait for and that is its own: it ends where the caller cancels."""
    priority: Priority | None = None
    """The header's."""
    key: str | None = None
    """The Idempotency-Key header's."""


class Said(Struct, frozen=True, kw_only=True):
    """An answer: data, and pictures to look at."""

    data: Struct
    views: tuple[View64, ...] = ()
    is_error: bool = False
