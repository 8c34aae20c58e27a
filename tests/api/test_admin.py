"""/admin: what an administrator sees, and that nobody else does."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from tests.api.house import ADMIN_KEY, bearer, finished, generate, problem

PATHS = ["/admin/engines", "/admin/models", "/admin/queue", "/admin/devices", "/admin/keys"]


@pytest.mark.parametrize("path", PATHS)
async def test_only_administrators(other_team: httpx.AsyncClient, stranger: httpx.AsyncClient, path: str) -> None:
    told = problem(await other_team.get(path), 403, "forbidden")
    assert "admin" in told["detail"]
    problem(await stranger.get(path), 401, "not_authenticated")
    problem(await other_team.post("/admin/keys", content=b"{"), 403, "forbidden")
    problem(await other_team.delete("/admin/keys/x"), 403, "forbidden")


async def test_engines_and_plugins(client: httpx.AsyncClient) -> None:
    told = (await client.get("/admin/engines")).json()
    fake, far = told["data"]
    assert (fake["name"], fake["plugin"], fake["running"], fake["problem"]) == ("fake", "fake", True, None)
    assert fake["models"] == ["quick", "free", "slow", "stuck", "broken"]
    assert far["lanes"] == ["far/one"]
    (lane,) = far["health"]
    assert (lane["name"], lane["healthy"], lane["breaker"], lane["reason"]) == ("far/one", True, "closed", None)
    assert fake["health"] == []
    assert told["plugins"] == [
        {"name": "fake", "loaded": True, "problem": None},
        {"name": "fake-remote", "loaded": True, "problem": None},
        {"name": "torn", "loaded": False, "problem": "the plugin torn does not load: ModuleNotFoundError: /secret/path"},
    ]


async def test_models_with_what_only_the_operator_needs(client: httpx.AsyncClient) -> None:
    await generate(client)
    told = (await client.get("/admin/models")).json()
    models = {model["id"]: model for model in told["data"]}
    assert told["problem"] is None
    assert models["gone"]["retired"] == "quick"
    assert models["quick"]["source"] == "fake:quick"
    assert models["quick"]["resident_on"] == ["cpu"]
    assert models["quick"]["average_seconds"] >= 0
    assert len(models["quick"]["revision"]) == 16


async def test_lanes(client: httpx.AsyncClient) -> None:
    await generate(client)
    lanes = {lane["name"]: lane for lane in (await client.get("/admin/devices")).json()["data"]}
    assert set(lanes) == {"cpu", "far/one"}
    assert (lanes["cpu"]["kind"], lanes["cpu"]["healthy"], lanes["far/one"]["kind"]) == ("device", True, "engine")
    assert [resident["model"] for resident in lanes["cpu"]["residents"]] == ["quick"]
    assert lanes["cpu"]["budget_bytes"] > 0
    async with asyncio.timeout(10):
        while (far := await _lane(client, "far/one"))["asked_at"] is None:
            await asyncio.sleep(0.01)
    assert (far["free_memory_bytes"], far["wake_seconds"], far["unwell_since"]) == (1 << 30, None, None)
    assert lanes["cpu"]["asked_at"] is None, "a device is not asked"


async def _lane(client: httpx.AsyncClient, name: str) -> dict[str, Any]:
    lanes = (await client.get("/admin/devices")).json()["data"]
    return next(lane for lane in lanes if lane["name"] == name)


async def test_what_a_tasks_attempts_came_to(client: httpx.AsyncClient, other_team: httpx.AsyncClient) -> None:
    task = await generate(client)
    told = (await client.get(f"/admin/tasks/{task['task_id']}/attempts")).json()
    assert told == {"data": [], "attempts": 1, "upstream_id": None, "usage": None}
    problem(await client.get("/admin/tasks/nobodys/attempts"), 404, "not_found")
    problem(await other_team.get(f"/admin/tasks/{task['task_id']}/attempts"), 403, "forbidden")


async def test_the_queue_of_all_teams(client: httpx.AsyncClient, other_team: httpx.AsyncClient) -> None:
    running = (await client.post("/v1/images/generations", json={"prompt": "a", "model": "stuck"})).json()["task_id"]
    await finished(client, running, ("running",))
    theirs = (await other_team.post("/v1/images/generations", json={"prompt": "a", "priority": "bulk"})).json()["task_id"]
    told = (await client.get("/admin/queue?limit=1")).json()
    assert (told["running"], told["total"], told["blocked"]) == ([running], 1, None)
    (row,) = told["data"]
    assert (row["task_id"], row["priority"], row["queue_position"], row["model"]) == (theirs, "bulk", 1, "quick")
    await client.post(f"/v1/tasks/{running}/cancel")


async def test_a_key_is_made_shown_once_used_and_revoked(client: httpx.AsyncClient, stranger: httpx.AsyncClient) -> None:
    made = await client.post("/admin/keys", json={"name": "importer", "bulk": True})
    assert made.status_code == 201
    key = made.json()
    assert key["key"].startswith("dk_")
    assert key["permissions"] == ["features.image_generation", "gallery.read", "gallery.write"]
    with_it = bearer(key["key"])
    assert (await stranger.get("/v1/me", headers=with_it)).json()["key"]["name"] == "importer"
    listed = (await client.get("/admin/keys")).json()["data"]
    assert listed[0]["name"] == "importer"
    assert "key" not in listed[0]
    assert key["key"] not in (await client.get("/admin/keys")).text

    assert (await client.delete(f"/admin/keys/{key['id']}")).status_code == 204
    problem(await stranger.get("/v1/me", headers=with_it), 401, "not_authenticated")
    assert (await client.get("/admin/keys?limit=1")).json()["data"][0]["revoked_at"]
    problem(await client.delete("/admin/keys/nothing"), 404, "not_found")


async def test_keys_come_in_pages(client: httpx.AsyncClient) -> None:
    for number in range(3):
        await client.post("/admin/keys", json={"name": f"key {number}"})
    first = (await client.get("/admin/keys?limit=2")).json()
    second = (await client.get("/admin/keys", params={"limit": 2, "next": first["next"]})).json()
    assert [row["name"] for row in first["data"]] == ["key 2", "key 1"]
    assert second["data"][0]["name"] == "key 0"


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        ({}, "name", "missing"),
        ({"name": ""}, "name", "1 to 200"),
        ({"name": "x", "permissions": ["gallery.reed"]}, "permissions", "gallery.read"),
        ({"name": "x", "permissions": []}, "permissions", "at least one"),
        ({"name": "x", "expires_at": "2020-01-01T00:00:00Z"}, "expires_at", "passed"),
        ({"name": "x", "expires_at": "tomorrow"}, "expires_at", "a time such as"),
        ({"name": "x", "team_id": "nothing"}, "team_id", "no team"),
        ({"name": "x", "admin": True}, "admin", "not known here"),
    ],
)
async def test_a_key_that_cannot_be(client: httpx.AsyncClient, body: dict[str, object], field: str, words: str) -> None:
    told = problem(await client.post("/admin/keys", json=body), 422, "invalid_request")
    assert told["errors"][0]["field"] == field
    assert words in told["detail"]


async def test_the_administrators_key_is_never_shown(client: httpx.AsyncClient) -> None:
    for path in PATHS:
        assert ADMIN_KEY not in (await client.get(path)).text
