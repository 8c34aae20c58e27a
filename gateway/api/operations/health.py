"""How health is shown."""

from __future__ import annotations

from msgspec import Struct

from gateway.api.operations.readiness import Parts


class Live(Struct, frozen=True):
    status: str
    version: str


class LaneHealth(Struct, frozen=True):
    name: str
    state: str
    healthy: bool


class Ready(Struct, frozen=True, kw_only=True):
    """`ready`, or `unready` with the reason. Lanes are told, not required: a gateway without one still keeps jobs."""

    status: str
    reason: str | None
    checks: Parts
    lanes: tuple[LaneHealth, ...]
