"""What is refused, in the shape and with the statuses that OpenAI's clients know, and before anything is charged."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from litestar import Litestar

from gateway.errors import StorageUnavailable
from gateway.storage import BlobStore
from tests.api.house import anyone, finished
from tests.api.openai.asking import EDITS, GENERATIONS, Json, clear_half, edit, refused
from tests.api.pictures import RED, flat

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
INVALID = "invalid_value"


@pytest.mark.parametrize(
    ("body", "status", "code", "param", "words"),
    [
        ({"model": "quik"}, 404, "model_not_found", "model", "quick"),
        ({"model": "gone"}, 404, "model_retired", "model", "quick"),
        ({"size": "big"}, 400, INVALID, "size", "1024x1024"),
        ({"size": "99999x99999"}, 400, INVALID, "size", "16383"),
        ({"size": "2048x2048", "model": "free"}, 400, INVALID, "size", "1024x1024"),
        ({"n": 11}, 400, INVALID, "n", "1 to 10"),
        ({"n": 5, "model": "free"}, 400, INVALID, "n", "1 to 4"),
        ({"n": 0}, 400, INVALID, "n", "1 to 10"),
        ({"prompt": ""}, 400, INVALID, "prompt", "characters"),
        ({"prompt": "  "}, 400, INVALID, "prompt", "empty"),
        ({"prompt": None}, 400, INVALID, "prompt", "text"),
        ({"sampler": "Eulr"}, 400, INVALID, "sampler", "Euler"),
        ({"num_inference_steps": 500}, 400, INVALID, "num_inference_steps", "100"),
        ({"num_inference_steps": 5, "quality": "low"}, 400, INVALID, "quality", "num_inference_steps"),
        ({"guidance_scale": 99}, 400, INVALID, "guidance_scale", "20"),
        ({"seed": -1}, 400, INVALID, "seed", "whole number"),
        ({"loras": [{"name": "film"}]}, 400, INVALID, "loras", "no LoRA"),
        ({"quality": "best"}, 400, INVALID, "quality", "high"),
        ({"quality": "xhigh", "model": "maker"}, 400, INVALID, "quality", "low, medium, high"),
        ({"background": "transparent"}, 400, INVALID, "background", "quick"),
        ({"background": "transparent", "model": "maker", "output_format": "jpeg"}, 400, INVALID, "background", "png"),
        ({"output_format": "gif"}, 400, INVALID, "output_format", "jpeg, png, webp"),
        ({"output_compression": 50}, 400, INVALID, "output_compression", "webp or jpeg"),
        ({"output_compression": 101, "output_format": "webp"}, 400, INVALID, "output_compression", "0 to 100"),
        ({"partial_images": 2}, 400, INVALID, "partial_images", "stream"),
        ({"partial_images": 4, "stream": True}, 400, INVALID, "partial_images", "0 to 3"),
        ({"moderation": "low", "model": "cloud"}, 400, INVALID, "moderation", "cloud"),
        ({"style": "natural"}, 400, INVALID, "style", "quick"),
        ({"strength": 0.5}, 400, "unknown_parameter", "strength", "edits"),
        ({"colour": "red"}, 400, "unknown_parameter", "colour", "not known"),
        ({"steps": 5}, 400, "unknown_parameter", "steps", "num_inference_steps"),
        ({"prompt": "refuse me"}, 400, INVALID, "prompt", "fake engine"),
        ({"stream": True, "model": "quik"}, 404, "model_not_found", "model", "quick"),
    ],
)
async def test_a_generation(client: httpx.AsyncClient, body: Json, status: int, code: str, param: str, words: str) -> None:
    response = await client.post(GENERATIONS, json={"prompt": "a", **body})
    told = refused(response, status, code, param)
    assert words in told["message"]
    assert told["type"] == "invalid_request_error"
    assert (await client.get("/v1/tasks")).json()["data"] == []
    if code == "model_retired":
        assert told["replacement"] == "quick"


PICTURE = ("image", flat(RED))


@pytest.mark.parametrize(
    ("files", "fields", "status", "code", "param", "words"),
    [
        ([("image", b"no picture")], {}, 400, "unreadable_picture", "image", "PNG"),
        ([PICTURE, ("image", b"no picture")], {"model": "edit"}, 400, "unreadable_picture", "image[1]", "PNG"),
        ([PICTURE, ("mask", clear_half(32, 32))], {}, 400, INVALID, "mask", "32x32"),
        ([PICTURE, ("mask", flat())], {}, 400, INVALID, "mask", "transparent"),
        ([PICTURE, ("mask", b"no picture")], {}, 400, "unreadable_picture", "mask", "PNG"),
        ([PICTURE, ("mask", clear_half()), ("mask", clear_half())], {}, 400, INVALID, "mask", "send one"),
        ([("image[]", flat())] * 6, {"model": "edit"}, 400, INVALID, "image", "4 reference"),
        ([("image[]", flat())] * 17, {}, 400, INVALID, "image", "16"),
        ([("mask", clear_half())], {}, 400, INVALID, "image", "missing"),
        ([PICTURE, ("markup", flat())], {}, 400, INVALID, "markup", "mask"),
        ([PICTURE, ("photo", flat())], {}, 400, INVALID, "photo", "image and mask"),
        ([PICTURE], {"strength": "2"}, 400, INVALID, "strength", "0 to 1"),
        ([PICTURE], {"n": "many"}, 400, INVALID, "n", "whole number"),
        ([PICTURE], {"input_fidelity": "high"}, 400, INVALID, "input_fidelity", "edit"),
        ([PICTURE], {"model": "free"}, 400, INVALID, "model", "text_to_image"),
        ([PICTURE], {"frame_count": "3"}, 400, "unknown_parameter", "frame_count", "still"),
        ([PICTURE], {"loras": "[1"}, 400, INVALID, "loras", "JSON"),
        ([PICTURE], {"image": "text"}, 400, INVALID, "image", "filename"),
    ],
)  # fmt: skip
async def test_an_edit(
    client: httpx.AsyncClient, files: list[tuple[str, bytes]], fields: Json, status: int, code: str, param: str, words: str
) -> None:
    told = refused(await edit(client, *files, **fields), status, code, param)
    assert words in told["message"]
    assert (await client.get("/v1/tasks")).json()["data"] == []


async def test_an_edit_that_is_no_form(client: httpx.AsyncClient) -> None:
    refused(await client.post(EDITS, json={"prompt": "a"}), 400, "malformed_form")
    broken = {"content": b"--x\r\n", "headers": {"Content-Type": "multipart/form-data; boundary=y"}}
    told = await client.post(EDITS, **broken)  # type: ignore[arg-type]
    assert told.status_code == 400


async def test_bodies_that_cannot_be_read(client: httpx.AsyncClient) -> None:
    refused(await client.post(GENERATIONS, content=b"{", headers={"Content-Type": "application/json"}), 400, "malformed_json")
    refused(await client.post(GENERATIONS, content=b"[]", headers={"Content-Type": "application/json"}), 400, INVALID)
    missing = refused(await client.post(GENERATIONS, json={}), 400, "missing_required_parameter", "prompt")
    assert "prompt" in missing["message"]
    large = await client.post(GENERATIONS, json={"prompt": "a" * 70_000})
    refused(large, 413, "body_too_large")


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({}, "key"),
        ({"Authorization": "Bearer "}, "key"),
        ({"Authorization": "Bearer dk_wrong"}, "key"),
        ({"Authorization": "Basic Og=="}, "Bearer"),
        ({"Authorization": "Basic"}, "Bearer"),
    ],
)
async def test_a_wrong_key(app: Litestar, headers: dict[str, str], words: str) -> None:
    async with anyone(app, headers) as stranger:
        for ask in (
            stranger.get("/openai/v1/models"),
            stranger.post(GENERATIONS, json={"prompt": "a"}),
            edit(stranger),
        ):
            told = refused(await ask, 401, "invalid_api_key")
            assert words in told["message"]


async def test_what_is_not_there_has_this_shape_too(client: httpx.AsyncClient) -> None:
    refused(await client.get("/openai/v1/audio/speech"), 404, "not_found")
    refused(await client.get(GENERATIONS), 405, "method_not_allowed")


async def test_without_credits_it_is_402_and_not_tried_again(client: httpx.AsyncClient, wiring: Any) -> None:
    changed = await client.patch("/admin/settings", json={"credits": {"enabled": True}})
    assert changed.status_code == 200, changed.text
    text = wiring.models_path.read_text()
    wiring.models_path.write_text(text + "\n[tariffs]\nopenai = 5\n")
    for _ in range(200):
        response = await client.post(GENERATIONS, json={"prompt": "a"})
        if response.status_code != 200:
            break
        await asyncio.sleep(0.05)
    told = refused(response, 402, "insufficient_quota")
    assert told["type"] == "insufficient_quota"
    assert response.headers["x-should-retry"] == "false"


@pytest.mark.parametrize(
    ("model", "status", "type_", "code"),
    [
        ("broken", 502, "server_error", "model_unusable"),
        ("prude", 400, "image_generation_user_error", "moderation_blocked"),
        ("down", 503, "server_error", "engine_unavailable"),
    ],
)
async def test_a_job_that_came_to_nothing(client: httpx.AsyncClient, model: str, status: int, type_: str, code: str) -> None:
    """Nobody tries it again by themselves: it would be another job."""
    settings = {"jobs": {"max_attempts": 1}}
    assert (await client.patch("/admin/settings", json=settings)).status_code == 200
    response = await client.post(GENERATIONS, json={"prompt": "a", "model": model})
    told = refused(response, status, code)
    assert (told["type"], response.headers["x-should-retry"]) == (type_, "false")
    assert (await client.get(f"/v1/tasks/{told['job_id']}")).json()["status"] == "failed"


class TestShortPatience:
    @pytest.fixture
    def seconds(self) -> int:
        return 1

    async def test_after_its_time_it_is_504_and_the_job_goes_on(self, client: httpx.AsyncClient) -> None:
        response = await client.post(GENERATIONS, json={"prompt": "a", "model": "stuck"})
        told = refused(response, 504, "timed_out")
        assert response.headers["x-should-retry"] == "false"
        assert (await client.get(f"/v1/tasks/{told['job_id']}")).json()["status"] == "running"


async def test_one_that_somebody_cancels(client: httpx.AsyncClient) -> None:
    waiting = asyncio.create_task(client.post(GENERATIONS, json={"prompt": "a", "model": "stuck"}))
    await _cancel(client)
    refused(await waiting, 400, "canceled")


async def test_a_client_that_leaves_does_not_stop_its_job(client: httpx.AsyncClient) -> None:
    waiting = asyncio.create_task(client.post(GENERATIONS, json={"prompt": "a", "model": "stuck"}))
    while not (tasks := (await client.get("/v1/tasks")).json()["data"]) or tasks[0]["status"] != "running":
        await asyncio.sleep(0.01)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await asyncio.sleep(0.1)
    assert (await client.get("/v1/tasks")).json()["data"][0]["status"] == "running"


async def test_those_who_wait_are_told_when_the_gateway_ends(app: Litestar, client: httpx.AsyncClient) -> None:
    waiting = asyncio.create_task(client.post(GENERATIONS, json={"prompt": "a", "model": "stuck"}))
    while not len(app.state.streams):
        await asyncio.sleep(0.01)
    app.state.streams.end()
    response = await waiting
    refused(response, 503, "unavailable")
    assert response.headers["x-should-retry"] == "false"
    await _cancel(client)


async def test_an_answer_that_cannot_be_shown_is_not_asked_for_twice(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def gone(*_: object) -> bytes:
        raise StorageUnavailable("The store is away.")

    monkeypatch.setattr(BlobStore, "get", gone)
    response = await client.post(GENERATIONS, json={"prompt": "a"})
    told = refused(response, 500, "answer_lost")
    assert (told["type"], response.headers["x-should-retry"]) == ("server_error", "false")
    assert (await client.get(f"/v1/tasks/{told['job_id']}")).json()["status"] == "succeeded"
    streamed = await client.post(GENERATIONS, json={"prompt": "a", "stream": True})
    assert streamed.status_code == 200
    assert streamed.text.startswith("event: error\n")
    assert '"code":"answer_lost"' in streamed.text


@pytest.mark.parametrize("for_ever", [False, True])
@pytest.mark.parametrize("more", [{}, {"response_format": "url"}, {"stream": True}])
async def test_a_key_whose_pictures_were_deleted_names_nothing(client: httpx.AsyncClient, more: Json, for_ever: bool) -> None:
    body, named = {"prompt": "a", **more}, {"Idempotency-Key": "k"}
    task = (await client.post(GENERATIONS, json=body, headers=named)).headers["x-darkroom-task"]
    (image,) = (await client.get("/v1/images")).json()["data"]
    assert (await client.delete(f"/v1/images/{image['id']}")).status_code == 204
    if for_ever:
        assert (await client.delete(f"/v1/images/{image['id']}/forever")).status_code == 204
    response = await client.post(GENERATIONS, json=body, headers=named)
    if more.get("stream"):
        assert response.text.startswith("event: error\n")
        assert '"code":"pictures_deleted"' in response.text
    else:
        told = refused(response, 404, "pictures_deleted")
        assert told["job_id"] == task


async def _cancel(client: httpx.AsyncClient) -> None:
    while not (tasks := (await client.get("/v1/tasks")).json()["data"]):
        await asyncio.sleep(0.01)
    await client.post(f"/v1/tasks/{tasks[0]['task_id']}/cancel")
    await finished(client, tasks[0]["task_id"])
