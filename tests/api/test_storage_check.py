"""/admin/storage/check: begun by an administrator, told as it goes, and pictures say what it found."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
from sqlalchemy import update

from gateway.db import Database
from gateway.storage.tables import blobs
from gateway.wiring import Wiring
from tests.api.house import generate, problem

PATH = "/admin/storage/check"


async def checked(client: httpx.AsyncClient, **body: Any) -> dict[str, Any]:
    answer = await client.post(PATH, json=body)
    assert answer.status_code == 202, answer.text
    async with asyncio.timeout(20):
        while (told := (await client.get(PATH)).json())["state"] == "running":
            assert 0 <= told["progress"] <= 1
            await asyncio.sleep(0.02)
    return dict(told)


async def nothing_is_made_of(client: httpx.AsyncClient, image_id: str) -> None:
    """What needs the bytes is refused when it is asked for, before anything is charged."""
    image = {"type": "artifact", "artifact_id": image_id}
    for path, body, field in (
        (f"/v1/images/{image_id}/edit", {"prompt": "blue", "model": "quick"}, "image_id"),
        (f"/v1/images/{image_id}/upscale", {"scale": 2}, "image_id"),
        ("/v1/images/image-to-image", {"prompt": "blue", "model": "quick", "image": image}, "image.artifact_id"),
        (f"/v1/images/{image_id}/share", {}, None),
    ):
        told = problem(await client.post(path, json=body), 409, "wrong_state")
        assert "is lost" in told["detail"]
        assert [each["field"] for each in told["errors"]] == ([field] if field else [])
    answer = await client.patch(f"/v0/images/library/{image_id}", json={"isPublic": True})
    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_state")


async def test_a_check_finds_what_is_gone_and_says_so(client: httpx.AsyncClient, wiring: Wiring) -> None:
    problem(await client.get(PATH), 404, "not_found")
    task = await generate(client)
    image_id = task["output"]["images"][0]["artifact_id"]
    told = await checked(client)
    assert (told["state"], told["progress"], told["missing"], told["pictures_lost"]["count"]) == (
        "finished", 1.0, {"count": 0, "bytes": 0}, 0,
    )  # fmt: skip
    name = task["output"]["images"][0]["url"].partition("?")[0].rpartition("/")[2].partition(".")[0]
    (wiring.data / "blobs" / name[:2] / name[2:4] / name).unlink()
    db = Database(wiring.database)
    async with db.write() as connection:
        await connection.execute(update(blobs).values(touched_at=0))
    await db.close()
    told = await checked(client, repair=True)
    assert told["pictures_lost"] == {"count": 1, "ids": [image_id]}
    assert told["repaired"]["pictures_marked"] == 1
    assert (await client.get(f"/v1/images/{image_id}")).json()["lost_at"]
    problem(await client.get(f"/v1/images/{image_id}/content"), 404, "not_found")
    await nothing_is_made_of(client, image_id)
    acts = (await client.get("/admin/audit", params={"action": "storage.check"})).json()["data"]
    assert [act["details"] for act in acts] == [{"repair": True}, {"repair": False}]


async def test_one_at_a_time(client: httpx.AsyncClient) -> None:
    assert (await client.post(PATH, json={})).status_code == 202
    problem(await client.post(PATH, json={}), 409, "wrong_state")
    problem(await client.post(PATH, json={"mend": True}), 422, "invalid_request")


async def test_it_is_the_administrators(other_team: httpx.AsyncClient) -> None:
    problem(await other_team.post(PATH, json={}), 403, "forbidden")
    problem(await other_team.get(PATH), 403, "forbidden")
