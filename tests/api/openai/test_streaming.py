"""Pictures as a stream: partial ones, the whole ones, errors within it, and a client that leaves."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from litestar import Litestar
from PIL import Image

from gateway.api.openai import following
from gateway.storage import carriage, xmp
from tests.api.house import ADMIN_KEY, bearer, finished, served
from tests.api.openai.asking import EDITS, GENERATIONS, Json
from tests.api.pictures import flat

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
async def far(make_app: Any) -> AsyncIterator[httpx.AsyncClient]:
    """The administrator, over a real connection."""
    app: Litestar = make_app()
    with served(app) as url:
        async with httpx.AsyncClient(base_url=url, headers=bearer(ADMIN_KEY), timeout=30) as client:
            yield client


async def events(response: httpx.Response) -> AsyncIterator[tuple[str, Json]]:
    name = ""
    async for line in response.aiter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))


async def streamed(client: httpx.AsyncClient, path: str = GENERATIONS, **sent: Any) -> list[tuple[str, Json]]:
    async with client.stream("POST", path, **sent) as response:
        assert response.status_code == 200, await response.aread()
        assert response.headers["content-type"].startswith("text/event-stream")
        return [each async for each in events(response)]


@pytest.mark.parametrize("partials", [0, 1, 3])
async def test_partial_pictures_then_the_whole_one(far: httpx.AsyncClient, partials: int) -> None:
    body = {"prompt": "a", "model": "slow", "num_inference_steps": 20, "stream": True, "partial_images": partials, "seed": 3,
            "output_format": "webp", "user": "u"}  # fmt: skip
    found = await streamed(far, json=body)
    assert [name for name, _ in found] == ["image_generation.partial_image"] * partials + ["image_generation.completed"]
    assert all(name == data["type"] for name, data in found)
    for at, (_, data) in enumerate(found[:-1]):
        assert data["partial_image_index"] == at
    for _, data in found:
        shown = Image.open(io.BytesIO(base64.b64decode(data["b64_json"])))
        assert (shown.format, data["output_format"]) == ("WEBP", "webp")
        assert xmp.source_type_of(shown.info["xmp"]) == "trainedAlgorithmicMedia"
        assert (data["size"], data["background"], data["quality"]) == ("128x128", "opaque", "auto")
    last = found[-1][1]
    assert (last["usage"]["total_tokens"], last["safety_identifier"], last["seed"]) == (0, "u", 3)
    assert (await far.get(f"/v1/images/{last['id']}")).status_code == 200


async def test_of_several_pictures_each_is_an_event(far: httpx.AsyncClient) -> None:
    found = await streamed(far, json={"prompt": "a", "n": 3, "stream": True, "seed": 5})
    assert [data["seed"] for _, data in found] == [5, 6, 7]


async def test_an_edit(far: httpx.AsyncClient) -> None:
    form = {"prompt": "a", "model": "edit", "stream": "true", "partial_images": "1"}
    found = await streamed(far, EDITS, data=form, files={"image": ("a.png", flat())})
    assert [name for name, _ in found] == ["image_edit.partial_image", "image_edit.completed"]
    for _, data in found:
        told = carriage.source_type_of(base64.b64decode(data["b64_json"]), "image/png")
        assert told == "compositeWithTrainedAlgorithmicMedia"


@pytest.mark.parametrize(("model", "code"), [("broken", "model_unusable"), ("prude", "moderation_blocked")])
async def test_what_fails_is_told_within(far: httpx.AsyncClient, model: str, code: str) -> None:
    ((name, data),) = await streamed(far, json={"prompt": "a", "model": model, "stream": True})
    assert (name, data["type"], data["error"]["code"]) == ("error", "error", code)
    assert data["error"]["job_id"]


async def test_a_silent_stream_tells_that_it_is_still_there(far: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though the engine tells of every step."""
    monkeypatch.setattr(following, "KEEP_ALIVE_SECONDS", 0.1)
    body = {"prompt": "a", "model": "slow", "num_inference_steps": 40, "stream": True}
    async with far.stream("POST", GENERATIONS, json=body) as response:
        lines = [line async for line in response.aiter_lines()]
    assert lines.count(": still here") >= 2


async def test_what_is_refused_is_refused_before(far: httpx.AsyncClient) -> None:
    response = await far.post(GENERATIONS, json={"prompt": "a", "size": "1x1", "stream": True})
    assert (response.status_code, response.json()["error"]["param"]) == (400, "size")


async def test_one_that_somebody_cancels(far: httpx.AsyncClient) -> None:
    async with far.stream("POST", GENERATIONS, json={"prompt": "a", "model": "stuck", "stream": True}) as response:
        await far.post(f"/v1/tasks/{response.headers['x-darkroom-task']}/cancel")
        found = [each async for each in events(response)]
    assert [data["error"]["code"] for _, data in found] == ["canceled"]


@pytest.mark.parametrize(("headers", "goes_on"), [({}, False), ({"Idempotency-Key": "k"}, True)])
async def test_who_closes_a_stream_cancels_its_job_unless_it_has_a_name(
    far: httpx.AsyncClient, headers: dict[str, str], goes_on: bool
) -> None:
    body = {"prompt": "a", "model": "stuck", "stream": True}
    async with far.stream("POST", GENERATIONS, json=body, headers=headers) as response:
        task = response.headers["x-darkroom-task"]
        await finished(far, task, ("running",))
    if goes_on:
        await asyncio.sleep(0.3)
        assert (await far.get(f"/v1/tasks/{task}")).json()["status"] == "running"
        async with far.stream("POST", GENERATIONS, json=body, headers=headers) as again:
            assert again.headers["x-darkroom-task"] == task
            await far.post(f"/v1/tasks/{task}/cancel")
    assert (await finished(far, task))["status"] == "canceled"


async def test_a_gateway_that_ends_leaves_the_job_going_on(app: Litestar, client: httpx.AsyncClient) -> None:
    body = {"prompt": "a", "model": "stuck", "stream": True}
    # Over no connection the whole answer is waited for.
    waiting = asyncio.create_task(client.post(GENERATIONS, json=body))
    while not len(app.state.streams):
        await asyncio.sleep(0.01)
    while (await client.get("/v1/tasks")).json()["data"][0]["status"] != "running":
        await asyncio.sleep(0.01)
    app.state.streams.end()
    await waiting
    (task,) = (await client.get("/v1/tasks")).json()["data"]
    assert task["status"] == "running"
    await client.post(f"/v1/tasks/{task['task_id']}/cancel")
    await finished(client, task["task_id"])
