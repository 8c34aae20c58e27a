"""Texts that one of the two databases cannot hold."""

from __future__ import annotations

import httpx

from tests.api.studio.asking import PATH

NUL = "a\x00b"


async def test_a_nul_in_a_text_is_refused_or_not_found(client: httpx.AsyncClient, preset: str) -> None:
    for response in (
        await client.get("/v0/presets/a%00b"),
        await client.get("/v0/images/library/a%00b"),
        await client.get(f"{PATH}/a%00b"),
        await client.get("/v0/images/library?search=a%00b"),
        await client.get("/v0/images/library?presetId=a%00b"),
        await client.post(PATH, json={"prompt": NUL, "resolution": "low"}),
        await client.post(PATH, json={"prompt": "a", "presetId": NUL, "resolution": "low"}),
        await client.post(PATH, json={"presetId": preset, "variables": {"product_name": NUL}, "resolution": "low"}),
        await client.post("/v0/presets", json={"name": NUL, "promptTemplate": "a"}),
        await client.put("/v0/default-model", json={"modelVersion": NUL}),
        await client.post(PATH, files=[("presetId", (None, preset)), ("variables", (None, '{"product_name": "a\\u0000b"}'))]),
    ):
        assert response.status_code in (200, 404, 422), (response.request.url, response.text)
    assert (await client.get("/v1/tasks")).json()["data"] == []
