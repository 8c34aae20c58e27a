"""What lanes are called for those who do not run the gateway: a lane's own name has its server's address in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from gateway.scheduling.lanes import LaneView


def public_names(lanes: Iterable[LaneView]) -> dict[str, str]:
    """By the names of all lanes, in their order: a device's own, which the operator gave it; else the engine's table, and
    which of its lanes it is, counted from 1 in the order of models.toml. GET /admin/devices has both.
    """
    seen: Counter[str] = Counter()
    names = {}
    for lane in lanes:
        if lane.engine is not None:
            seen[lane.engine] += 1
        names[lane.name] = lane.name if lane.engine is None else f"{lane.engine}/{seen[lane.engine]}"
    return names
