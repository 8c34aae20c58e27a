"""Bad input, each as Open WebUI's clients are told it; and generations that come to nothing."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import httpx
import pytest
from litestar import Litestar

from gateway.wiring import Wiring
from tests.api.house import anyone, bearer, finished, member_key
from tests.api.openwebui.asking import CONFIG, EDIT, FILES, MAKE, MODELS, UPDATE, VERIFY, refused
from tests.api.pictures import RED, flat
from tests.fakes.web import Web

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
SITE = "http://pictures.example"
RED_URL = f"data:image/png;base64,{base64.b64encode(flat(RED)).decode()}"
SMALL_URL = f"data:image/png;base64,{base64.b64encode(flat(RED, 32, 32)).decode()}"
NOBODYS = "01900000-0000-7000-8000-000000000000"
Json = dict[str, Any]

MAKING: list[tuple[Json, int, str, str, str]] = [
    ({}, 400, "invalid_request", "prompt", "missing"),
    ({"prompt": ""}, 400, "invalid_request", "prompt", "1 to"),
    ({"prompt": "  "}, 400, "invalid_request", "prompt", "empty"),
    ({"prompt": 7}, 400, "invalid_request", "prompt", "text"),
    ({"prompt": "a", "model": "quik"}, 400, "unknown_model", "model", '"quick"'),
    ({"prompt": "a", "model": "gone"}, 400, "model_retired", "model", '"quick"'),
    ({"prompt": "a", "model": "secret"}, 400, "unknown_model", "model", "there are"),
    ({"prompt": "a", "model": "grow"}, 400, "invalid_request", "model", "upscale"),
    ({"prompt": "a", "size": "big"}, 400, "invalid_request", "size", "1024x768"),
    ({"prompt": "a", "size": "0x64"}, 400, "invalid_request", "size", "1024x768"),
    ({"prompt": "a", "size": 512}, 400, "invalid_request", "size", "1024x768"),
    ({"prompt": "a", "size": "99999x99999"}, 400, "invalid_request", "size", "pixels"),
    ({"prompt": "a", "size": "512x512", "model": "free"}, 400, "invalid_request", "size", "256x256"),
    ({"prompt": "a", "n": 0}, 400, "invalid_request", "n", "from 1"),
    ({"prompt": "a", "n": "2"}, 400, "invalid_request", "n", "whole number"),
    ({"prompt": "a", "n": 5}, 400, "invalid_request", "n", "1 to 4"),
    ({"prompt": "a", "steps": 0}, 400, "invalid_request", "steps", "from 1"),
    ({"prompt": "a", "steps": 50, "model": "free"}, 400, "invalid_request", "steps", "1 to 10"),
    ({"prompt": "a", "negative_prompt": ["b"]}, 400, "invalid_request", "negative_prompt", "text"),
    ({"prompt": "a", "seed": -1}, 400, "invalid_request", "seed", "0 to"),
    ({"prompt": "a", "metadata": "chat"}, 400, "invalid_request", "metadata", "object"),
    ({"prompt": "a", "metadata": {"chat_id": 7}}, 400, "invalid_request", "metadata.chat_id", "text"),
    ({"prompt": "a", "metadata": {"message_id": "m" * 201}}, 400, "invalid_request", "metadata.message_id", "200"),
    ({"prompt": "a", "metadata": {"x": "y" * 20_000}}, 400, "invalid_request", "metadata", "16384"),
    ({"prompt": "a", "sampler": "Euler"}, 400, "invalid_request", "sampler", "not known here"),
    ({"prompt": "a", "image": "b"}, 400, "invalid_request", "image", "not known here"),
]
EDITING: list[tuple[Json, int, str, str, str]] = [
    ({}, 400, "invalid_request", "image", "missing"),
    ({"image": []}, 400, "invalid_request", "image", "1 to 16"),
    ({"image": [RED_URL] * 17}, 400, "invalid_request", "image", "1 to 16"),
    ({"image": 7}, 400, "invalid_request", "image", "text"),
    ({"image": "data:image/png;base64,&&&"}, 400, "invalid_request", "image", "base64"),
    ({"image": ["data:text/html;base64,aaaa"]}, 400, "invalid_request", "image[0]", "picture"),
    ({"image": "data:image/png;base64,aaaa"}, 400, "unreadable_picture", "image", "PNG"),
    ({"image": [RED_URL, "data:,nothing"]}, 400, "invalid_request", "image[1]", "data URI"),
    ({"image": "iVBORw0KGgo" * 20}, 400, "invalid_request", "image", "data URL"),
    ({"image": "/etc/passwd"}, 400, "invalid_request", "image", "data URL"),
    ({"image": "file:///etc/passwd"}, 400, "invalid_request", "image", "data URL"),
    ({"image": f"{SITE}/page.html"}, 400, "unreadable_picture", "image", "PNG"),
    ({"image": [RED_URL, f"{SITE}/lost.png"]}, 400, "unfetchable_url", "image[1]", "404"),
    ({"image": "http://127.0.0.1/x.png"}, 400, "address_refused", "image", "public"),
    ({"image": NOBODYS}, 404, "not_found", "image", "no image"),
    ({"image": [f"{FILES}/{NOBODYS}/content"]}, 404, "not_found", "image[0]", "no image"),
    ({"image": "nothing"}, 404, "not_found", "image", "no image"),
    ({"image": [RED_URL] * 6}, 400, "invalid_request", "image", "at most 4"),
    ({"image": RED_URL, "mask": SMALL_URL}, 400, "invalid_request", "mask", "32x32"),
    ({"image": RED_URL, "mask": "nothing at all / really"}, 400, "invalid_request", "mask", "data URL"),
    ({"image": RED_URL, "strength": 2}, 400, "invalid_request", "strength", "0 to 1"),
    ({"image": RED_URL, "n": 5}, 400, "invalid_request", "n", "1 to 4"),
    ({"image": RED_URL, "size": "x"}, 400, "invalid_request", "size", "1024x768"),
    ({"image": RED_URL, "model": "free"}, 400, "invalid_request", "model", "text_to_image"),
    ({"image": RED_URL, "model": "gone"}, 400, "model_retired", "model", '"quick"'),
    ({"image": RED_URL, "background": "transparent"}, 400, "invalid_request", "background", ""),
    ({"image": RED_URL, "background": "plaid"}, 400, "invalid_request", "background", ""),
    ({"image": RED_URL, "quality": "high"}, 400, "invalid_request", "quality", "not known here"),
]


async def test_what_cannot_be_is_refused_by_field(client: httpx.AsyncClient, subtests: pytest.Subtests) -> None:
    edits: list[tuple[Json, int, str, str, str]] = [({"prompt": "a", **each[0]}, *each[1:]) for each in EDITING]
    for path, (body, status, code, field, words) in [*((MAKE, each) for each in MAKING), *((EDIT, each) for each in edits)]:
        with subtests.test(f"{path} {body}"[:100]):
            told = refused(await client.post(path, json=body), status, code)
            assert [each["field"].replace("[...]", "[0]") for each in told["errors"]] == [field], told
            assert words in told["detail"], told
            if code == "model_retired":
                assert told["replacement"] == "quick"
    assert (await client.get("/v1/tasks")).json()["data"] == []


async def test_too_many_pictures_are_refused_before_any_is_fetched(client: httpx.AsyncClient, web: Web) -> None:
    refused(await client.post(EDIT, json={"prompt": "a", "image": [f"{SITE}/red.png"] * 6}), 400, "invalid_request", "image")
    assert web.asked == []


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "malformed_json"),
        (b"{", 400, "malformed_json"),
        (b'{"prompt": "\xff"}', 400, "malformed_json"),
        (b'{"prompt": "a\\u0000"}', 400, "invalid_request"),
        (b'["prompt"]', 400, "invalid_request"),
        (b"a" * 70_000, 413, "body_too_large"),
    ],
)
async def test_a_body_that_cannot_be_read(client: httpx.AsyncClient, body: bytes, status: int, code: str) -> None:
    for path in (MAKE, EDIT):
        response = await client.post(path, content=body, headers={"Content-Type": "application/json"})
        refused(response, status, code)


async def test_without_a_key_or_a_permission(app: Litestar, stranger: httpx.AsyncClient, wiring: Wiring) -> None:
    for path in (MODELS, CONFIG, VERIFY, f"{FILES}/{NOBODYS}", f"{FILES}/{NOBODYS}/content"):
        refused(await stranger.get(path), 401, "not_authenticated")
        refused(await stranger.get(path, headers={"Authorization": "Bearer wrong"}), 401, "not_authenticated")
        refused(await stranger.get(path, headers={"Authorization": "Basic Og=="}), 401, "not_authenticated")
    refused(await stranger.post(MAKE, json={"prompt": "a"}), 401, "not_authenticated")
    async with anyone(app, bearer(await member_key(wiring, "gallery.read", team="one"))) as reader:
        for path in (MAKE, EDIT, UPDATE):
            refused(await reader.post(path, content=b"{"), 403, "forbidden")
        refused(await reader.post(f"{FILES}/", files={"file": ("a.png", flat())}), 403, "forbidden")
        for path in (CONFIG, VERIFY):
            refused(await reader.get(path), 403, "forbidden")
        assert (await reader.get(MODELS)).status_code == 200


async def test_what_is_not_there(client: httpx.AsyncClient) -> None:
    refused(await client.get("/api/images/nothing"), 404, "not_found")
    refused(await client.get("/api/v1/nothing"), 404, "not_found")
    refused(await client.get(MAKE), 405, "method_not_allowed")
    refused(await client.get(f"{MODELS}?engine=openai"), 400, "invalid_request", "engine")


@pytest.mark.parametrize("settings", ["generation = false", "edit = false"])
async def test_what_is_switched_off_is_so_for_administrators_too(client: httpx.AsyncClient, settings: str) -> None:
    off, on = (MAKE, EDIT) if settings.startswith("generation") else (EDIT, MAKE)
    told = refused(
        await client.post(off, json={"prompt": "a", "image": RED_URL} if off == EDIT else {"prompt": "a"}), 403, "disabled"
    )
    assert "configuration" in told["detail"]
    body = {"prompt": "a", "image": RED_URL} if on == EDIT else {"prompt": "a"}
    assert (await client.post(on, json=body)).status_code == 200


@pytest.mark.parametrize(("model", "code"), [("broken", "model_unusable"), ("prude", "content_rejected")])
async def test_what_comes_to_nothing_says_what_the_engine_says(client: httpx.AsyncClient, model: str, code: str) -> None:
    told = refused(await client.post(MAKE, json={"prompt": "a", "model": model}), 400, code)
    task = (await client.get(f"/v1/tasks/{told['job_id']}")).json()
    assert (task["status"], task["error"]) == ("failed", {"code": code, "message": told["detail"]})


async def test_a_canceled_one(client: httpx.AsyncClient) -> None:
    waiting = asyncio.create_task(client.post(MAKE, json={"prompt": "a", "model": "stuck"}))
    while not (tasks := (await client.get("/v1/tasks")).json()["data"]):
        await asyncio.sleep(0.01)
    await client.post(f"/v1/tasks/{tasks[0]['task_id']}/cancel")
    told = refused(await waiting, 400, "canceled")
    assert told["detail"] == "canceled"


class TestWaiting:
    @pytest.fixture
    def seconds(self) -> int:
        return 1

    async def test_after_its_time_it_is_told_and_the_job_goes_on(self, client: httpx.AsyncClient) -> None:
        told = refused(await client.post(MAKE, json={"prompt": "a", "model": "stuck"}), 400, "timed_out")
        assert told["job_id"] in told["detail"]
        assert (await client.get(f"/v1/tasks/{told['job_id']}")).json()["status"] == "running"

    async def test_those_who_wait_are_told_when_the_gateway_ends(self, app: Litestar, client: httpx.AsyncClient) -> None:
        waiting = asyncio.create_task(client.post(MAKE, json={"prompt": "a", "model": "stuck"}))
        while not len(app.state.streams):
            await asyncio.sleep(0.01)
        app.state.streams.end()
        told = refused(await waiting, 503, "unavailable")
        await client.post(f"/v1/tasks/{told['job_id']}/cancel")
        await finished(client, told["job_id"])


@pytest.mark.parametrize("more", ['[engines.torn]\nplugin = "torn"\n[[models]]\nid = "down"\nengine = "torn"\nsource = "x"\n'])
async def test_an_engine_that_is_down(app: Litestar, client: httpx.AsyncClient, wiring: Wiring) -> None:
    told = refused(await client.post(MAKE, json={"prompt": "a", "model": "down"}), 400, "unavailable")
    assert "down" in told["detail"]
    async with anyone(app, bearer(await member_key(wiring))) as member:
        told = refused(await member.post(MAKE, json={"prompt": "a", "model": "down"}), 400, "unavailable")
        assert "/secret/path" not in told["detail"]


async def test_no_more_than_the_queue_takes(client: httpx.AsyncClient) -> None:
    await client.patch("/admin/settings", json={"limits": {"user": {"interactive_jobs": 1}}})
    stuck = (await client.post("/v1/images/generations", json={"prompt": "a", "model": "stuck"})).json()["task_id"]
    response = await client.post(MAKE, json={"prompt": "a"})
    refused(response, 429, "too_many_jobs")
    assert int(response.headers["retry-after"]) > 0
    await client.post(f"/v1/tasks/{stuck}/cancel")
    await finished(client, stuck)
