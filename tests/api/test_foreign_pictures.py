"""What strangers' pictures and URLs come to once they went all the way."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.api.house import generate, problem
from tests.api.pictures import flat
from tests.fakes.web import Web, ok

PATH = "/v1/images/image-to-image"


async def edit(client: httpx.AsyncClient, url: str) -> httpx.Response:
    body = {"prompt": "make it blue", "model": "quick", "image": {"type": "url", "url": url}}
    return await client.post(PATH, json=body)


@pytest.mark.parametrize("behind", [b"<script>alert(1)</script>", b"PK\x03\x04" + bytes(40), b"%PDF-1.7\n"])
async def test_a_polyglot_is_served_as_a_picture_and_as_nothing_else(behind: bytes, client: httpx.AsyncClient) -> None:
    data = flat() + behind
    image_id = (await client.post("/v1/uploads", files={"file": ("page.html", data, "text/html")})).json()["artifact_id"]
    image = (await client.get(f"/v1/images/{image_id}")).json()
    assert image["media_type"] == "image/png"
    served = await client.get(image["url"])
    assert served.content == data
    assert served.headers["content-type"] == "image/png"
    assert served.headers["x-content-type-options"] == "nosniff"
    thumbnail = await client.get(image["thumbnail_url"])
    assert thumbnail.headers["content-type"] == "image/webp"
    assert behind not in thumbnail.content


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:7878/health/live",
        "http://localhost/",
        "http://0x7f.1/",
        "http://[::ffff:169.254.169.254]/latest/meta-data/",
        "http://metadata.example/",
    ],
)
async def test_our_network_is_not_looked_into(url: str, client: httpx.AsyncClient, web: Web) -> None:
    web.lead("metadata.example", ["169.254.169.254"])
    told = problem(await edit(client, url), 422, "address_refused")
    assert told["errors"][0]["field"] == "image.url"
    assert web.connected == []
    assert (await client.get("/v1/tasks")).json()["data"] == []


async def test_a_picture_that_was_made_here_is_taken_by_its_url(client: httpx.AsyncClient, web: Web) -> None:
    """Wherever the gateway is reached, its own address among those that are not gone to."""
    made = (await generate(client, model="quick"))["output"]["images"][0]
    answer = await edit(client, made["url"])
    assert answer.status_code == 202, answer.text
    task: dict[str, Any] = (await client.get(f"/v1/tasks/{answer.json()['task_id']}")).json()
    kept = (await client.get(f"/v1/images/{task['input']['images'][0]['artifact_id']}")).json()
    assert kept["source"] == "upload"
    assert (await client.get(kept["url"])).content == (await client.get(made["url"])).content
    assert web.connected == []


async def test_an_altered_url_of_ours_opens_nothing(client: httpx.AsyncClient, web: Web) -> None:
    made = (await generate(client, model="quick"))["output"]["images"][0]
    told = problem(await edit(client, made["url"][:-1] + ("A" if made["url"][-1] != "A" else "B")), 422, "unfetchable_url")
    assert told["errors"][0]["field"] == "image.url"
    assert "altered" in told["detail"]
    told = problem(await edit(client, made["url"].replace("&s=live", "&s=trash")), 422, "unfetchable_url")
    assert web.connected == []


async def test_only_addresses_of_ours_are_opened_that_way(client: httpx.AsyncClient, web: Web) -> None:
    """Another host with the same path is another host."""
    made = (await generate(client, model="quick"))["output"]["images"][0]
    await web.serve(ok(b"<svg/>"), "darkroom.test.example")
    other = made["url"].replace("http://darkroom.test/", "http://darkroom.test.example/")
    problem(await edit(client, other), 422, "unreadable_picture")
    assert len(web.connected) == 1
