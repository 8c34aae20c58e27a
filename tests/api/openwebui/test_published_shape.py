"""Every field that Open WebUI's own routes have (its 0.12): honored here, or harmless and why; none is passed over unseen."""

from __future__ import annotations

import httpx
import pytest

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

HONORED = "honored"
GENERATIONS = {
    "prompt": HONORED,
    "model": HONORED,
    "size": HONORED,
    "n": HONORED,
    "steps": HONORED,
    "negative_prompt": HONORED,
    "metadata": HONORED,
}
"""Tried in test_making, one by one. `metadata` stands in the seed; Open WebUI itself hands it over within."""
EDITS = {
    "image": HONORED,
    "prompt": HONORED,
    "model": HONORED,
    "size": HONORED,
    "n": HONORED,
    "negative_prompt": HONORED,
    "background": "honored where the model's card has it, else refused by name",
}
OURS = {"seed", "metadata", "mask", "strength", "steps"}
"""What this gateway takes besides."""
UPLOAD = {
    "file": HONORED,
    "metadata": HONORED,
    "process": "harmless: no text is read out of pictures",
    "process_in_background": "harmless, likewise",
}
VERIFICATION = {"engine": HONORED, "url": "honored where it is saved, else refused", "key": "likewise"}
ROUTES = {
    ("post", "/api/images/generations"),
    ("post", "/api/images/edit"),
    ("get", "/api/images/models"),
    ("get", "/api/images/config"),
    ("post", "/api/images/config/update"),
    ("get", "/api/images/config/url/verify"),
    ("post", "/api/images/verify"),
    ("get", "/api/v1/files"),
    ("post", "/api/v1/files"),
    ("get", "/api/v1/files/{image_id}"),
    ("get", "/api/v1/files/{image_id}/content"),
    ("delete", "/api/v1/files/{image_id}"),
}


async def test_every_field_is_known(stranger: httpx.AsyncClient) -> None:
    document = (await stranger.get("/schema/openapi.json")).json()
    shapes = document["components"]["schemas"]
    assert set(shapes["WebuiGeneration"]["properties"]) == {*GENERATIONS, "seed"}
    assert set(shapes["WebuiEdit"]["properties"]) == {*EDITS, *OURS}
    assert set(shapes["Verification"]["properties"]) == set(VERIFICATION)
    upload = document["paths"]["/api/v1/files"]["post"]
    parts = upload["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"]
    assert {*parts, *(each["name"] for each in upload["parameters"])} == set(UPLOAD)


async def test_every_route_is_there_at_both_addresses(stranger: httpx.AsyncClient) -> None:
    paths = (await stranger.get("/schema/openapi.json")).json()["paths"]
    ours = {(method, path) for path, methods in paths.items() if path.startswith("/api/") for method in methods}
    images = {(method, path.replace("/api/images", "/api/v1/images")) for method, path in ROUTES}
    assert ours == ROUTES | images
