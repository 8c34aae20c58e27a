"""POST /v1/uploads, and what saving does."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from litestar import Litestar

from gateway.wiring import Wiring
from tests.api.house import anyone, bearer, member_key, problem
from tests.api.pictures import flat

PATH = "/v1/uploads"
PART = b'--x\r\nContent-Disposition: form-data; name="file"'
FORM = {"Content-Type": "multipart/form-data; boundary=x"}


async def upload(client: httpx.AsyncClient, data: bytes | None = None, name: str = "cat.png") -> dict[str, Any]:
    response = await client.post(PATH, files={"file": (name, data or flat())})
    assert response.status_code == 201, response.text
    told: dict[str, Any] = response.json()
    return told


async def test_an_upload_is_an_image_that_no_list_shows_until_it_is_saved(
    client: httpx.AsyncClient, other_team: httpx.AsyncClient
) -> None:
    data = flat(width=80, height=48)
    told = await upload(client, data, "แมว 🐈.png")
    id_ = told.pop("artifact_id")
    assert told == {"media_type": "image/png", "width": 80, "height": 48, "bytes": len(data)}
    image = (await client.get(f"/v1/images/{id_}")).json()
    assert (image["source"], image["saved"], image["title"], image["job_id"]) == ("upload", False, "แมว 🐈.png", None)
    assert (await client.get(image["url"])).content == data
    assert (await client.get("/v1/images")).json()["data"] == []

    problem(await other_team.patch(f"/v1/images/{id_}", json={"saved": True}), 404, "not_found")
    saved = await client.patch(f"/v1/images/{id_}", json={"saved": True})
    assert (saved.status_code, saved.json()["saved"]) == (200, True)
    assert [each["id"] for each in (await client.get("/v1/images")).json()["data"]] == [id_]
    assert (await client.patch(f"/v1/images/{id_}", json={"saved": False})).json()["saved"] is False
    assert (await client.get("/v1/images")).json()["data"] == []


async def test_of_a_path_only_the_name_is_kept(client: httpx.AsyncClient) -> None:
    for name in ("../../home/ann/cat.png", "C:\\Users\\Ann\\cat.png"):
        id_ = (await upload(client, name=name))["artifact_id"]
        assert (await client.get(f"/v1/images/{id_}")).json()["title"] == "cat.png"


@pytest.mark.parametrize(
    ("body", "field"), [({"saved": 1}, "saved"), ({"saved": None}, "saved"), ({"saved": True, "x": 1}, "x")]
)
async def test_wrong_changes_are_named(client: httpx.AsyncClient, body: dict[str, Any], field: str) -> None:
    id_ = (await upload(client))["artifact_id"]
    told = problem(await client.patch(f"/v1/images/{id_}", json=body), 422, "invalid_request")
    assert told["errors"][0]["field"] == field


@pytest.mark.parametrize(
    ("form", "field", "words"),
    [
        ({"files": {"picture": flat()}}, "picture", "there is file"),
        ({"files": {"file": flat()}, "data": {"title": "cat"}}, "title", "there is file"),
        ({"files": [("file", flat()), ("file", flat())]}, "file", "one in each request"),
        ({"files": {"file": (None, "text")}}, "file", "`filename`"),
        ({"content": b"", "headers": FORM}, "file", "missing"),
        ({"content": b"--x--\r\n", "headers": FORM}, "file", "missing"),
    ],
)
async def test_wrong_fields_are_named(client: httpx.AsyncClient, form: dict[str, Any], field: str, words: str) -> None:
    told = problem(await client.post(PATH, **form), 422, "invalid_request")
    assert told["errors"][0]["field"] == field
    assert words in told["detail"]


@pytest.mark.parametrize("data", [b"", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"GIF8", flat()[:60]])
async def test_what_is_no_picture_is_refused(client: httpx.AsyncClient, data: bytes) -> None:
    response = await client.post(PATH, files={"file": ("cat.png", data, "image/png")})
    told = problem(response, 422, "unreadable_picture")
    assert told["errors"][0]["field"] == "file"


@pytest.mark.parametrize(
    ("content", "headers"),
    [
        (b'{"file": "x"}', {"Content-Type": "application/json"}),
        (b"file=x", {"Content-Type": "application/x-www-form-urlencoded"}),
        (b"", {}),
        (b"hello", {"Content-Type": "multipart/form-data"}),
        (b"hello", FORM),
        (PART + b"\r\n\r\nabc", FORM),
        (PART + b"\r\n\r\n\xff\xfe\r\n--x--\r\n", FORM),
        (PART + b"\r\nContent-Type: text/plain; charset=zork\r\n\r\nabc\r\n--x--\r\n", FORM),
    ],
)
async def test_malformed_forms(client: httpx.AsyncClient, content: bytes, headers: dict[str, str]) -> None:
    problem(await client.post(PATH, content=content, headers=headers), 400, "malformed_form")


async def test_a_form_over_the_limit(client: httpx.AsyncClient) -> None:
    problem(await client.post(PATH, files={"file": bytes(5000)}), 413, "body_too_large")


async def test_who_may_upload(app: Litestar, wiring: Wiring, stranger: httpx.AsyncClient) -> None:
    problem(await stranger.post(PATH, files={"file": flat()}), 401, "not_authenticated")
    async with anyone(app, bearer(await member_key(wiring, "gallery.read"))) as client:
        problem(await client.post(PATH, files={"file": flat()}), 403, "forbidden")
        problem(await client.patch("/v1/images/x", json={"saved": True}), 403, "forbidden")
