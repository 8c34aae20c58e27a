"""Conversations that do not come to their end: failures in a stream, clients that go away, and time that runs out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import httpx
import pytest
from litestar import Litestar
from openai import APIError, AsyncOpenAI
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

from gateway.images import records as images
from tests.api.house import ADMIN_KEY, bearer, finished, served
from tests.api.openai.conversations.asking import CHAT, RESPONSES, Json, events, refused, user

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
TALK = [user("a red circle")]


@pytest.mark.parametrize("path", [CHAT, RESPONSES])
async def test_a_stream_tells_its_failure(client: httpx.AsyncClient, path: str) -> None:
    body = {"model": "prude", "stream": True} | ({"messages": TALK} if path == CHAT else {"input": "a"})
    told = events(await client.post(path, json=body))[-1]
    if path == CHAT:
        assert told["error"]["code"] == "moderation_blocked"
    else:
        TypeAdapter(ResponseStreamEvent).validate_python(told)
        assert told["type"] == "response.failed"
        assert told["response"]["error"]["code"] == "image_content_policy_violation"
        assert told["response"]["output"][0]["status"] == "failed"


@pytest.mark.parametrize("path", [CHAT, RESPONSES])
async def test_a_stream_tells_that_its_answer_is_lost(
    client: httpx.AsyncClient, sdk: AsyncOpenAI, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(images, "of_job", _torn)
    body = {"model": "quick", "stream": True} | ({"messages": TALK} if path == CHAT else {"input": "a"})
    told = events(await client.post(path, json=body))
    assert told[-1]["error"]["code"] == "answer_lost"
    assert told[-1]["error"]["job_id"]
    if path == RESPONSES:
        TypeAdapter(ResponseStreamEvent).validate_python(told[-1])
        assert (told[-1]["type"], told[-1]["sequence_number"]) == ("error", len(told) - 1)
        assert told[-1]["message"] == told[-1]["error"]["message"]
    with pytest.raises(APIError, match="cannot be shown"):
        [each async for each in await _streamed(sdk, path)]


async def _torn(*_: object) -> list[object]:
    raise RuntimeError("the disk has gone")


async def _streamed(sdk: AsyncOpenAI, path: str) -> AsyncIterator[object]:
    if path == CHAT:
        return await sdk.chat.completions.create(model="quick", messages=[{"role": "user", "content": "a"}], stream=True)
    return await sdk.responses.create(model="quick", input="a", stream=True)


@pytest.mark.parametrize("path", [CHAT, RESPONSES])
async def test_one_that_is_canceled_elsewhere_tells_so(client: httpx.AsyncClient, path: str) -> None:
    body = {"model": "stuck", "stream": True} | ({"messages": TALK} if path == CHAT else {"input": "a"})
    reading = asyncio.create_task(client.post(path, json=body))
    task_id = await _running(client)
    await client.post(f"/v1/tasks/{task_id}/cancel")
    told = events(await reading)[-1]
    if path == CHAT:
        assert told["error"]["code"] == "canceled"
    else:
        TypeAdapter(ResponseStreamEvent).validate_python(told)
        assert told["response"]["status"] == "cancelled"  # their spelling


async def _running(client: httpx.AsyncClient) -> str:
    """The id of the only task, once it runs."""
    async with asyncio.timeout(20):
        while not (tasks := (await client.get("/v1/tasks")).json()["data"]) or tasks[0]["status"] != "running":
            await asyncio.sleep(0.01)
    return str(tasks[0]["task_id"])


class TestNotInTime:
    @pytest.fixture
    def seconds(self) -> int:
        return 1

    @pytest.mark.parametrize("path", [CHAT, RESPONSES])
    async def test_it_goes_on_and_nobody_pays_twice(self, client: httpx.AsyncClient, path: str) -> None:
        body = {"model": "stuck"} | ({"messages": TALK} if path == CHAT else {"input": "a"})
        response = await client.post(path, json=body)
        told = refused(response, 504, "timed_out")
        assert response.headers["x-should-retry"] == "false"
        assert (await client.get(f"/v1/tasks/{told['job_id']}")).json()["status"] == "running"
        if path == RESPONSES:
            assert (await client.get(f"{RESPONSES}/resp_{told['job_id']}")).json()["status"] == "in_progress"


@pytest.mark.server
@pytest.mark.parametrize("path", [CHAT, RESPONSES])
@pytest.mark.parametrize(
    ("more", "headers", "becomes"),
    [
        ({"stream": True}, {}, "canceled"),
        ({"stream": True}, {"Idempotency-Key": "mine"}, "running"),
        ({}, {}, "running"),
        ({"stream": True, "background": True}, {}, "running"),
    ],
    ids=["a stream", "a stream with a name", "no stream", "in the background"],
)
async def test_a_client_that_goes_away(
    make_app: Callable[[], Litestar], path: str, more: Json, headers: dict[str, str], becomes: str
) -> None:
    if "background" in more and path == CHAT:
        return
    body = {"model": "stuck", **more} | ({"messages": TALK} if path == CHAT else {"input": "a"})
    with served(make_app()) as url:
        async with httpx.AsyncClient(base_url=url, headers=bearer(ADMIN_KEY), timeout=20) as client:
            asking = asyncio.create_task(_read(client, path, body, headers))
            task_id = await _running(client)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            if becomes == "canceled":
                await finished(client, task_id, ("canceled",))
            else:
                await asyncio.sleep(0.3)
                assert (await client.get(f"/v1/tasks/{task_id}")).json()["status"] == becomes
            await client.post(f"/v1/tasks/{task_id}/cancel")
            await finished(client, task_id)


async def _read(client: httpx.AsyncClient, path: str, body: Json, headers: dict[str, str]) -> None:
    async with client.stream("POST", path, json=body, headers=headers) as response:
        async for _ in response.aiter_lines():
            pass


async def test_those_who_wait_are_told_when_the_gateway_ends(app: Litestar, client: httpx.AsyncClient) -> None:
    waiting = asyncio.create_task(client.post(CHAT, json={"model": "stuck", "messages": TALK}))
    await _running(client)
    while not len(app.state.streams):
        await asyncio.sleep(0.01)
    app.state.streams.end()
    response = await waiting
    refused(response, 503, "unavailable")
    assert response.headers["x-should-retry"] == "false"
