"""How health is shown."""

from __future__ import annotations

from msgspec import Struct

from gateway.api.operations.readiness import Parts
from gateway.scheduling.lanes import State


class Live(Struct, frozen=True):
    status: str
    version: str


class LaneHealth(Struct, frozen=True):
    """Why it is not well, and where it is, is told to administrators, at /admin/devices."""

    name: str
    """A device's, or the engine's and which of its lanes it is: `public_name` at /admin/devices."""
    state: State
    healthy: bool
    """Whether it is given work."""


class Ready(Struct, frozen=True, kw_only=True):
    """`ready`, or `unready` with the reason. Lanes are told, not required: a gateway without one still keeps jobs."""

    status: str
    reason: str | None
    checks: Parts
    lanes: tuple[LaneHealth, ...]
