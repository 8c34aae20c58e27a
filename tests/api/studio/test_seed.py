"""The examples of Studio's own document, one test for each: the request as it stands there, every field of the answer."""

from __future__ import annotations

import json
import re
import time

import httpx
import pytest

from gateway.wiring import Wiring
from tests.api.house import finished
from tests.api.pictures import BLUE, GREEN, RED, flat
from tests.api.studio.asking import PATH, Json, refused

MODEL = "quick"
"""To which the document's own model is an alias."""
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
EXAMPLE: Json = {
    "prompt": "a serene mountain lake at sunrise",
    "negativePrompt": "watermark, text",
    "variables": {},
    "aspectRatio": "16:9",
    "resolution": "standard",
    "sampleCount": 1,
    "modelVersion": "gemini-3-pro-image-preview",
    "isPublic": False,
}


async def test_sync(client: httpx.AsyncClient, stranger: httpx.AsyncClient) -> None:
    began = int(time.time())
    response = await client.post(PATH, json=EXAMPLE)
    assert response.status_code == 200
    assert set(response.json()) == {"data"}
    told = response.json()["data"]
    assert set(told) == {"id", "created", "model", "data", "usage"}
    assert UUID.fullmatch(told["id"])
    assert began <= told["created"] <= time.time()
    assert told["model"] == MODEL
    assert told["usage"] == {"credits": 1}
    (image,) = told["data"]
    assert set(image) == {"id", "url", "storageKey", "width", "height", "mimeType"}
    assert UUID.fullmatch(image["id"])
    assert re.fullmatch(r"[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{64}", image["storageKey"])
    assert image["width"] / image["height"] == pytest.approx(16 / 9, rel=0.01)
    shown = await stranger.get(image["url"])
    assert shown.status_code == 200
    assert shown.headers["content-type"] == image["mimeType"] == "image/webp"


async def test_async_and_polling(client: httpx.AsyncClient) -> None:
    response = await client.post(f"{PATH}?async=true", json=EXAMPLE)
    assert response.status_code == 200
    queued = response.json()["data"]
    assert set(queued) == {"id", "status", "created", "model"}
    assert (queued["status"], queued["model"], type(queued["created"])) == ("queued", MODEL, int)

    await finished(client, queued["id"])  # at the other of its two paths, /v1/tasks/{id}
    response = await client.get(f"{PATH}/{queued['id']}")
    assert response.status_code == 200
    told = response.json()["data"]
    assert set(told) == {"id", "status", "created", "model", "data", "usage"}
    assert (told["id"], told["status"], told["model"]) == (queued["id"], "completed", MODEL)
    assert told["created"] == queued["created"]
    assert told["usage"] == {"credits": 1}
    (image,) = told["data"]
    assert {"id", "url", "width", "height"} <= set(image)


async def test_polling_what_failed(client: httpx.AsyncClient) -> None:
    queued = (await client.post(f"{PATH}?async=1", json={"prompt": "a", "modelVersion": "broken"})).json()["data"]
    await finished(client, queued["id"])
    told = (await client.get(f"{PATH}/{queued['id']}")).json()["data"]
    assert {"id", "status", "error"} <= set(told)
    assert (told["id"], told["status"]) == (queued["id"], "failed")
    assert told["error"]


async def test_a_multipart_body(client: httpx.AsyncClient) -> None:
    body = {
        "name": "Faces",
        "promptTemplate": "{{mood}} faces",
        "requirements": [
            {"key": "mood"},
            {"key": "face", "type": "file"},
            {"key": "other", "type": "file", "multiple": True},
        ],
    }
    preset_id = (await client.post("/v0/presets", json=body)).json()["data"]["id"]
    response = await client.post(
        PATH,
        data={"prompt": "on a beach", "presetId": preset_id, "variables": json.dumps({"mood": "happy"})},
        files=[
            ("face", ("file.jpg", flat(RED), "image/jpeg")),
            ("other_0", ("a.jpg", flat(BLUE), "image/jpeg")),
            ("other_1", ("b.jpg", flat(GREEN), "image/jpeg")),
        ],
    )
    assert response.status_code == 200, response.text
    told = response.json()["data"]
    assert (told["model"], told["usage"]) == ("edit", {"credits": 1})
    image = (await client.get(f"/v0/images/library/{told['data'][0]['id']}")).json()["data"]
    assert (image["prompt"], image["userPrompt"]) == ("happy faces\non a beach", "on a beach")


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("", {"url"}),
        ("?response_format=url", {"url"}),
        ("?response_format=b64_json", {"b64_json"}),
        ("?response_format=both", {"url", "b64_json"}),
        ("?include_base64=true", {"url", "b64_json"}),
        ("?include_base64=1", {"url", "b64_json"}),
    ],
)
async def test_by_url_or_in_base64(client: httpx.AsyncClient, query: str, fields: set[str]) -> None:
    (image,) = (await client.post(PATH + query, json={"prompt": "a"})).json()["data"]["data"]
    assert {"url", "b64_json"} & set(image) == fields


async def test_the_library(client: httpx.AsyncClient, preset: str) -> None:
    body = {**EXAMPLE, "prompt": "ภาพถ่ายรองเท้าวิ่ง", "presetId": preset, "variables": {"product_name": "Nike Air Zoom"}}
    made = (await client.post(PATH, json=body)).json()["data"]["data"][0]
    response = await client.get("/v0/images/library")
    assert response.status_code == 200
    told = response.json()["data"]
    assert set(told) == {"images", "total", "page", "limit", "next"}
    assert (told["total"], told["page"], told["limit"]) == (1, 1, 20)
    (image,) = told["images"]
    assert set(image) == {
        *("id", "url", "thumbnailUrl", "width", "height", "presetId", "modelVersion", "userPrompt", "isPublic", "createdAt")
    }
    assert (image["id"], image["presetId"], image["modelVersion"]) == (made["id"], preset, MODEL)
    assert (image["width"], image["height"]) == (made["width"], made["height"])
    assert (image["userPrompt"], image["isPublic"]) == ("ภาพถ่ายรองเท้าวิ่ง", False)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", image["createdAt"])
    for address in (image["url"], image["thumbnailUrl"]):
        assert (await client.get(address)).status_code == 200

    response = await client.get(f"/v0/images/library/{image['id']}")
    assert response.status_code == 200
    detail = response.json()["data"]
    assert {key: detail[key] for key in image} == image
    assert set(detail) - set(image) == {"prompt", "variables", "presetVersion", "sourceType"}
    assert detail["prompt"] == "a photo of Nike Air Zoom, red\nภาพถ่ายรองเท้าวิ่ง"
    assert detail["variables"] == {"product_name": "Nike Air Zoom"}
    assert (detail["presetVersion"], detail["sourceType"]) == (1, None)


async def test_one_that_is_not_the_teams(client: httpx.AsyncClient, other_team: httpx.AsyncClient) -> None:
    made = (await client.post(PATH, json={"prompt": "a"})).json()["data"]["data"][0]
    refused(await other_team.get(f"/v0/images/library/{made['id']}"), 404, "not_found")


async def test_a_download(client: httpx.AsyncClient) -> None:
    made = (await client.post(f"{PATH}?response_format=both", json={"prompt": "a"})).json()["data"]["data"][0]
    response = await client.get(f"/v0/images/library/{made['id']}/download")
    assert response.status_code == 200
    assert response.headers["content-type"] == "image/webp"
    assert response.headers["content-disposition"] == f'attachment; filename="{made["id"]}.webp"'
    assert response.headers["content-length"] == str(len(response.content))
    assert response.content == (await client.get(made["url"])).content


@pytest.mark.parametrize(("resolution", "count", "credits"), [("low", 3, 3), ("standard", 2, 2), ("high", 1, 2)])
async def test_what_pictures_cost(client: httpx.AsyncClient, resolution: str, count: int, credits: int) -> None:
    told = (await client.post(PATH, json={"prompt": "a", "resolution": resolution, "sampleCount": count})).json()["data"]
    assert told["usage"] == {"credits": credits}
    assert len(told["data"]) == count


async def test_the_largest(client: httpx.AsyncClient) -> None:
    told = (await client.post(PATH, json={"prompt": "a", "resolution": "4k", "aspectRatio": "1:1"})).json()["data"]
    assert told["usage"] == {"credits": 4}
    assert (told["data"][0]["width"], told["data"][0]["height"]) == (4096, 4096)


async def test_usage(client: httpx.AsyncClient) -> None:
    await client.post(PATH, json={"prompt": "a"})
    await client.post(PATH, json={"prompt": "a", "modelVersion": "broken"})
    response = await client.get("/v0/usage")
    assert response.status_code == 200
    told = response.json()["data"]
    assert set(told) == {"balance", "charged", "refunded", "since"}
    assert (told["charged"], told["refunded"]) == (2, 1)
    assert told["since"].endswith("-01T00:00:00Z")


async def test_a_team_is_charged_before_and_refunded_what_failed(client: httpx.AsyncClient, wiring: Wiring) -> None:
    assert (await client.patch("/admin/settings", json={"credits": {"enabled": True}})).status_code == 200
    refused(await client.post(PATH, json={"prompt": "a"}), 402, "insufficient_credits")
    team = (await client.get("/v1/me")).json()["team"]["id"]
    granted = await client.post(f"/admin/teams/{team}/credits", json={"amount": "10", "reason": "a start"})
    assert granted.status_code < 300, granted.text
    await client.post(PATH, json={"prompt": "a", "resolution": "high"})
    await client.post(PATH, json={"prompt": "a", "modelVersion": "broken"})
    assert (await client.get("/v0/usage")).json()["data"]["balance"] == 8
