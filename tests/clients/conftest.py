"""What tests by clients that others wrote ask: a real server with the bundled model. Mark their modules `server`."""

from __future__ import annotations

import pytest

from tests.gateways import Running

RED, BLUE, NEAR = (222, 40, 40), (46, 84, 222), 60
"""Colours of the bundled model, and how far (of 255, in each channel) no other of its colours is from them."""


@pytest.fixture(scope="session")
def darkroom(bundled: Running) -> Running:
    """The gateway; it answers at `darkroom.url`, and `darkroom.key` is an administrator's."""
    return bundled


@pytest.fixture(scope="session")
def key(darkroom: Running) -> str:
    """Of a member of a team, who makes pictures and keeps a gallery."""
    return darkroom.new_team("first")


@pytest.fixture(scope="session")
def other_key(darkroom: Running) -> str:
    """Of a member of another team."""
    return darkroom.new_team("second")
