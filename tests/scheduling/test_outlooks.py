"""How things stand for a model, as its lanes are."""

from __future__ import annotations

from typing import Any

import pytest

from engines.contract import ModelCard, ModelSpec
from gateway.catalog import ModelEntry
from gateway.models import Offer
from gateway.routing import Outlook
from gateway.scheduling.lanes import LaneView
from gateway.scheduling.outlooks import able_lanes, outlook, outlooks, unwell_since
from tests.fakes.fake_engine import FakeEngine, FakeOptions, FakeRemoteEngine, FakeRemoteOptions

CARD = ModelCard(capabilities=("text_to_image",))


def offer(engine: str = "far") -> Offer:
    entry = ModelEntry(id="m", engine=engine, source="fake:m")
    made = FakeRemoteEngine(engine, FakeRemoteOptions()) if engine != "near" else FakeEngine(engine, FakeOptions())
    return Offer(entry, ModelSpec("m", "fake:m"), CARD, made)


def lane(name: str = "far/one", engine: str | None = "far", **more: Any) -> LaneView:
    plain = {"state": "idle", "healthy": True, "reason": "", "jobs": (), "residents": (), "budget": None}
    return LaneView(name=name, engine=engine, **{**plain, **more})


DOWN = {"healthy": False, "reason": "It is away.", "unwell_since": 50.0, "breaker": "open"}
TRIED = {"unwell_since": 70.0, "breaker": "half_open"}
ASLEEP = {"asleep": True, "wake_seconds": 30.0}


@pytest.mark.parametrize(
    ("lanes", "seen"),
    [
        ([], Outlook(ready=False, reason="no lane can run it")),
        ([lane("cpu", None)], Outlook(ready=False, reason="no lane can run it")),
        ([lane()], Outlook(wait_seconds=60.0)),
        ([lane(), lane("far/two")], Outlook(wait_seconds=30.0)),
        ([lane(), lane("far/two", **DOWN)], Outlook(wait_seconds=60.0)),
        ([lane(**DOWN)], Outlook(ready=False, reason="It is away.")),
        ([lane(**TRIED)], Outlook(wait_seconds=60.0, doubtful=True)),
        ([lane(**TRIED), lane("far/two")], Outlook(wait_seconds=30.0)),
        ([lane(**ASLEEP)], Outlook(wait_seconds=90.0)),
        ([lane(**ASLEEP), lane("far/two")], Outlook(wait_seconds=30.0)),
    ],
)
def test_as_its_lanes_are(lanes: list[LaneView], seen: Outlook) -> None:
    assert outlook(lanes, offer(), 60.0) == seen
    assert outlooks(lanes, {"m": offer()}, 60.0) == {"m": seen}


def test_devices_run_what_is_local_and_nothing_else() -> None:
    lanes = [lane("cpu", None), lane()]
    assert [each.name for each in able_lanes(lanes, offer("near"))] == ["cpu"]
    assert [each.name for each in able_lanes(lanes, offer())] == ["far/one"]


@pytest.mark.parametrize(
    ("lanes", "since"),
    [
        ([], None),
        ([lane()], None),
        ([lane(**DOWN), lane("far/two")], None),
        ([lane(**DOWN)], 50.0),
        ([lane(**DOWN), lane("far/two", **TRIED)], 70.0),  # since the last of them is
    ],
)
def test_since_when_none_is_well(lanes: list[LaneView], since: float | None) -> None:
    assert unwell_since(lanes, offer()) == since
