"""A generation that waits: for how long, what it says when that is not enough, and what fails."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from litestar import Litestar

from tests.api.house import finished
from tests.api.studio.asking import PATH, refused

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def seconds() -> int:
    return 1


async def test_after_its_time_it_is_504_and_the_job_goes_on(client: httpx.AsyncClient) -> None:
    response = await client.post(PATH, json={"prompt": "a", "modelVersion": "stuck"})
    told = refused(response, 504, "timed_out")
    job = told["jobId"]
    assert told["error"] == "Generation timed out after 1s"
    assert told["hint"] == f"GET /v0/images/generations/{job} to check status"
    assert (await client.get(f"{PATH}/{job}")).json()["data"]["status"] == "active"


async def test_a_client_that_leaves_does_not_stop_its_job(client: httpx.AsyncClient) -> None:
    waiting = asyncio.create_task(client.post(PATH, json={"prompt": "a", "modelVersion": "stuck"}))
    while not (tasks := (await client.get("/v1/tasks")).json()["data"]) or tasks[0]["status"] != "running":
        await asyncio.sleep(0.01)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await asyncio.sleep(0.1)
    assert (await client.get("/v1/tasks")).json()["data"][0]["status"] == "running"


@pytest.mark.parametrize(("model", "status"), [("broken", 502), ("prude", 422)])
async def test_what_comes_to_nothing_is_an_error_that_names_the_job(client: httpx.AsyncClient, model: str, status: int) -> None:
    told = refused(await client.post(PATH, json={"prompt": "a", "modelVersion": model}), status, "generation_failed")
    polled = (await client.get(f"{PATH}/{told['jobId']}")).json()["data"]
    assert (polled["status"], polled["error"], polled["code"]) == ("failed", told["error"], told["reason"])


async def test_a_canceled_one(client: httpx.AsyncClient) -> None:
    waiting = asyncio.create_task(client.post(PATH, json={"prompt": "a", "modelVersion": "stuck"}))
    while not (tasks := (await client.get("/v1/tasks")).json()["data"]):
        await asyncio.sleep(0.01)
    await client.post(f"/v1/tasks/{tasks[0]['task_id']}/cancel")
    told = refused(await waiting, 409, "generation_failed")
    assert told["error"] == "canceled"
    polled = (await client.get(f"{PATH}/{told['jobId']}")).json()["data"]
    assert (polled["status"], polled["error"]) == ("failed", "canceled")


async def test_fewer_pictures_than_were_asked_for_cost_less(client: httpx.AsyncClient) -> None:
    body = {"prompt": "a", "modelVersion": "short", "resolution": "low", "sampleCount": 3}
    told = (await client.post(PATH, json=body)).json()["data"]
    assert (len(told["data"]), told["usage"]) == (1, {"credits": 1})


async def test_those_who_wait_are_told_when_the_gateway_ends(app: Litestar, client: httpx.AsyncClient) -> None:
    waiting = asyncio.create_task(client.post(PATH, json={"prompt": "a", "modelVersion": "stuck"}))
    while not len(app.state.streams):
        await asyncio.sleep(0.01)
    app.state.streams.end()
    refused(await waiting, 503, "unavailable")
    (task,) = (await client.get("/v1/tasks")).json()["data"]
    assert task["status"] in ("queued", "running")
    await client.post(f"/v1/tasks/{task['task_id']}/cancel")
    await finished(client, task["task_id"])
