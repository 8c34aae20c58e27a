"""GET /v1/tasks, cancel and retry."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from litestar import Litestar

from gateway.api.tasks.wire import progress_of
from gateway.wiring import Wiring
from tests.api.house import anyone, bearer, finished, generate, member_key, problem

PATH = "/v1/images/generations"


async def submit(client: httpx.AsyncClient, **body: Any) -> dict[str, Any]:
    response = await client.post(PATH, json={"prompt": "a", **body})
    assert response.status_code == 202, response.text
    told: dict[str, Any] = response.json()
    return told


async def test_the_list_its_filters_and_its_cursor(client: httpx.AsyncClient) -> None:
    good = [(await generate(client))["task_id"] for _ in range(3)]
    bad = (await generate(client, model="broken"))["task_id"]

    async def ids(**query: Any) -> list[str]:
        return [task["task_id"] for task in (await client.get("/v1/tasks", params=query)).json()["data"]]

    assert await ids() == [bad, *reversed(good)]
    assert await ids(state="failed") == [bad]
    assert await ids(state="queued") == []
    assert await ids(model="quick") == good[::-1]
    assert await ids(capability="inpaint") == []
    assert await ids(mine="true") == [bad, *reversed(good)]
    first = (await client.get("/v1/tasks", params={"limit": 3, "model": "quick"})).json()
    assert first["next"] is None
    first = (await client.get("/v1/tasks", params={"limit": 2, "model": "quick"})).json()
    assert await ids(limit=2, model="quick", next=first["next"]) == good[:1]
    assert all(len(task["output"]["images"]) == 1 for task in first["data"])


async def test_pages_have_numbers_and_a_total(client: httpx.AsyncClient) -> None:
    made = [(await submit(client))["task_id"] for _ in range(3)][::-1]
    first = (await client.get("/v1/tasks", params={"limit": 2})).json()
    assert [first[name] for name in ("page", "limit", "total")] == [1, 2, 3]
    assert "total_capped" not in first
    second = (await client.get("/v1/tasks", params={"limit": 2, "page": 2})).json()
    assert ([task["task_id"] for task in second["data"]], second["next"]) == (made[2:], None)
    assert [second[name] for name in ("page", "limit", "total")] == [2, 2, 3]
    behind = (await client.get("/v1/tasks", params={"limit": 2, "next": first["next"]})).json()
    assert [task["task_id"] for task in behind["data"]] == made[2:]
    assert not {"page", "total"} & set(behind)
    assert (await client.get("/v1/tasks", params={"model": "nonesuch"})).json()["total"] == 0


@pytest.mark.parametrize(
    ("query", "field", "words"),
    [
        ("state=done", "state", "succeeded"),
        ("capability=draw", "capability", "text_to_image"),
        ("mine=perhaps", "mine", "true or false"),
        ("limit=1000", "limit", "from 1 to 100"),
        ("next=zzz", "next", "begin without one"),
        ("page=0", "page", "from 1 to 10000"),
        ("page=101&limit=100", "page", "`next`"),
    ],
)
async def test_wrong_filters_are_named(client: httpx.AsyncClient, query: str, field: str, words: str) -> None:
    told = problem(await client.get(f"/v1/tasks?{query}"), 422, "invalid_request")
    assert told["errors"][0]["field"] == field
    assert words in told["detail"]


async def test_a_queued_task_says_where_it_stands(client: httpx.AsyncClient) -> None:
    running = await submit(client, model="stuck")
    await finished(client, running["task_id"], ("running",))
    waiting = await submit(client, model="quick")
    task = (await client.get(f"/v1/tasks/{waiting['task_id']}")).json()
    assert task["status"] == "queued"
    assert task["progress"]["queue_position"] == 1
    assert task["progress"]["reason"]
    queue = (await client.get("/admin/queue")).json()
    assert [row["task_id"] for row in queue["data"]] == [waiting["task_id"]]
    assert queue["running"] == [running["task_id"]]
    await client.post(f"/v1/tasks/{running['task_id']}/cancel")
    assert (await finished(client, waiting["task_id"]))["status"] == "succeeded"


@pytest.mark.parametrize("state", ["queued", "running"])
def test_what_nothing_can_be_kept_of_says_why_it_waits(state: str) -> None:
    """In no queue and on no lane just now: its claim, or its end, could not be written."""
    blocked = "The database's disk is full; make room on it and it goes on by itself."
    nowhere = SimpleNamespace(place=lambda _: None, progress=lambda _: None, is_away=lambda _: False, blocked=blocked)
    progress = progress_of(SimpleNamespace(id="1", state=state, model="m"), nowhere)  # type: ignore[arg-type]
    assert (progress.reason, progress.queue_position, progress.step) == (blocked, None, None)


async def test_canceling(client: httpx.AsyncClient) -> None:
    running = await submit(client, model="stuck")
    await finished(client, running["task_id"], ("running",))
    queued = await submit(client)
    for task in (queued, running):
        answer = await client.post(f"/v1/tasks/{task['task_id']}/cancel")
        assert (answer.status_code, answer.json()["status"]) == (200, "canceled")
        assert answer.json()["finished_at"]
    again = await client.post(f"/v1/tasks/{running['task_id']}/cancel")
    assert (again.status_code, again.json()["status"]) == (200, "canceled")
    done = await generate(client)
    still = await client.post(f"/v1/tasks/{done['task_id']}/cancel")
    assert still.json()["status"] == "succeeded"
    assert still.json()["output"]["images"]


async def test_retrying_makes_a_new_task_of_the_same_request(client: httpx.AsyncClient) -> None:
    failed = await generate(client, model="broken", seed=7, steps=3)
    answer = await client.post(f"/v1/tasks/{failed['task_id']}/retry")
    assert answer.status_code == 202
    again = answer.json()
    assert again["task_id"] != failed["task_id"]
    assert again["input"] == failed["input"]
    assert again["model"] == failed["model"]
    done = await generate(client)
    problem(await client.post(f"/v1/tasks/{done['task_id']}/retry"), 409, "wrong_state")


async def test_another_teams_tasks_are_not_there(
    client: httpx.AsyncClient, other_team: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    mine, theirs = await asyncio.gather(generate(client, model="broken"), generate(other_team))
    assert [task["task_id"] for task in (await other_team.get("/v1/tasks")).json()["data"]] == [theirs["task_id"]]
    for method, path in (("GET", ""), ("POST", "/cancel"), ("POST", "/retry"), ("GET", "/events")):
        url = f"/v1/tasks/{mine['task_id']}{path}"
        problem(await other_team.request(method, url), 404, "not_found")
        problem(await stranger.request(method, url), 401, "not_authenticated")
        problem(await client.request(method, f"/v1/tasks/nothing{path}"), 404, "not_found")
    assert (await client.get(f"/v1/tasks/{mine['task_id']}")).json() == mine


async def test_a_reader_may_look_and_no_more(app: Litestar, wiring: Wiring) -> None:
    async with anyone(app, bearer(await member_key(wiring, "gallery.read"))) as client:
        assert (await client.get("/v1/tasks")).json()["data"] == []
        for path in ("cancel", "retry"):
            problem(await client.post(f"/v1/tasks/x/{path}"), 403, "forbidden")
