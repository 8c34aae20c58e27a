"""GET /v1/images: the list, its cursor, one picture, and whose they are."""

from __future__ import annotations

import asyncio

import httpx
from litestar import Litestar

from gateway.wiring import Wiring
from tests.api.house import anyone, bearer, generate, member_key, problem

FIELDS = {
    *("id", "url", "thumbnail_url", "thumbhash", "width", "height", "media_type", "bytes", "title", "model", "engine"),
    *("prompt", "negative_prompt", "seed", "parameters", "job_id", "source", "saved", "created_at", "deleted_at"),
    *("tags", "is_favorite", "edit_session_id", "share", "lost_at"),
}


async def test_a_picture_and_how_it_was_made(client: httpx.AsyncClient) -> None:
    task = await generate(client, "a red circle", seed=7, negative_prompt="blue", steps=3, size="64x96")
    (shown,) = (await client.get("/v1/images")).json()["data"]
    assert set(shown) == FIELDS
    assert (shown["prompt"], shown["negative_prompt"], shown["seed"]) == ("a red circle", "blue", 7)
    assert (shown["model"], shown["engine"], shown["source"]) == ("quick", "fake", "generate")
    assert (shown["width"], shown["height"]) == (64, 96)
    assert shown["job_id"] == task["task_id"]
    assert shown["parameters"]["steps"] == 3
    assert shown["created_at"].endswith("Z")
    detail = (await client.get(f"/v1/images/{shown['id']}")).json()
    assert detail == {**shown, "parent": None, "variants": []}


async def test_newest_first_by_cursor_while_new_ones_arrive(client: httpx.AsyncClient) -> None:
    tasks = [await generate(client, n=2) for _ in range(2)]
    made = [image["artifact_id"] for task in tasks for image in task["output"]["images"]]
    first = (await client.get("/v1/images", params={"limit": 3})).json()
    await generate(client)
    second = (await client.get("/v1/images", params={"limit": 3, "next": first["next"]})).json()
    assert sorted(image["id"] for image in first["data"] + second["data"]) == sorted(made)
    assert [image["id"] for image in first["data"]] == sorted(made, reverse=True)[:3]
    assert (first["limit"], second["next"]) == (3, None)


async def test_limits_and_cursors_that_are_wrong(client: httpx.AsyncClient, other_team: httpx.AsyncClient) -> None:
    await generate(client, n=2)
    cursor = (await client.get("/v1/images?limit=1")).json()["next"]
    for path in ("/v1/images?limit=0", "/v1/images?limit=101", "/v1/images?limit=x"):
        told = problem(await client.get(path), 422, "invalid_request")
        assert told["errors"] == [{"field": "limit", "message": "limit must be a whole number from 1 to 100."}]
    for asker, path in (
        (client, "/v1/images?next=nonsense"),
        (client, f"/v1/images?next={cursor[:-2]}AA"),
        (client, f"/v1/tasks?next={cursor}"),
        (other_team, f"/v1/images?next={cursor}"),
    ):
        told = problem(await asker.get(path), 422, "invalid_request")
        assert told["errors"][0]["field"] == "next"


async def test_another_teams_pictures_are_not_there(
    client: httpx.AsyncClient, other_team: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    mine, theirs = await asyncio.gather(generate(client), generate(other_team))
    mine_id, their_id = (task["output"]["images"][0]["artifact_id"] for task in (mine, theirs))
    assert [image["id"] for image in (await other_team.get("/v1/images")).json()["data"]] == [their_id]
    problem(await other_team.get(f"/v1/images/{mine_id}"), 404, "not_found")
    # An administrator's key is of its own team here; `/admin` is what goes over all teams.
    problem(await client.get(f"/v1/images/{their_id}"), 404, "not_found")
    problem(await stranger.get(f"/v1/images/{mine_id}"), 401, "not_authenticated")
    problem(await client.get("/v1/images/nothing"), 404, "not_found")


async def test_reading_needs_its_permission(app: Litestar, wiring: Wiring) -> None:
    async with anyone(app, bearer(await member_key(wiring, "features.image_generation"))) as client:
        assert (await generate(client))["status"] == "succeeded"
        problem(await client.get("/v1/images"), 403, "forbidden")
        problem(await client.get("/v1/images/x"), 403, "forbidden")


async def test_an_address_with_nul_finds_nothing(client: httpx.AsyncClient) -> None:
    problem(await client.get("/v1/tasks/a%00b"), 404, "not_found")
    problem(await client.get("/v1/images/a%00b"), 404, "not_found")
