"""`[lanes.<name>]`: lanes that sleep while nobody needs them."""

from __future__ import annotations

import pytest

from gateway.catalog import Catalog, LaneTable, parse
from gateway.errors import CatalogError
from gateway.registry import Registry

ADDRESS = 'an address such as "http://127.0.0.1:9000/wake", or a command such as ["systemctl", "start", "forge"]'


def test_a_table_is_read(registry: Registry) -> None:
    text = '[lanes."webui/box:7860/forge"]\nwake = ["wakeonlan", "aa:bb"]\nsleep = "https://box/sleep"\n'
    text += 'key = "BOX"\nidle_seconds = 60\n'
    assert parse(text, registry) == Catalog(
        lanes={
            "webui/box:7860/forge": LaneTable(
                wake=("wakeonlan", "aa:bb"), sleep="https://box/sleep", key="BOX", idle_seconds=60.0, wake_seconds=120.0
            )
        }
    )


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("idle_seconds = 60", "it says neither how the lane is woken (wake) nor how it is put to sleep (sleep)"),
        ('wake = "forge"', f'a.wake: "forge" is not allowed; give {ADDRESS}'),
        ("wake = []", f"a.wake: [] is not allowed; give {ADDRESS}"),
        ('wake = ["a", 1]', f"a.wake: ['a', 1] is not allowed; give {ADDRESS}"),
        ('wake = "http://ann:secret@box/"', "a.wake: "),
        ('wake = ["a"]\nkey = "BOX"', "a.key: commands are given no key; only addresses are"),
        ('wake = ["a"]\nidle_seconds = 0', "a.idle_seconds: 0 is not allowed; give a number from 1 to 604800"),
        ('wake = ["a"]\nwakes = 1', 'a.wakes: no such key; did you mean "wake"?'),
    ],
)
def test_each_mistake_is_told(registry: Registry, lines: str, told: str) -> None:
    with pytest.raises(CatalogError) as raised:
        parse(f"[lanes.a]\n{lines}", registry)
    (problem,) = raised.value.problems
    assert told in problem


@pytest.mark.parametrize("name", ["", "a lane", "/x"])
def test_names_are_those_of_lanes(registry: Registry, name: str) -> None:
    with pytest.raises(CatalogError, match="the name of a lane or of an engine"):
        parse(f'[lanes."{name}"]\nwake = ["a"]', registry)
