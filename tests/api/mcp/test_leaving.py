"""Calls that are canceled, left, outlast one answer or the gateway: whose job ends, and whose goes on."""

from __future__ import annotations

import asyncio
import contextlib
import time

import httpx
import pytest
from litestar import Litestar

from gateway.wiring import Wiring
from tests.api.house import ADMIN_KEY, bearer, finished, member_key
from tests.api.mcp.talking import ACCEPT, MODES, agent, data, only_task, post
from tests.api.pictures import flat
from tests.fakes.web import Asked, Web, ok

pytestmark = pytest.mark.server
Client = httpx.AsyncClient


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("seconds", [1])
async def test_what_takes_long_is_answered_with_a_ticket(url: str, mode: str, tasks: Client) -> None:
    async with agent(url, mode) as client:
        begun = time.monotonic()
        told = data(await client.call_tool("generate_image", {"prompt": "a", "model": "stuck"}))
        assert 0.9 < time.monotonic() - begun < 5
        assert (told["status"], told["images"]) == ("running", [])
        assert "wait_for_job" in told["next"]
        again = data(await client.call_tool("wait_for_job", {"job_id": told["job_id"]}))
        assert (again["status"], again["job_id"]) == ("running", told["job_id"])
        await tasks.post(f"/v1/tasks/{told['job_id']}/cancel")


@pytest.mark.parametrize("mode", MODES)
async def test_a_call_that_is_canceled_cancels_its_job(url: str, mode: str, tasks: Client) -> None:
    async with agent(url, mode) as client:
        calling = asyncio.create_task(client.call_tool("generate_image", {"prompt": "a", "model": "stuck"}))
        await only_task(tasks, "running")
        calling.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await calling
        assert (await only_task(tasks, "canceled", "succeeded"))["status"] == "canceled"
        assert (await client.list_tools()).tools


@pytest.mark.parametrize("mode", MODES)
async def test_a_wait_that_is_canceled_leaves_the_job(url: str, mode: str, tasks: Client) -> None:
    async with agent(url, mode) as client:
        begun = data(await client.call_tool("generate_image", {"prompt": "a", "model": "stuck", "wait": False}))
        waiting = asyncio.create_task(client.call_tool("wait_for_job", {"job_id": begun["job_id"]}))
        await only_task(tasks, "running")
        await asyncio.sleep(0.2)
        waiting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await waiting
        await asyncio.sleep(0.3)
        assert (await only_task(tasks, "running", "canceled"))["status"] == "running"
        await client.call_tool("cancel_job", {"job_id": begun["job_id"]})


async def test_a_connection_that_is_lost_leaves_the_job(url: str, tasks: Client) -> None:
    """But for the newest revision, where that is how a client cancels."""
    arguments = {"name": "generate_image", "arguments": {"prompt": "a", "model": "stuck"}}
    body = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": arguments}
    async with httpx.AsyncClient(base_url=url, headers=bearer(ADMIN_KEY), trust_env=False) as client:
        with pytest.raises(httpx.ReadTimeout):
            await client.post("/mcp", json=body, headers={"Accept": ACCEPT, "MCP-Protocol-Version": "2025-11-25"}, timeout=1)
    await asyncio.sleep(0.3)
    task = await only_task(tasks, "running", "canceled")
    assert task["status"] == "running"
    await tasks.post(f"/v1/tasks/{task['task_id']}/cancel")


async def test_nobody_cancels_anothers_call(url: str, wiring: Wiring, tasks: Client) -> None:
    other = await member_key(wiring)
    arguments = {"name": "generate_image", "arguments": {"prompt": "a", "model": "stuck"}}
    body = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": arguments}
    headers = {"Accept": ACCEPT, "MCP-Protocol-Version": "2025-11-25", "Mcp-Session-Id": "s"}
    stop = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 7}}  # their spelling
    calling = asyncio.create_task(tasks.post("/mcp", json=body, headers=headers))
    task = await only_task(tasks, "running")
    async with httpx.AsyncClient(base_url=url, headers=bearer(other), trust_env=False) as theirs:
        assert (await theirs.post("/mcp", json=stop, headers=headers)).status_code == 202
    assert (await tasks.post("/mcp", json=stop, headers={**headers, "Mcp-Session-Id": "t"})).status_code == 202
    await asyncio.sleep(0.3)
    assert (await tasks.get(f"/v1/tasks/{task['task_id']}")).json()["status"] == "running"
    assert (await tasks.post("/mcp", json=stop, headers=headers)).status_code == 202
    assert '"canceled' in (await calling).text.replace("\\", "")
    assert (await only_task(tasks, "canceled"))["status"] == "canceled"


async def test_two_clients_with_one_key_cancel_each_their_own(url: str, tasks: Client) -> None:
    """They number their requests alike, and in the newest revision no session tells them apart."""
    async with agent(url) as one, agent(url) as other:
        first = asyncio.create_task(one.call_tool("generate_image", {"prompt": "first", "model": "stuck"}))
        running = await only_task(tasks, "running")
        second = asyncio.create_task(other.call_tool("generate_image", {"prompt": "second", "model": "slow", "steps": 50}))
        async with asyncio.timeout(10):
            while len(found := (await tasks.get("/v1/tasks")).json()["data"]) < 2:
                await asyncio.sleep(0.02)
        await asyncio.sleep(0.2)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        assert (await finished(tasks, running["task_id"], ("canceled", "succeeded")))["status"] == "canceled"
        assert data(await second)["job_id"] == next(each["task_id"] for each in found if each["task_id"] != running["task_id"])


async def test_the_gateways_end_is_answered_and_the_job_goes_on(app: Litestar, client: Client) -> None:
    params = {"name": "generate_image", "arguments": {"prompt": "a", "model": "stuck"}}
    calling = asyncio.create_task(post(client, "tools/call", body={"params": params}))
    task = await only_task(client, "running")
    app.state.streams.end()
    told = (await calling).text.replace("\\", "")
    assert f'"status":"running","job_id":"{task["task_id"]}"' in told
    assert "when it is back" in told


async def test_a_call_that_is_canceled_before_it_has_a_job(url: str, web: Web, tasks: Client) -> None:
    """Its picture is still on the way; a client of before 2026-07-28 says so by a message beside it."""
    asked_for, sent = asyncio.Event(), asyncio.Event()

    async def slowly(_: Asked, writer: asyncio.StreamWriter) -> None:
        asked_for.set()
        await sent.wait()
        writer.write(ok(flat()))

    await web.serve(slowly, "pictures.example")
    arguments = {"prompt": "a", "model": "stuck", "image": "http://pictures.example/a.png"}
    call = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": "edit_image", "arguments": arguments}}
    stop = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 7}}  # their spelling
    headers = {"Accept": ACCEPT, "MCP-Protocol-Version": "2025-11-25", "Mcp-Session-Id": "s"}
    calling = asyncio.create_task(tasks.post("/mcp", json=call, headers=headers))
    await asyncio.wait_for(asked_for.wait(), 10)
    assert (await tasks.post("/mcp", json=stop, headers=headers)).status_code == 202
    sent.set()
    assert '"canceled' in (await calling).text.replace("\\", "")
    assert (await only_task(tasks, "canceled"))["status"] == "canceled"
