"""How things stand for each model, as its lanes are at a moment: what routing goes by."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from engines.contract import LocalEngine
from gateway.models import Offer
from gateway.routing import Outlook
from gateway.scheduling.lanes import LaneView


def outlooks(lanes: Collection[LaneView], offers: Mapping[str, Offer], ahead: float) -> dict[str, Outlook]:
    """For each model on offer; `ahead` is the seconds of work that wait, over all lanes."""
    return {id_: outlook(lanes, offer, ahead) for id_, offer in offers.items()}


def outlook(lanes: Iterable[LaneView], offer: Offer, ahead: float = 0.0) -> Outlook:
    """`ahead` is the seconds of work that wait, over all lanes."""
    able = able_lanes(lanes, offer)
    well = [lane for lane in able if lane.healthy]
    if well:
        # A sleeping lane takes its time, and one that failed has yet to show that it is well again.
        wakes = min(lane.wake_seconds for lane in well)
        doubtful = all(lane.unwell_since is not None for lane in well)
        return Outlook(wait_seconds=ahead / len(well) + wakes, doubtful=doubtful)
    return Outlook(ready=False, reason=able[0].reason if able else "no lane can run it")


def able_lanes(lanes: Iterable[LaneView], offer: Offer) -> list[LaneView]:
    """Those that could run the model, well or not."""
    engine = None if isinstance(offer.engine, LocalEngine) else offer.entry.engine
    return [lane for lane in lanes if lane.engine == engine]


def unwell_since(lanes: Iterable[LaneView], offer: Offer) -> float | None:
    """Since when no lane of the model is well; None where one is, or where there is none at all."""
    moments = [lane.unwell_since for lane in able_lanes(lanes, offer)]
    known = [moment for moment in moments if moment is not None]
    return max(known) if known and len(known) == len(moments) else None
