"""/v0/images/library, and the public gallery: pages, words, presets, and whose pictures they are."""

from __future__ import annotations

import httpx
import pytest
from litestar import Litestar

from gateway.images import counting
from tests.api.house import generate, problem
from tests.api.studio.asking import PATH, Json, made, refused

LIBRARY = "/v0/images/library"


async def listed(client: httpx.AsyncClient, query: str = "") -> Json:
    response = await client.get(LIBRARY + query)
    assert response.status_code == 200, response.text
    told: Json = response.json()["data"]
    return told


async def test_pages_by_number_and_by_cursor(client: httpx.AsyncClient) -> None:
    ids = [image["id"] for _ in range(5) for image in (await made(client, resolution="low"))["data"]][::-1]
    first = await listed(client, "?limit=2")
    assert [image["id"] for image in first["images"]] == ids[:2]
    assert (first["total"], first["page"], first["limit"]) == (5, 1, 2)
    second = await listed(client, "?limit=2&page=2")
    assert ([image["id"] for image in second["images"]], second["page"]) == (ids[2:4], 2)
    new = (await made(client, resolution="low"))["data"][0]["id"]
    by_cursor = await listed(client, f"?limit=2&next={first['next']}")
    assert [image["id"] for image in by_cursor["images"]] == ids[2:4]
    assert not {"total", "page"} & set(by_cursor)
    assert (await listed(client))["images"][0]["id"] == new
    beyond = await listed(client, "?limit=2&page=9")
    assert (beyond["images"], beyond["next"], beyond["total"]) == ([], None, 6)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("?limit=0", "limit"),
        ("?limit=101", "limit"),
        ("?page=0", "page"),
        ("?page=x", "page"),
        ("?limit=100&page=101", "page"),
        ("?next=nonsense", "next"),
        (f"?search={'a' * 1001}", "search"),
    ],
)
async def test_queries_that_cannot_be(client: httpx.AsyncClient, query: str, field: str) -> None:
    refused(await client.get(LIBRARY + query), 422, "invalid_request", field)


async def test_a_count_stops_where_it_is_not_worth_going_on(
    client: httpx.AsyncClient, preset: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "MOST", 1)
    body = {"presetId": preset, "variables": {"product_name": "shoe"}, "resolution": "low", "sampleCount": 3}
    await made(client, **body)
    both = await listed(client, f"?presetId={preset}&search=shoe&limit=2")
    assert (both["total"], both["total_capped"], len(both["images"])) == (1, True, 2)
    whole = await listed(client, f"?presetId={preset}&search=shoe")
    assert (whole["total"], len(whole["images"])) == (3, 3)  # nothing is left to count
    one = await listed(client, f"?presetId={preset}")
    assert one["total"] == 3
    assert "total_capped" not in one


async def test_search(client: httpx.AsyncClient, preset: str, subtests: pytest.Subtests) -> None:
    async def one(**body: object) -> str:
        image_id: str = (await made(client, resolution="low", **body))["data"][0]["id"]
        return image_id

    lake = await one(prompt="a serene mountain lake at sunrise")
    thai = await one(prompt="ภาพถ่ายรองเท้าวิ่ง")
    shoe = await one(prompt="🏔️ آخر", presetId=preset, variables={"product_name": "Nike Air Zoom"})
    for words, found in (
        ("mountain", [lake]),
        ("MOUNT sun", [lake]),
        ("ountain", []),
        ("รองเท้า", [thai]),
        ("nike", [shoe]),
        ("zoom blue", []),
        ("product shots", [shoe]),
        ("آخر", [shoe]),
        ("🏔️", [shoe]),
        ("", [shoe, thai, lake]),
        ("nothing", []),
    ):
        with subtests.test(words):
            response = await client.get(LIBRARY, params={"search": words})
            told = response.json()["data"]
            assert ([image["id"] for image in told["images"]], told["total"]) == (found, len(found))


async def test_by_preset(client: httpx.AsyncClient, other_team: httpx.AsyncClient, preset: str) -> None:
    await made(client, resolution="low")
    with_it = (await made(client, resolution="low", presetId=preset, variables={"product_name": "shoe"}))["data"][0]["id"]
    assert [image["id"] for image in (await listed(client, f"?presetId={preset}"))["images"]] == [with_it]
    await client.delete(f"/v0/presets/{preset}")
    assert [image["id"] for image in (await listed(client, f"?presetId={preset}"))["images"]] == [with_it]
    refused(await client.get(f"{LIBRARY}?presetId=nothing"), 404, "not_found")
    refused(await other_team.get(f"{LIBRARY}?presetId={preset}"), 404, "not_found")


async def test_pictures_of_other_surfaces_are_there_too(client: httpx.AsyncClient) -> None:
    task = await generate(client, "a red circle")
    image_id = task["output"]["images"][0]["artifact_id"]
    (image,) = (await listed(client))["images"]
    assert (image["id"], image["userPrompt"], image["presetId"]) == (image_id, "a red circle", None)
    assert (await client.get(f"{LIBRARY}/{image_id}/download")).headers["content-type"] == "image/png"


async def test_another_teams_picture_is_not_there(client: httpx.AsyncClient, other_team: httpx.AsyncClient) -> None:
    image_id = (await made(client, resolution="low"))["data"][0]["id"]
    assert (await listed(other_team))["images"] == []
    path = f"{LIBRARY}/{image_id}"
    for response in (
        await other_team.get(path),
        await other_team.get(f"{path}/download"),
        await other_team.patch(path, json={"isPublic": True}),
        await client.get(f"{LIBRARY}/nothing"),
        await client.get(f"{LIBRARY}/nothing/download"),
    ):
        refused(response, 404, "not_found")
    assert (await other_team.get("/v0/usage")).json()["data"]["charged"] == 0


async def test_a_download_in_parts(client: httpx.AsyncClient) -> None:
    path = f"{LIBRARY}/{(await made(client, resolution='low'))['data'][0]['id']}/download"
    whole = await client.get(path)
    part = await client.get(path, headers={"Range": "bytes=2-5"})
    assert (part.status_code, part.content) == (206, whole.content[2:6])
    assert (await client.get(path, headers={"If-None-Match": whole.headers["etag"]})).status_code == 304
    refused(await client.get(path, headers={"Range": "bytes=99999999-"}), 416, "range_not_satisfiable")


async def test_the_public_gallery(
    client: httpx.AsyncClient, stranger: httpx.AsyncClient, other_team: httpx.AsyncClient
) -> None:
    assert (await stranger.get("/v0/images/public")).json()["data"] == {"images": [], "limit": 20, "next": None}
    hidden = (await made(client, resolution="low"))["data"][0]["id"]
    ours = (await made(client, resolution="low", isPublic=True))["data"][0]["id"]
    theirs = (await made(other_team, resolution="low", isPublic=True))["data"][0]["id"]
    told = (await stranger.get("/v0/images/public")).json()["data"]
    assert [image["id"] for image in told["images"]] == [theirs, ours]
    assert set(told["images"][0]) == {"id", "url", "thumbnailUrl", "width", "height", "modelVersion", "publishedAt"}
    first = (await stranger.get("/v0/images/public?limit=1")).json()["data"]
    second = (await stranger.get(f"/v0/images/public?limit=1&next={first['next']}")).json()["data"]
    assert [image["id"] for image in second["images"]] == [ours]
    assert second["next"] is None
    for address in ("url", "thumbnailUrl"):
        shown = await stranger.get(told["images"][0][address])
        assert shown.status_code == 200
        assert shown.headers["cache-control"] == "public, max-age=60"

    assert (await client.get(f"{LIBRARY}/{ours}")).json()["data"]["isPublic"] is True
    changed = await client.patch(f"{LIBRARY}/{hidden}", json={"isPublic": True})
    assert (changed.status_code, changed.json()["data"]["isPublic"]) == (200, True)
    await client.patch(f"{LIBRARY}/{ours}", json={"isPublic": False})
    told = (await stranger.get("/v0/images/public")).json()["data"]
    assert [image["id"] for image in told["images"]] == [theirs, hidden]


async def test_what_is_taken_out_of_the_public_gallery_is_gone_from_its_addresses(
    client: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    image_id = (await made(client, resolution="low", isPublic=True))["data"][0]["id"]
    url = (await stranger.get("/v0/images/public")).json()["data"]["images"][0]["url"]
    assert (await stranger.get(url)).status_code == 200
    await client.patch(f"{LIBRARY}/{image_id}", json={"isPublic": False})
    assert (await stranger.get(url)).status_code == 404
    assert (await stranger.get(url.replace("s=public", "s=live"))).status_code == 403


async def test_administrators_unpublish(
    app: Litestar, client: httpx.AsyncClient, other_team: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    image_id = (await made(other_team, resolution="low", isPublic=True))["data"][0]["id"]
    problem(await other_team.delete(f"/admin/public/{image_id}"), 403, "forbidden")
    assert (await client.delete(f"/admin/public/{image_id}")).status_code == 204
    problem(await client.delete(f"/admin/public/{image_id}"), 404, "not_found")
    assert (await stranger.get("/v0/images/public")).json()["data"]["images"] == []
    assert (await other_team.get(f"{LIBRARY}/{image_id}")).json()["data"]["isPublic"] is False
    (act,) = (await client.get("/admin/audit?action=image.unpublish")).json()["data"]
    assert act["target"] == image_id


async def test_without_a_key_nothing_else_opens(stranger: httpx.AsyncClient) -> None:
    for path in (LIBRARY, f"{LIBRARY}/x", f"{LIBRARY}/x/download", "/v0/usage", "/v0/presets", f"{PATH}/x"):
        refused(await stranger.get(path), 401, "not_authenticated")
