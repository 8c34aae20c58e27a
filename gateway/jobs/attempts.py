"""A job's attempts that came to nothing, as its row keeps them: where each ran, why it ended, and what its upstream said."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from engines.contract import EngineError
from gateway.db import now

MOST_KEPT = 20
"""The newest; each also keeps to a line."""
LONGEST_WORDS = 500


class Tried(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One attempt, or several in a row that came to the same without anything being known upstream."""

    attempt: int
    """Its number; the last one's of several."""
    times: int = 1
    model: str
    lane: str = ""
    code: str
    message: str
    upstream_id: str | None = None
    """What the upstream calls the request."""
    usage: dict[str, Any] | None = None
    """As the upstream reported it; `cost_usd` where that can be told."""
    at: int
    """When it ended, in microseconds since the epoch."""


def tried(attempt: int, model: str, lane: str, error: EngineError) -> Tried:
    """How an attempt ended just now."""
    return Tried(
        attempt=attempt,
        model=model,
        lane=lane,
        code=error.code,
        message=error.message[:LONGEST_WORDS],
        upstream_id=error.upstream_id,
        usage=error.usage,
        at=now(),
    )


def added(kept: tuple[Tried, ...], one: Tried) -> tuple[Tried, ...]:
    """With that one at the end; the oldest go where there would be too many."""
    if kept and _same(kept[-1], one):
        return (*kept[:-1], msgspec.structs.replace(one, times=kept[-1].times + 1))
    return (*kept, one)[-MOST_KEPT:]


_decode = msgspec.json.Decoder(tuple[Tried, ...]).decode
_encode = msgspec.json.Encoder().encode


def read(column: bytes | None) -> tuple[Tried, ...]:
    return _decode(column) if column else ()


def written(kept: tuple[Tried, ...]) -> bytes | None:
    return _encode(kept) if kept else None


def _same(one: Tried, other: Tried) -> bool:
    silent = not (one.upstream_id or one.usage or other.upstream_id or other.usage)
    return silent and (one.model, one.lane, one.code, one.message) == (other.model, other.lane, other.code, other.message)
