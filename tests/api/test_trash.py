"""The trash over HTTP: one picture or many, there and back and out for good, and which addresses open meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from litestar import Litestar

from gateway.images import closed
from tests.api.house import ADMIN_KEY, anyone, bearer, finished, generate, problem
from tests.api.isolation import NOBODYS
from tests.api.pictures import flat

Json = dict[str, Any]


@pytest.fixture
async def image(client: httpx.AsyncClient) -> Json:
    return await made(client)


async def made(client: httpx.AsyncClient, **body: Any) -> Json:
    (picture,) = (await generate(client, **body))["output"]["images"]
    return await detail(client, picture["artifact_id"])


async def detail(client: httpx.AsyncClient, image_id: str) -> Json:
    shown: Json = (await client.get(f"/v1/images/{image_id}")).json()
    return shown


async def listed(client: httpx.AsyncClient) -> list[str]:
    return [each["id"] for each in (await client.get("/v1/images")).json()["data"]]


async def test_there_and_back(client: httpx.AsyncClient, stranger: httpx.AsyncClient, image: Json) -> None:
    path = f"/v1/images/{image['id']}"
    for _ in range(2):  # a second time changes nothing
        assert (await client.delete(path)).status_code == 204
    assert await listed(client) == []
    trashed = await detail(client, image["id"])
    assert trashed["deleted_at"]
    for name in ("url", "thumbnail_url"):
        problem(await stranger.get(image[name]), 404, "not_found")
        assert "s=trash" in trashed[name]
        assert (await stranger.get(trashed[name])).status_code == 200
    assert (await client.get(f"{path}/content")).status_code == 200
    restored = await client.post(f"{path}/restore")
    assert (restored.status_code, restored.json()) == (200, image)
    assert (await stranger.get(image["url"])).status_code == 200
    assert await listed(client) == [image["id"]]
    problem(await client.post(f"{path}/restore"), 409, "wrong_state")


async def test_lists_searches_and_counts_follow(client: httpx.AsyncClient) -> None:
    """In the same transaction: whatever is asked next has it."""
    kept, gone = [await made(client, prompt=prompt) for prompt in ("a walrus", "a walrus too")]
    await client.patch(f"/v1/images/{gone['id']}", json={"tags": ["sea"], "title": "Tusk"})

    async def found(**asked: Any) -> tuple[list[str], int]:
        page = (await client.get("/v1/images", params=asked)).json()
        return [each["id"] for each in page["data"]], page["total"]

    asked: list[Json] = [{}, {"q": "walrus"}, {"tags[]": "sea"}, {"q": "tusk"}]
    before = [await found(**each) for each in asked]
    assert before == [([gone["id"], kept["id"]], 2)] * 2 + [([gone["id"]], 1)] * 2
    await client.post("/v1/images/bulk/delete", json={"ids": [gone["id"]]})
    assert [await found(**each) for each in asked] == [([kept["id"]], 1)] * 2 + [([], 0)] * 2
    trash = (await client.get("/v1/images/trash")).json()
    assert (trash["total"], [each["id"] for each in trash["data"]]) == (1, [gone["id"]])
    assert "s=trash" in trash["data"][0]["url"]
    await client.post("/v1/images/bulk/restore", json={"ids": [gone["id"]]})
    assert [await found(**each) for each in asked] == before
    await client.delete(f"/v1/images/{gone['id']}")
    await client.delete(f"/v1/images/{gone['id']}/forever")
    assert (await client.get("/v1/images/trash")).json()["total"] == 0


async def test_for_good_from_the_trash_alone(client: httpx.AsyncClient, stranger: httpx.AsyncClient, image: Json) -> None:
    path = f"/v1/images/{image['id']}"
    problem(await client.delete(f"{path}/forever"), 409, "wrong_state")
    await client.delete(path)
    trashed = await detail(client, image["id"])
    assert (await client.delete(f"{path}/forever")).status_code == 204
    for answer in (
        await client.get(path),
        await client.delete(path),
        await client.delete(f"{path}/forever"),
        await client.post(f"{path}/restore"),
        await stranger.get(image["url"]),
        await stranger.get(trashed["url"]),
    ):
        problem(answer, 404, "not_found")


async def test_addresses_stay_closed_after_a_start(make_app: Callable[[], Litestar]) -> None:
    """Of what is in the trash and of what was deleted for good, though another picture has the same bytes."""
    app = make_app()
    async with app.lifespan(), anyone(app, bearer(ADMIN_KEY)) as client:
        kept, trashed, purged = [await made(client, prompt="the same", seed=1) for _ in range(3)]
        for each in (trashed, purged):
            await client.delete(f"/v1/images/{each['id']}")
        await client.delete(f"/v1/images/{purged['id']}/forever")
    again = make_app()
    async with again.lifespan(), anyone(again) as stranger:
        for each in (trashed, purged):
            problem(await stranger.get(each["url"]), 404, "not_found")
        assert (await stranger.get(kept["url"])).status_code == 200


async def test_more_than_is_worth_the_memory(
    client: httpx.AsyncClient, stranger: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(closed, "MOST", 1)
    shown = [await made(client) for _ in range(3)]
    ids = [each["id"] for each in shown]
    await client.post("/v1/images/bulk/delete", json={"ids": ids[:2]})
    for _ in range(2):
        assert [(await stranger.get(each["url"])).status_code for each in shown] == [404, 404, 200]
    await client.post("/v1/images/bulk/restore", json={"ids": ids[:1]})
    await client.delete(f"/v1/images/{ids[2]}")
    assert [(await stranger.get(each["url"])).status_code for each in shown] == [200, 404, 404]


async def test_many_at_once(client: httpx.AsyncClient, other_team: httpx.AsyncClient) -> None:
    a, b, c = [(await made(client))["id"] for _ in range(3)]
    theirs = (await made(other_team))["id"]
    await client.delete(f"/v1/images/{c}")
    answer = await client.post("/v1/images/bulk/delete", json={"ids": [b, theirs, a, b, "no id", NOBODYS, c]})
    assert answer.status_code == 200
    assert answer.json() == {"changed": [b, a], "unchanged": [c], "not_found": [theirs, "no id", NOBODYS]}
    assert await listed(client) == []
    assert await listed(other_team) == [theirs]
    back = await client.post("/v1/images/bulk/restore", json={"ids": [a, a, theirs]})
    assert back.json() == {"changed": [a], "unchanged": [], "not_found": [theirs]}
    assert (await client.post("/v1/images/bulk/restore", json={"ids": [a]})).json()["unchanged"] == [a]
    assert await listed(client) == [a]


@pytest.mark.parametrize("action", ["delete", "restore"])
async def test_bad_calls_change_nothing(client: httpx.AsyncClient, image: Json, action: str) -> None:
    many = [f"{number:036x}" for number in range(40)]
    for body, field in (({"ids": []}, "ids"), ({"ids": [image["id"]], "all": True}, "all"), ({}, "ids")):
        told = problem(await client.post(f"/v1/images/bulk/{action}", json=body), 422, "invalid_request")
        assert told["errors"][0]["field"] == field
        assert field != "ids" or "a list of 1 to 200 ids" in told["detail"]
    # Two hundred fit into the small bodies of these tests when they are short.
    short = [image["id"], *(f"{number:x}" for number in range(200))]
    told = problem(await client.post(f"/v1/images/bulk/{action}", json={"ids": short}), 422, "invalid_request")
    assert told["errors"] == [{"field": "ids", "message": "At most 200 pictures at once; these are 201."}]
    assert (await client.post(f"/v1/images/bulk/{action}", json={"ids": [*short[:200], *short[:100]]})).status_code == 200
    assert (await client.post(f"/v1/images/bulk/{action}", json={"ids": many})).json()["not_found"] == many


async def test_deleting_a_parent_keeps_its_variants(client: httpx.AsyncClient, image: Json) -> None:
    body = {"prompt": "bluer", "model": "free", "image": {"type": "artifact", "artifact_id": image["id"]}}
    answer = await client.post("/v1/images/image-to-image", json=body)
    task = await finished(client, answer.json()["task_id"])
    variant = task["output"]["images"][0]["artifact_id"]
    await client.delete(f"/v1/images/{image['id']}")
    for _ in range(2):
        parent = (await detail(client, variant))["parent"]
        assert (parent["id"], parent["deleted"], parent["url"]) == (image["id"], True, None)
        await client.delete(f"/v1/images/{image['id']}/forever")


async def test_what_is_in_the_trash_is_no_source(client: httpx.AsyncClient, image: Json) -> None:
    await client.delete(f"/v1/images/{image['id']}")
    by_id = {"type": "artifact", "artifact_id": image["id"]}
    by_url = {"type": "url", "url": image["url"]}
    for given, status in ((by_id, 409), (by_url, 422)):
        body = {"prompt": "bluer", "model": "free", "image": given}
        assert (await client.post("/v1/images/image-to-image", json=body)).status_code == status
    body = {"prompt": "bluer", "model": "free"}
    assert (await client.post(f"/v1/images/{image['id']}/edit", json=body)).status_code == 409


async def test_a_failed_task_is_not_tried_again_on_what_went(client: httpx.AsyncClient) -> None:
    upload = (await client.post("/v1/uploads", files={"file": ("a.png", flat())})).json()["artifact_id"]
    given = {"type": "artifact", "artifact_id": upload}
    answer = await client.post("/v1/images/image-to-image", json={"prompt": "a", "model": "broken", "image": given})
    task = await finished(client, answer.json()["task_id"])
    await client.delete(f"/v1/images/{upload}")
    problem(await client.post(f"/v1/tasks/{task['task_id']}/retry"), 409, "wrong_state")


async def test_what_was_public_is_not_any_more(client: httpx.AsyncClient, image: Json) -> None:
    await client.patch(f"/v0/images/library/{image['id']}", json={"isPublic": True})
    assert (await client.get("/v0/images/public")).json()["data"]["images"]
    await client.delete(f"/v1/images/{image['id']}")
    await client.post(f"/v1/images/{image['id']}/restore")
    assert not (await client.get("/v0/images/public")).json()["data"]["images"]
