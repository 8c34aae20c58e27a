"""Connections within what the system lets this process open."""

from __future__ import annotations

import resource

import pytest

from gateway.cli.connections import OTHERS, room_for

ANY = resource.RLIM_INFINITY


@pytest.mark.parametrize(
    ("soft", "hard", "room", "raised"),
    [
        (ANY, ANY, 4096, None),
        (65536, 65536, 4096, None),
        (1024, 65536, 4096, 4096 + OTHERS),
        (1024, ANY, 4096, 4096 + OTHERS),
        (1024, 2048, 2048 - OTHERS, 2048),
        (1024, 1024, 1024 - OTHERS, 1024),
        (100, 100, 16, 100),
    ],
)
def test_room(soft: int, hard: int, room: int, raised: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    limits, asked = [(soft, hard)], []

    def set_(_: int, wanted: tuple[int, int]) -> None:
        asked.append(wanted)
        limits.append(wanted)

    monkeypatch.setattr(resource, "getrlimit", lambda _: limits[-1])
    monkeypatch.setattr(resource, "setrlimit", set_)
    assert room_for(4096) == room
    assert asked == ([] if raised is None else [(raised, hard)])


def test_a_system_that_refuses_is_lived_with(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def refused(*_: object) -> None:
        raise ValueError("current limit exceeds maximum limit")

    monkeypatch.setattr(resource, "getrlimit", lambda _: (512, ANY))
    monkeypatch.setattr(resource, "setrlimit", refused)
    assert room_for(4096) == 512 - OTHERS
    assert "only 256 connections at once" in caplog.text
