"""Which models stay on a device: least recently used go first, within a memory budget. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from gateway.scheduling.index import ModelKey

UNKNOWN_NEED = 0
"""A model whose size nobody knows is loaded beside the others; if that fails, everything else makes room."""


class Resident(Struct, frozen=True):
    """A loaded model: what it occupies, and when it was last used (seconds since the epoch)."""

    model: ModelKey
    bytes: int
    used_at: float


def evictions(residents: Sequence[Resident], need: int | None, budget: int | None) -> tuple[ModelKey, ...]:
    """Those that must go before a model of `need` bytes fits into `budget`; all of them if it is larger than that."""
    if budget is None:
        return ()
    taken = sum(resident.bytes for resident in residents) + (need or UNKNOWN_NEED)
    out: list[ModelKey] = []
    for resident in sorted(residents, key=lambda resident: resident.used_at):
        if taken <= budget:
            break
        out.append(resident.model)
        taken -= resident.bytes
    return tuple(out)
