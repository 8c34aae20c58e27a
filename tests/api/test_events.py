"""Server-sent events, over a real server: what is told, when a stream ends, and that nothing is left of it."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from litestar import Litestar

from gateway.api import streams
from gateway.wiring import Wiring
from tests.api.house import ADMIN_KEY, bearer, finished, member_key, problem, served

pytestmark = pytest.mark.server
Told = tuple[str, str, dict[str, Any]]
"""Event, id, data."""


class Live:
    """A gateway behind a real server."""

    def __init__(self, app: Litestar, client: httpx.AsyncClient) -> None:
        self.app = app
        self.client = client

    async def submit(self, **body: Any) -> str:
        response = await self.client.post("/v1/images/generations", json={"prompt": "a red circle", **body})
        assert response.status_code == 202, response.text
        return str(response.json()["task_id"])

    async def events(self, path: str) -> AsyncIterator[Told]:
        async with asyncio.timeout(20), self.client.stream("GET", path) as response:
            assert response.status_code == 200, await response.aread()
            assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
            assert response.headers["cache-control"] == "no-store"
            async for told in told_by(response):
                yield told

    async def until_quiet(self) -> None:
        """Until the server has noticed that every client of a stream has gone."""
        async with asyncio.timeout(10):
            while len(self.app.state.streams):
                await asyncio.sleep(0.01)


async def told_by(response: httpx.Response) -> AsyncIterator[Told]:
    event, id_ = "", ""
    async for line in response.aiter_lines():
        field, _, value = line.partition(": ")
        if field == "event":
            event = value
        elif field == "id":
            id_ = value
        elif field == "data":
            yield event, id_, json.loads(value)
        elif line.startswith(":"):
            yield "comment", "", {}


@pytest.fixture
async def live(make_app: Callable[[], Litestar]) -> AsyncIterator[Live]:
    app = make_app()
    with served(app) as url:
        async with httpx.AsyncClient(base_url=url, headers=bearer(ADMIN_KEY), timeout=20) as client:
            yield Live(app, client)


async def test_a_task_is_told_from_its_beginning_to_its_end(live: Live) -> None:
    task_id = await live.submit(model="slow", seed=7)
    told = [each async for each in live.events(f"/v1/tasks/{task_id}/events")]
    assert told[0][0] == "task"
    states = [data["status"] for event, _, data in told if event == "task"]
    assert states[-1] == "succeeded"
    assert sorted(set(states), key=states.index) in (["queued", "running", "succeeded"], ["running", "succeeded"])
    steps = [data["step"] for event, _, data in told if event == "progress" and data["status"] == "running"]
    assert steps == sorted(steps)
    assert {data["task_id"] for _, _, data in told} == {task_id}
    versions = [int(id_) for _, id_, _ in told]
    assert versions == sorted(versions)
    last = told[-1][2]
    assert last == (await live.client.get(f"/v1/tasks/{task_id}")).json()
    await live.until_quiet()


async def test_a_finished_task_is_told_once(live: Live) -> None:
    task_id = await live.submit()
    await finished(live.client, task_id)
    told = [each async for each in live.events(f"/v1/tasks/{task_id}/events")]
    assert [(event, data["status"]) for event, _, data in told] == [("task", "succeeded")]


async def test_cancel_ends_the_stream(live: Live) -> None:
    task_id = await live.submit(model="stuck")
    events = live.events(f"/v1/tasks/{task_id}/events")
    async for event, _, data in events:
        if event == "task" and data["status"] == "running":
            await live.client.post(f"/v1/tasks/{task_id}/cancel")
        last = data
    assert last["status"] == "canceled"


async def test_previews_only_for_those_who_ask(live: Live) -> None:
    task_id = await live.submit(model="slow")
    path = f"/v1/tasks/{task_id}/events"

    async def collect(query: str) -> list[Told]:
        return [each async for each in live.events(path + query)]

    with_previews, without = await asyncio.gather(collect("?previews=1"), collect(""))
    previews = [data for event, _, data in with_previews if event == "preview"]
    assert previews
    assert all(base64.b64decode(data["data"])[:3] == b"\xff\xd8\xff" for data in previews)
    assert {data["media_type"] for data in previews} == {"image/jpeg"}
    assert "preview" not in {event for event, _, _ in without}


async def test_all_tasks_on_one_connection(live: Live) -> None:
    first = await live.submit(model="stuck")
    await finished(live.client, first, ("running",))
    second = await live.submit()
    seen: dict[str, list[str]] = {}
    third = ""
    async for event, _, data in live.events("/v1/events?previews=1"):
        if event != "task":
            continue
        seen.setdefault(data["task_id"], []).append(data["status"])
        if not third and set(seen) == {first, second}:
            third = await live.submit()
            await live.client.post(f"/v1/tasks/{first}/cancel")
        if third and all(seen.get(task, [""])[-1] in ("succeeded", "canceled") for task in (first, second, third)):
            break
    assert seen[first][0] == "running"
    assert seen[second][0] == "queued"
    assert seen[third][0] == "queued"
    assert seen[first][-1] == "canceled"
    await live.until_quiet()


async def test_other_teams_are_not_told_of(live: Live, wiring: Wiring) -> None:
    others = bearer(await member_key(wiring))
    heard: list[str] = []

    async def listen(headers: dict[str, str], path: str) -> None:
        async with live.client.stream("GET", path, headers=headers, timeout=20) as response:
            async for _, _, data in told_by(response):
                heard.append(data["task_id"])
                return

    listening = asyncio.create_task(listen(others, "/v1/events"))
    await asyncio.sleep(0.3)
    mine = await live.submit()
    await finished(live.client, mine)
    theirs = (await live.client.post("/v1/images/generations", json={"prompt": "a"}, headers=others)).json()["task_id"]
    await listening
    assert heard == [theirs]
    problem(await live.client.get(f"/v1/tasks/{mine}/events", headers=others), 404, "not_found")


async def test_mine_only(live: Live, wiring: Wiring) -> None:
    task_id = await live.submit(model="stuck")
    async for _, _, data in live.events("/v1/events?mine=1"):
        assert data["task_id"] == task_id
        break
    await live.client.post(f"/v1/tasks/{task_id}/cancel")


async def test_a_client_that_leaves_leaves_nothing_behind(live: Live) -> None:
    task_id = await live.submit(model="stuck")
    for path in (f"/v1/tasks/{task_id}/events?previews=1", "/v1/events?previews=1"):
        async for _ in live.events(path):
            break
    await live.until_quiet()
    await live.client.post(f"/v1/tasks/{task_id}/cancel")
    assert (await finished(live.client, task_id))["status"] == "canceled"


async def test_a_silent_stream_is_kept_alive(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.api.tasks.stream.KEEP_ALIVE_SECONDS", 0.05)
    told = 0
    async for event, _, _ in live.events("/v1/events"):
        assert event == "comment"
        told += 1
        if told == 3:
            break
    assert streams.KEEP_ALIVE.startswith(b":")
