"""The Idempotency-Key header on the Tasks surface; what it does is tested in tests/jobs."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx

from tests.api.house import finished, generate, problem

PATH = "/v1/images/generations"


async def ask(client: httpx.AsyncClient, key: str = "k", path: str = PATH, **body: Any) -> httpx.Response:
    return await client.post(path, json={"prompt": "a", **body}, headers={"Idempotency-Key": key})


async def tasks(client: httpx.AsyncClient) -> int:
    return len((await client.get("/v1/tasks")).json()["data"])


async def test_sent_twice_it_is_one_task(client: httpx.AsyncClient) -> None:
    first = await ask(client, seed=None, n=1)
    again = await ask(client)
    assert first.status_code == again.status_code == 202
    assert first.json()["task_id"] == again.json()["task_id"]
    done = await finished(client, first.json()["task_id"])
    assert (await ask(client)).json() == done
    assert await tasks(client) == 1


async def test_twins_at_once_are_one_task(client: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(*(ask(client) for _ in range(8)))
    assert {each.status_code for each in answers} == {202}
    assert len({each.json()["task_id"] for each in answers}) == 1


async def test_another_request_under_the_key_is_refused(client: httpx.AsyncClient) -> None:
    await ask(client)
    told = problem(await ask(client, prompt="b"), 409, "idempotency_conflict")
    assert told["errors"][0]["field"] == "Idempotency-Key"
    header = {"Idempotency-Key": "k", "X-Darkroom-Priority": "bulk"}
    problem(await client.post(PATH, json={"prompt": "a"}, headers=header), 409, "idempotency_conflict")
    assert await tasks(client) == 1


async def test_a_refused_request_is_not_remembered(client: httpx.AsyncClient) -> None:
    assert (await ask(client, model="nonesuch")).status_code == 422
    assert (await ask(client, steps=1000)).status_code == 422
    assert (await ask(client)).status_code == 202


async def test_another_teams_key_is_another_key(client: httpx.AsyncClient, other_team: httpx.AsyncClient) -> None:
    mine, theirs = (await ask(client)).json(), (await ask(other_team)).json()
    assert mine["task_id"] != theirs["task_id"]


async def test_a_retry_is_made_once_too(client: httpx.AsyncClient) -> None:
    failed = (await generate(client, model="broken"))["task_id"]
    path = f"/v1/tasks/{failed}/retry"
    first, again = await ask(client, path=path), await ask(client, path=path)
    assert first.status_code == again.status_code == 202
    assert first.json()["task_id"] == again.json()["task_id"] != failed
    assert await tasks(client) == 2


async def test_a_key_that_is_none_is_refused(client: httpx.AsyncClient) -> None:
    for key in (b"", b"x" * 256, "clé".encode(), b"a\tb"):
        answer = await client.post(PATH, json={"prompt": "a"}, headers=[(b"Idempotency-Key", key)])
        told = problem(answer, 422, "invalid_request")
        assert told["errors"][0]["field"] == "Idempotency-Key"
    assert await tasks(client) == 0


async def test_a_key_may_be_whatever_can_be_printed(client: httpx.AsyncClient) -> None:
    for key in ("8e03978e-40d5-43e8-bc93-6894a57f9324", '"quoted"', "a b/c?d=1"):
        assert (await ask(client, key)).status_code == 202
