"""What is made of the socket's messages: recorded ones, and damaged ones."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from engines.comfyui import frames
from engines.comfyui.watching import Watch, decoded
from tests.engines.comfyui import recorded

NODES = ("3", "4", "5", "6", "7", "8", "9")


def played(name: str, watch: Watch) -> list[float]:
    """The shares along the way."""
    shares = []
    for message in recorded.heard(name):
        if isinstance(message, bytes):
            if (picture := frames.read(message)) is not None:
                watch.see(picture)
        else:
            watch.hear(message)
        shares.append(watch.share)
    return shares


def test_a_run_that_goes_well() -> None:
    watch = Watch(recorded.prompt_id("01"), NODES, steps=["3"], loaders=["4"])
    shares = played("01", watch)
    assert shares == sorted(shares)
    assert {0.25, 0.5, 0.75, 1.0} <= set(shares)
    assert (watch.ending, watch.over) == ("success", True)
    assert watch.take_preview() is not None
    assert watch.take_preview() is None


def test_what_comes_from_the_cache_is_over_at_once() -> None:
    watch = Watch(recorded.prompt_id("02"), NODES, steps=["3"])
    assert played("02", watch)[-1] == 1.0
    assert (watch.ending, watch.over) == ("success", True)


def test_the_newer_previews_tell_whose_they_are() -> None:
    watch = Watch(recorded.prompt_id("03"), NODES, steps=["3"])
    played("03", watch)
    assert watch.preview is not None
    other = Watch("another", NODES)
    played("03", other)
    assert (other.preview, other.heard, other.share) == (None, False, 0.0)


def test_an_error_is_kept_with_its_node() -> None:
    watch = Watch(recorded.prompt_id("05"), ["1", "2", "3", "4"])
    played("05", watch)
    assert (watch.ending, watch.over) == ("error", True)
    assert watch.trouble["node_type"] == "LoadImage"
    assert watch.share < 1


def test_an_interrupt_is_neither() -> None:
    watch = Watch(recorded.prompt_id("06"), NODES, steps=["3"])
    played("06", watch)
    assert (watch.ending, watch.over) == ("interrupted", True)


def test_pictures_that_are_sent_and_not_saved() -> None:
    watch = Watch(recorded.prompt_id("18"), ["1", "5"], streamed=["5"])
    played("18", watch)
    assert len(watch.streamed) == 2
    assert all(each.startswith(b"\x89PNG") for each in watch.streamed)
    assert watch.preview is None


def test_an_older_preview_while_another_program_has_the_server_is_not_ours() -> None:
    watch = Watch("mine", NODES)
    watch.see(frames.Picture(b"foreign"))
    assert watch.preview is None
    watch.hear({"type": "execution_start", "data": {"prompt_id": "mine"}})
    watch.hear({"type": "executing", "data": {"node": "3", "prompt_id": "mine"}})
    watch.see(frames.Picture(b"ours"))
    assert watch.preview == b"ours"


def message(kind: str, **data: Any) -> dict[str, Any]:
    return {"type": kind, "data": {"prompt_id": "mine", **data}}


@pytest.mark.parametrize(
    "damaged",
    [
        None,
        "text",
        [],
        {},
        {"type": "progress"},
        {"type": "progress", "data": 3},
        message("progress", value="x", max=4, node="3"),
        message("progress", value=1, max=0, node="3"),
        message("progress", value=float("nan"), max=4, node="3"),
        message("progress", value=10**400, max=4, node="3"),
        message("progress", value=1, max=4, node=["3"]),
        message("execution_cached", nodes=7),
        message("execution_cached", nodes=[["3"], None]),
        message("executing", node={"3": 1}),
        message("custom.node.kind", anything=[1]),
    ],
)
def test_damaged_messages_change_nothing_that_matters(damaged: Any) -> None:
    watch = Watch("mine", NODES, steps=["3"])
    watch.hear(damaged)
    assert 0.0 <= watch.share <= 1.0
    assert watch.ending is None


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\x00",
        b"\x00\x00\x00\x01",
        struct.pack(">II", 4, 10**6),
        struct.pack(">II", 4, 4) + b"nope" + b"x",
        struct.pack(">II", 4, 2) + b"[]",
        struct.pack(">II", 4, 2) + b"{}",
        struct.pack(">II", 3, 1) + b"3hello",
        b"\xff" * 20,
    ],
)
def test_damaged_frames_are_nothing(frame: bytes) -> None:
    assert frames.read(frame) is None


def test_text_that_is_no_json_is_nothing() -> None:
    assert decoded("{") is None
    assert decoded("[" * 100_000) is None
