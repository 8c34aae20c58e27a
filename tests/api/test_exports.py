"""Exports over HTTP: asked for, followed, fetched in part, and whose they are."""

from __future__ import annotations

import asyncio
import io
import zipfile
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from litestar import Litestar

from gateway.api.links import Links
from gateway.db import new_id, now
from gateway.storage import Signer
from gateway.storage.signing import SECOND
from tests.api.house import URL, anyone, bearer, finished, generate, problem
from tests.api.isolation import NOBODYS

Json = dict[str, Any]
PATH = "/v1/images/bulk/export"


@pytest.fixture
async def ids(client: httpx.AsyncClient) -> list[str]:
    return [each["artifact_id"] for each in (await generate(client, n=2))["output"]["images"]]


async def exported(client: httpx.AsyncClient, ids: list[str]) -> Json:
    answer = await client.post(PATH, json={"ids": ids})
    assert answer.status_code == 202, answer.text
    job_id = answer.json()["job_id"]
    async with asyncio.timeout(20):
        while (told := (await client.get(f"/v1/images/exports/{job_id}")).json())["status"] in ("queued", "running"):
            assert told["download_url"] is None
            await asyncio.sleep(0.01)
    return dict(told)


async def test_asked_for_followed_and_fetched(
    client: httpx.AsyncClient, stranger: httpx.AsyncClient, other_team: httpx.AsyncClient, ids: list[str]
) -> None:
    export = await exported(client, ids)
    assert (export["status"], export["done"], export["total"], export["error"]) == ("succeeded", 2, 2, None)
    assert export["expires_at"].endswith("Z")
    whole = await stranger.get(export["download_url"])
    assert (whole.status_code, whole.headers["content-type"], len(whole.content)) == (200, "application/zip", export["bytes"])
    name = f"darkroom-{export['created_at'][:10]}-{export['job_id'][:8]}.zip"
    assert whole.headers["content-disposition"] == f'attachment; filename="{name}"'
    with zipfile.ZipFile(io.BytesIO(whole.content)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert [name.removesuffix(" (2).png").removesuffix(".png") for name in names] == [
            *(f"a-red-circle-{each[:13]}" for each in ids),
            "manifest.json",
        ]
        assert len(set(names)) == len(names)
    part = await stranger.get(export["download_url"], headers={"Range": "bytes=-22"})
    assert (part.status_code, part.content[:4]) == (206, b"PK\x05\x06")
    assert part.headers["content-range"] == f"bytes {export['bytes'] - 22}-{export['bytes'] - 1}/{export['bytes']}"
    seen = {"If-None-Match": whole.headers["etag"]}
    assert (await stranger.get(export["download_url"], headers=seen)).status_code == 304
    problem(await other_team.get(f"/v1/images/exports/{export['job_id']}"), 404, "not_found")


@pytest.mark.parametrize(
    ("left", "least", "most"), [(-5, 60, 120), (30, 60, 120), (3600, 3600, 3660), (400_000, 80_000, 86_400)]
)
def test_an_address_of_an_archive_ends_with_it(left: int, least: int, most: int) -> None:
    """But after a day, and opens for a minute at least."""
    moment = now()
    url = Links(Signer(b"k" * 32, URL), cast("Any", None)).export(new_id(), moment + left * SECOND)
    (end,) = parse_qs(urlsplit(url).query)["e"]
    assert least <= int(end) - moment // SECOND <= most


async def test_it_is_a_task_like_others(client: httpx.AsyncClient, ids: list[str]) -> None:
    job_id = (await client.post(PATH, json={"ids": ids})).json()["job_id"]
    task = await finished(client, job_id)
    assert (task["status"], task["capability"], task["n"], task["output"]["images"]) == ("succeeded", "export", 2, [])
    assert task["billing"] == {"charged_credits": "0.0000", "refunded_credits": "0.0000"}
    listed = (await client.get("/v1/tasks", params={"capability": "export"})).json()["data"]
    assert [each["task_id"] for each in listed] == [job_id]
    assert (await client.post(f"/v1/tasks/{job_id}/cancel")).json()["status"] == "succeeded"
    problem(await client.post(f"/v1/tasks/{job_id}/retry"), 409, "wrong_state")


async def test_an_address_opens_nothing_else(client: httpx.AsyncClient, stranger: httpx.AsyncClient, ids: list[str]) -> None:
    first, second = await exported(client, ids[:1]), await exported(client, ids)
    elsewhere = first["download_url"].replace(first["job_id"], second["job_id"])
    picture = (await client.get(f"/v1/images/{ids[0]}")).json()["url"].partition("?")
    as_picture = f"{picture[0]}?{first['download_url'].partition('?')[2]}"
    as_archive = f"{first['download_url'].partition('?')[0]}?{picture[2]}"
    for url in (elsewhere, as_picture, as_archive, first["download_url"][:-2], first["download_url"].partition("?")[0]):
        problem(await stranger.get(url), 403, "bad_signature")


async def test_ids_that_are_not_there(client: httpx.AsyncClient, other_team: httpx.AsyncClient, ids: list[str]) -> None:
    theirs = (await generate(other_team))["output"]["images"][0]["artifact_id"]
    answer = (await client.post(PATH, json={"ids": [theirs, ids[0], ids[0], NOBODYS]})).json()
    assert answer["not_found"] == [theirs, NOBODYS]
    assert (await finished(client, answer["job_id"]))["n"] == 1
    problem(await client.post(PATH, json={"ids": [theirs, NOBODYS]}), 404, "not_found")
    problem(await client.get(f"/v1/images/exports/{(await generate(client))['task_id']}"), 404, "not_found")


async def test_bad_calls(client: httpx.AsyncClient, ids: list[str]) -> None:
    for body, field in (({"ids": []}, "ids"), ({"ids": ids, "format": "tar"}, "format"), ({}, "ids")):
        told = problem(await client.post(PATH, json=body), 422, "invalid_request")
        assert told["errors"][0]["field"] == field
        assert field != "ids" or "a list of 1 to 500 ids" in told["detail"]
    short = [f"{number:x}" for number in range(501)]
    told = problem(await client.post(PATH, json={"ids": short}), 422, "invalid_request")
    assert told["errors"] == [{"field": "ids", "message": "At most 500 pictures at once; these are 501."}]


async def test_sent_twice_it_is_one(client: httpx.AsyncClient, ids: list[str]) -> None:
    named = {"Idempotency-Key": "once"}
    first, again = [(await client.post(PATH, json={"ids": ids}, headers=named)).json()["job_id"] for _ in range(2)]
    assert first == again
    problem(await client.post(PATH, json={"ids": ids[:1]}, headers=named), 409, "idempotency_conflict")
    await finished(client, first)


async def test_deleted_it_is_gone_at_once(
    client: httpx.AsyncClient, stranger: httpx.AsyncClient, other_team: httpx.AsyncClient, ids: list[str]
) -> None:
    export = await exported(client, ids)
    path = f"/v1/images/exports/{export['job_id']}"
    assert (await client.post(PATH, json={"ids": ids})).json() == {
        "job_id": export["job_id"], "status": "succeeded", "not_found": [],
    }  # fmt: skip
    problem(await other_team.delete(path), 404, "not_found")
    assert (await stranger.get(export["download_url"])).status_code == 200
    assert [(await client.delete(path)).status_code for _ in range(2)] == [204, 204]
    assert (await stranger.get(export["download_url"])).status_code == 404
    assert (await client.get(path)).json()["download_url"] is None
    assert (await exported(client, ids))["job_id"] != export["job_id"]


async def test_who_only_reads_deletes_no_others_archive(app: Litestar, client: httpx.AsyncClient, ids: list[str]) -> None:
    theirs = f"/v1/images/exports/{(await exported(client, ids))['job_id']}"
    user = await client.post("/admin/users", json={"name": "Ann", "email": "ann@example.org"})
    await client.post("/v1/team/members", json={"email": "ann@example.org", "role": "viewer"})
    key = {"name": "looks", "user_id": user.json()["id"], "permissions": ["gallery.read"]}
    key_text = (await client.post("/v1/team/keys", json=key)).json()["key"]
    async with anyone(app, bearer(key_text)) as reader:
        problem(await reader.delete(theirs), 403, "forbidden")
        own = f"/v1/images/exports/{(await exported(reader, ids[:1]))['job_id']}"
        assert (await reader.delete(own)).status_code == 204
    assert (await client.get(theirs)).json()["download_url"]
