"""What is accepted and what is refused; pictures that are handed in; the same again."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar import Litestar
from PIL import Image

from gateway.wiring import Wiring
from tests.api.house import anyone, bearer, finished, member_key
from tests.api.pictures import BLUE, GREEN, RED, flat
from tests.api.studio.asking import PATH, made, refused
from tests.fakes.fake_engine import read_journal

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
SITE = "http://pictures.example"


def base64_picture(colour: Any = RED) -> dict[str, str]:
    return {"mimeType": "image/png", "data": base64.b64encode(flat(colour)).decode()}


def given(journal: Path) -> dict[str, Any]:
    """What the engine saw in its last run."""
    last: dict[str, Any] = [call for call in read_journal(journal) if call["call"] == "run"][-1]["given"][0]
    return last


REFUSED: list[tuple[dict[str, Any], int, str, str, str]] = [
    ({}, 422, "invalid_request", "prompt", "presetId"),
    ({"prompt": "  "}, 422, "invalid_request", "prompt", "missing"),
    ({"prompt": 7}, 422, "invalid_request", "prompt", "text"),
    ({"prompt": "a", "aspectRatio": "5:3"}, 422, "invalid_request", "aspectRatio", "19.5:9"),
    ({"prompt": "a", "resolution": "8k"}, 422, "invalid_request", "resolution", "standard"),
    ({"prompt": "a", "sampleCount": 0}, 422, "invalid_request", "sampleCount", "1 to 10"),
    ({"prompt": "a", "sampleCount": 11}, 422, "invalid_request", "sampleCount", "1 to 10"),
    ({"prompt": "a", "sampleCount": "2"}, 422, "invalid_request", "sampleCount", "whole number"),
    ({"prompt": "a", "sampleCount": 5, "modelVersion": "free"}, 422, "invalid_request", "sampleCount", "1 to 4"),
    ({"prompt": "a", "modelVersion": "quik"}, 422, "unknown_model", "modelVersion", '"quick"'),
    ({"prompt": "a", "modelVersion": "gone"}, 422, "model_retired", "modelVersion", '"quick"'),
    ({"prompt": "a", "isPublic": "yes"}, 422, "invalid_request", "isPublic", "true or false"),
    ({"prompt": "a", "promt": "b"}, 422, "invalid_request", "promt", 'did you mean "prompt"'),
    ({"prompt": "a", "variables": {"x": 1}}, 422, "invalid_request", "variables", "presetId"),
    ({"prompt": "a", "variables": []}, 422, "invalid_request", "variables", "object"),
    ({"prompt": "a", "presetId": "nothing"}, 404, "not_found", "", "no preset"),
    ({"prompt": "a", "refImageUrls": ["ftp://x/y"]}, 422, "unfetchable_url", "refImageUrls[0]", "http"),
    ({"prompt": "a", "refImageUrls": [f"{SITE}/page.html"]}, 422, "unreadable_picture", "refImageUrls[0]", "PNG"),
    ({"prompt": "a", "refImageUrls": ["http://127.0.0.1/x"]}, 422, "address_refused", "refImageUrls[0]", "public"),
    ({"prompt": "a", "refImageUrls": [f"{SITE}/red.png"] * 6}, 422, "invalid_request", "refImageUrls", "at most 5"),
    ({"prompt": "a", "refImageBase64": [{"data": "&&&"}]}, 422, "invalid_request", "refImageBase64[0]", "base64"),
    (
        {"prompt": "a", "refImageBase64": [{"mimeType": "text/html", "data": "aaaa"}]},
        422,
        "invalid_request",
        "refImageBase64[0]",
        "picture",
    ),
    ({"prompt": "a", "refImageBase64": [{}]}, 422, "invalid_request", "refImageBase64[0].data", "missing"),
    ({"prompt": "a", "modelVersion": "free", "refImageUrls": [f"{SITE}/red.png"]}, 422, "invalid_request", "modelVersion", ""),
    ({"prompt": "a", "webhook": {"url": "nonsense"}}, 422, "unfetchable_url", "webhook.url", "http"),
]


async def test_what_cannot_be_is_refused_by_field(client: httpx.AsyncClient, subtests: pytest.Subtests) -> None:
    for body, status, code, field, words in REFUSED:
        with subtests.test(str(body)[:80]):
            response = await client.post(PATH, json=body)
            assert response.status_code == status, response.text
            told = response.json()
            assert told["code"] == code, told
            if field:
                assert [each["field"].replace("[...]", "[0]") for each in told["errors"]] == [field], told
            assert words in told["error"]
    assert (await client.get("/v1/tasks")).json()["data"] == []


async def test_more_references_than_the_model_takes_are_refused_before_any_is_fetched(
    client: httpx.AsyncClient, web: Any
) -> None:
    body = {"prompt": "a", "modelVersion": "look", "refImageUrls": [f"{SITE}/red.png"] * 3}
    told = refused(await client.post(PATH, json=body), 422, "invalid_request", "refImageUrls")
    assert "at most 2" in told["error"]
    assert web.asked == []


@pytest.mark.parametrize("query", ["?response_format=gif", "?async=maybe", "?include_base64=2"])
async def test_a_query_that_cannot_be(client: httpx.AsyncClient, query: str) -> None:
    refused(await client.post(PATH + query, json={"prompt": "a"}), 422, "invalid_request", query[1:].partition("=")[0])


@pytest.mark.parametrize(
    ("body", "kind", "status", "code"),
    [
        (b"", "application/json", 400, "malformed_json"),
        (b"{", "application/json", 400, "malformed_json"),
        (b'{"prompt": "\xff"}', "application/json", 400, "malformed_json"),
        (b"prompt=a", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
        (b"a", "text/plain", 415, "unsupported_media_type"),
        (b"", "multipart/form-data", 400, "malformed_form"),
        (b"nothing", "multipart/form-data; boundary=x", 400, "malformed_form"),
        (b"a" * 70_000, "application/json", 413, "body_too_large"),
    ],
)
async def test_a_body_that_cannot_be_read(client: httpx.AsyncClient, body: bytes, kind: str, status: int, code: str) -> None:
    refused(await client.post(PATH, content=body, headers={"Content-Type": kind}), status, code)


async def test_without_a_key_or_a_permission(app: Litestar, stranger: httpx.AsyncClient, wiring: Wiring) -> None:
    refused(await stranger.post(PATH, json={"prompt": "a"}), 401, "not_authenticated")
    async with anyone(app, bearer(await member_key(wiring, "gallery.read", team="one"))) as reader:
        refused(await reader.post(PATH, content=b"{"), 403, "forbidden")
    async with anyone(app, bearer(await member_key(wiring, "features.image_generation", team="two"))) as maker:
        assert (await maker.post(PATH, json={"prompt": "a"})).status_code == 200
        refused(await maker.post(PATH, json={"prompt": "a", "isPublic": True}), 403, "forbidden")
        refused(await maker.get("/v0/images/library"), 403, "forbidden")


async def test_base64_is_the_pictures_own_bytes(client: httpx.AsyncClient) -> None:
    (image,) = (await made(client, "?response_format=both", resolution="low"))["data"]
    data = base64.b64decode(image["b64_json"])
    assert data == (await client.get(image["url"])).content
    with Image.open(io.BytesIO(data)) as picture:
        assert (picture.format, picture.width, picture.height) == ("WEBP", image["width"], image["height"])


async def test_the_first_picture_is_changed_and_the_others_are_looked_at(client: httpx.AsyncClient, journal: Path) -> None:
    told = await made(
        client,
        resolution="low",
        refImageBase64=[base64_picture(RED), base64_picture(GREEN)],
        refImageUrls=[f"{SITE}/blue.png"],
    )
    assert told["model"] == "edit"
    seen = given(journal)
    assert seen["source"][2:] == list(RED)
    assert [each[2:] for each in seen["references"]] == [list(GREEN), list(BLUE)]
    shown = (await client.get(f"/v0/images/library/{told['data'][0]['id']}")).json()["data"]
    assert shown["sourceType"] == "edit"
    assert (await client.get("/v0/images/library")).json()["data"]["total"] == 1  # what was handed in is not listed


async def test_a_model_that_only_looks_at_pictures_gets_all_as_references(client: httpx.AsyncClient, journal: Path) -> None:
    await made(client, modelVersion="look", resolution="low", refImageBase64=[base64_picture(RED), base64_picture(BLUE)])
    seen = given(journal)
    assert seen["source"] is None
    assert [each[2:] for each in seen["references"]] == [list(RED), list(BLUE)]


async def test_the_ratio_is_the_first_pictures_where_none_is_said(client: httpx.AsyncClient) -> None:
    wide = {"data": base64.b64encode(flat(RED, 96, 32)).decode()}
    (image,) = (await made(client, resolution="low", refImageBase64=[wide]))["data"]
    assert image["width"] / image["height"] == pytest.approx(3, rel=0.02)


async def test_a_form_may_bring_every_field(client: httpx.AsyncClient) -> None:
    fields = {
        "prompt": "a shoe",
        "negativePrompt": "blur",
        "presetId": "",
        "variables": "{}",
        "aspectRatio": "16:9",
        "resolution": "low",
        "sampleCount": "2",
        "modelVersion": "",
        "isPublic": "true",
        "seed": "7",
        "refImageUrls": json.dumps([f"{SITE}/red.png"]),
        "refImageBase64": json.dumps([base64_picture(BLUE)]),
    }
    response = await client.post(PATH, files=[(name, (None, value)) for name, value in fields.items()])
    assert response.status_code == 200, response.text
    told = response.json()["data"]
    assert (told["model"], len(told["data"])) == ("edit", 2)
    shown = (await client.get(f"/v0/images/library/{told['data'][0]['id']}")).json()["data"]
    assert (shown["isPublic"], shown["prompt"]) == (True, "a shoe")


@pytest.mark.parametrize(
    ("parts", "field", "words"),
    [
        ([("prompt", (None, "a")), ("prompt", (None, "b"))], "prompt", "2 times"),
        ([("prompt", (None, "a")), ("variables", (None, "{"))], "variables", "JSON"),
        ([("prompt", (None, "a")), ("sampleCount", (None, "many"))], "sampleCount", "whole number"),
        ([("prompt", (None, "a")), ("colour", (None, "red"))], "colour", "not known"),
        ([("prompt", (None, "a")), ("photo", ("a.png", b"x", "image/png"))], "photo", "Nothing asks"),
        ([("prompt", ("a.txt", b"a red circle", "text/plain"))], "prompt", "Nothing asks"),
    ],
)
async def test_parts_of_a_form_that_cannot_be(client: httpx.AsyncClient, parts: Any, field: str, words: str) -> None:
    told = refused(await client.post(PATH, files=parts), 422, "invalid_request", field)
    assert words in told["error"]


async def test_text_of_a_form_that_is_no_text(client: httpx.AsyncClient) -> None:
    refused(await client.post(PATH, files=[("prompt", (None, b"\xff\xfe"))]), 400, "malformed_form")


async def test_the_same_again_is_the_same_job(client: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "one"}
    first = (await client.post(PATH, json={"prompt": "a"}, headers=headers)).json()["data"]
    again = (await client.post(PATH, json={"prompt": "a"}, headers=headers)).json()["data"]
    assert again == first
    polled = (await client.post(f"{PATH}?async=1", json={"prompt": "a"}, headers=headers)).json()["data"]
    assert (polled["id"], polled["status"]) == (first["id"], "completed")
    refused(await client.post(PATH, json={"prompt": "b"}, headers=headers), 409, "idempotency_conflict")
    as_form = await client.post(PATH, files=[("prompt", (None, "a"))], headers=headers)
    assert as_form.json()["data"]["id"] == first["id"]
    assert len((await client.get("/v1/tasks")).json()["data"]) == 1


async def test_a_job_of_another_surface_can_be_polled_here(client: httpx.AsyncClient) -> None:
    task = (await client.post("/v1/images/generations", json={"prompt": "a"})).json()
    await finished(client, task["task_id"])
    told = (await client.get(f"{PATH}/{task['task_id']}")).json()["data"]
    assert (told["status"], told["usage"]) == ("completed", {"credits": 50})


async def test_what_there_is_not(client: httpx.AsyncClient, other_team: httpx.AsyncClient) -> None:
    told = await made(client)
    refused(await client.get(f"{PATH}/nothing"), 404, "not_found")
    refused(await other_team.get(f"{PATH}/{told['id']}"), 404, "not_found")


async def test_what_is_no_route_is_told_in_this_surfaces_words(client: httpx.AsyncClient) -> None:
    refused(await client.get("/v0/nothing"), 404, "not_found")
    refused(await client.delete(PATH), 405, "method_not_allowed")
