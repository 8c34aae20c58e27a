"""Progress, interrupt and skip: of a key's own calls, and of no other's."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from litestar import Litestar

from gateway.api.a1111.following import Followed
from tests.api.a1111.asking import API, Json, answered, b64
from tests.api.holding import held
from tests.api.house import ADMIN_KEY, anyone, bearer

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
IDLE = {"skipped": False, "interrupted": False, "stopping_generation": False, "job": "", "job_count": 0, "job_no": 0}


@pytest.fixture
async def same_team(client: httpx.AsyncClient, app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    """Another key of the administrator's team."""
    made = await client.post(
        "/v1/team/keys", json={"name": "spare", "permissions": ["features.image_generation", "gallery.read"]}
    )
    async with anyone(app, bearer(made.json()["key"])) as other:
        yield other


async def begun(client: httpx.AsyncClient, model: str, status: str = "running", **body: Any) -> asyncio.Task[httpx.Response]:
    """A call that waits, once its job is that far."""
    before = {each["task_id"] for each in (await client.get("/v1/tasks")).json()["data"]}
    waiting = asyncio.create_task(client.post(f"{API}/txt2img", json={"prompt": "a", "model": model, **body}))
    while True:
        new = [each for each in (await client.get("/v1/tasks")).json()["data"] if each["task_id"] not in before]
        if new and new[0]["status"] == status:
            return waiting
        assert not waiting.done(), waiting.result().text
        await asyncio.sleep(0.01)


async def progress(client: httpx.AsyncClient, query: str = "") -> Json:
    response = await client.get(f"{API}/progress{query}")
    assert response.status_code == 200, response.text
    told: Json = response.json()
    return told


async def of_task(client: httpx.AsyncClient, task: str, **body: Any) -> Json:
    response = await client.post("/internal/progress", json={"id_task": task, **body})
    assert response.status_code == 200, response.text
    told: Json = response.json()
    return told


async def test_nothing_is_made_for_a_new_key(client: httpx.AsyncClient) -> None:
    told = await progress(client)
    assert (told["progress"], told["eta_relative"], told["current_image"]) == (0, 0, None)
    assert {name: told["state"][name] for name in IDLE} == IDLE
    assert await of_task(client, "nobody's") == {
        "active": False, "queued": False, "completed": False, "progress": None, "eta": None, "live_preview": None,
        "id_live_preview": -1, "textinfo": "Waiting...",
    }  # fmt: skip


async def test_a_call_is_followed_to_its_end(client: httpx.AsyncClient) -> None:
    waiting = await begun(client, "slow", steps=40, force_task_id="task(mine)", n_iter=1)
    async with asyncio.timeout(10):
        while (told := await progress(client))["current_image"] is None:
            await asyncio.sleep(0.02)
    assert base64.b64decode(told["current_image"]).startswith(b"\xff\xd8\xff")
    state = told["state"]
    assert (state["job"], state["job_count"], state["sampling_steps"]) == ("txt2img", 1, 40)
    assert 0.01 <= told["progress"] <= 1
    assert told["current_task"] == "task(mine)"
    seen = await of_task(client, "task(mine)", id_live_preview=-1)
    assert (seen["active"], seen["queued"], seen["completed"]) == (True, False, False)
    assert seen["live_preview"].startswith("data:image/jpeg;base64,")
    while (again := await of_task(client, "task(mine)", id_live_preview=seen["id_live_preview"]))["live_preview"] is not None:
        assert again["id_live_preview"] != seen["id_live_preview"], "what was seen is not sent again"
        seen = again
    without = await of_task(client, "task(mine)", live_preview=False)
    assert without["live_preview"] is None
    assert (await progress(client, "?skip_current_image=true"))["current_image"] is None
    info = answered(await waiting)["info"]
    after = await progress(client)
    assert (after["progress"], after["state"]["job"], after["state"]["job_count"]) == (0, "", 0)
    assert after["state"]["job_timestamp"] == info["job_timestamp"]
    done = await of_task(client, "task(mine)")
    assert (done["active"], done["queued"], done["completed"]) == (False, False, True)


async def test_previews_can_be_switched_off(client: httpx.AsyncClient) -> None:
    assert (await client.post(f"{API}/options", json={"live_previews_enable": False})).status_code == 200
    waiting = await begun(client, "slow", steps=10)
    for _ in range(5):
        assert (await progress(client))["current_image"] is None
        await asyncio.sleep(0.02)
    await waiting


async def test_of_another_keys_calls_nothing_is_told_and_none_is_stopped(
    client: httpx.AsyncClient, same_team: httpx.AsyncClient, other_team: httpx.AsyncClient
) -> None:
    waiting = await begun(client, "far-stuck", force_task_id="task(mine)")
    for stranger in (same_team, other_team):
        assert (await progress(stranger))["state"]["job"] == ""
        for call in ("interrupt", "skip"):
            assert (await stranger.post(f"{API}/{call}")).json() == {}
    assert (await of_task(same_team, "task(mine)"))["active"], "a name is known within the team"
    assert not (await of_task(other_team, "task(mine)"))["active"]
    assert (await progress(client))["state"]["job"] == "txt2img"
    assert not waiting.done()
    await client.post(f"{API}/interrupt")
    await waiting


async def test_a_call_that_waits_tells_its_place(client: httpx.AsyncClient) -> None:
    first = await begun(client, "stuck")
    second = await begun(client, "slow", "queued", force_task_id="second")
    told = await of_task(client, "second")
    assert (told["active"], told["queued"]) == (False, True)
    assert told["textinfo"].startswith("In queue: 1")
    assert (await progress(client))["current_task"] is None, "the one that runs"
    await client.post(f"{API}/interrupt")
    assert answered(await first)["images"] == []
    assert len(answered(await second)["images"]) == 1


async def test_of_a_call_that_ended_no_frame_is_held(client: httpx.AsyncClient) -> None:
    waiting = await begun(client, "slow", force_task_id="seen")
    await of_task(client, "seen")
    await waiting
    ended = [each for each in held(Followed) if each.job.finished]
    assert ended
    assert not any(each.progress or each.preview for each in ended)


async def test_an_interrupted_call_answers_with_what_was_done(client: httpx.AsyncClient) -> None:
    waiting = await begun(client, "far-stuck", n_iter=2)
    assert (await client.post(f"{API}/interrupt")).json() == {}
    answer = answered(await waiting)
    assert (answer["images"], answer["info"]["all_seeds"]) == ([], [])
    state = (await progress(client))["state"]
    assert (state["interrupted"], state["skipped"]) == (True, False)
    assert state["job_timestamp"] == answer["info"]["job_timestamp"]
    (task,) = (await client.get("/v1/tasks")).json()["data"]
    assert (task["status"], task["billing"]["refunded_credits"]) == ("canceled", task["billing"]["charged_credits"])


async def test_an_interrupt_ends_all_that_run_and_a_skip_the_oldest(client: httpx.AsyncClient) -> None:
    for call, left in (("interrupt", 0), ("skip", 1)):
        calls = [await begun(client, "stuck"), await begun(client, "far-stuck")]
        await client.post(f"{API}/{call}")
        await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED if left else asyncio.ALL_COMPLETED)
        assert [each.done() for each in calls] == [True, not left]
        if call == "skip":
            assert (await progress(client))["state"]["job"] == "txt2img"
        await client.post(f"{API}/interrupt")
        await asyncio.gather(*calls)


async def test_without_one_that_runs_those_that_wait_are_taken_back(
    client: httpx.AsyncClient, same_team: httpx.AsyncClient
) -> None:
    theirs = await begun(same_team, "stuck")
    mine = await begun(client, "slow", "queued")
    await client.post(f"{API}/skip")
    assert (await progress(client))["progress"] == 0
    await client.post(f"{API}/interrupt")
    assert answered(await mine)["images"] == []
    assert not theirs.done()
    await same_team.post(f"{API}/interrupt")
    await theirs


async def test_an_interrupted_upscale_has_no_picture_to_answer_with(client: httpx.AsyncClient) -> None:
    blocking = await begun(client, "stuck")
    body = {"image": b64(), "upscaler_1": "grow"}
    waiting = asyncio.create_task(client.post(f"{API}/extra-single-image", json=body))
    while len(tasks := (await client.get("/v1/tasks")).json()["data"]) < 2:
        await asyncio.sleep(0.01)
    await client.post(f"/v1/tasks/{tasks[0]['task_id']}/cancel")
    told = await waiting
    assert (told.status_code, told.json()["code"]) == (409, "canceled")
    await client.post(f"{API}/interrupt")
    await blocking


async def test_a_call_of_before_a_restart_is_known(make_app: Callable[[], Litestar]) -> None:
    app = make_app()
    async with app.lifespan(), anyone(app, bearer(ADMIN_KEY)) as client:
        waiting = await begun(client, "stuck", force_task_id="before")
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    again = make_app()
    async with again.lifespan(), anyone(again, bearer(ADMIN_KEY)) as client:
        told = await of_task(client, "before")
        assert told["active"] or told["queued"]
        assert (await progress(client))["state"]["job"] == "txt2img"
        await client.post(f"{API}/interrupt")
        async with asyncio.timeout(10):
            while (await progress(client))["state"]["job"]:
                await asyncio.sleep(0.02)
