"""The server of these tests is there, and its two teams do not see each other's work."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from tests.gateways import Running

pytestmark = [pytest.mark.server, pytest.mark.slow]


def test_two_teams_stand_apart(darkroom: Running, key: str, other_key: str) -> None:
    packed = io.BytesIO()
    Image.new("RGB", (16, 16), "red").save(packed, "PNG")
    with darkroom.client(key) as one, darkroom.client(other_key) as other:
        taken = one.post("/v1/uploads", files={"file": ("a.png", packed.getvalue())}).raise_for_status()
        path = f"/v1/images/{taken.json()['artifact_id']}"
        assert (one.get(path).status_code, other.get(path).status_code) == (200, 404)
