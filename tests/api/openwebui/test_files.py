"""Files: brought, shown, read and deleted; by whom."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from litestar import Litestar

from gateway.wiring import Wiring
from tests.api.house import anyone, bearer
from tests.api.openwebui.asking import EDIT, FILES, file, made, refused
from tests.api.pictures import RED, flat

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
NOBODYS = "01900000-0000-7000-8000-000000000000"


async def test_what_is_brought_is_a_file(client: httpx.AsyncClient) -> None:
    said = {"chat_id": "chat-1", "odd": [1]}
    sent: Any = {"file": ("holiday photo.png", flat(RED), "image/png"), "metadata": (None, json.dumps(said))}
    response = await client.post(f"{FILES}/?process=false", files=sent)
    assert response.status_code == 200, response.text
    told = response.json()
    assert told.pop("status") is True
    assert told == await file(client, told["id"])
    assert (told["filename"], told["data"], told["path"], told["access_control"]) == ("holiday photo.png", {}, None, None)
    assert told["meta"] == {
        "name": "holiday photo.png",
        "content_type": "image/png",
        "size": len(flat(RED)),
        "width": 64,
        "height": 64,
        "data": said,
    }
    assert len(told["hash"]) == 64
    assert abs(told["created_at"] - datetime.now(UTC).timestamp()) < 60
    assert told["user_id"] == (await client.get("/v1/me")).json()["user"]["id"]
    content = await client.get(f"{FILES}/{told['id']}/content")
    assert content.content == flat(RED)
    assert (await client.get("/v1/images")).json()["data"] == [], "hidden from the gallery until it is saved"


async def test_what_was_made_tells_what_it_was_made_from(client: httpx.AsyncClient) -> None:
    (one,) = await made(client, negative_prompt="blur", seed=7)
    told = await file(client, one)
    assert told["filename"] == "generated-image.png"
    asked = {"prompt": "a red circle", "negative_prompt": "blur", "model": "quick", "seed": 7, "size": "128x128", "n": 1}
    assert told["meta"]["data"] | asked == told["meta"]["data"]
    assert told["meta"]["data"]["job_id"] == (await client.get("/v1/tasks")).json()["data"][0]["task_id"]


@pytest.mark.parametrize(
    ("parts", "field", "words"),
    [
        ({"file": ("a.txt", b"words")}, "file", "PNG"),
        ({"file": ("a.pdf", b"%PDF-1.4")}, "file", "PNG"),
        ({"file": ("a.png", flat()[:60])}, "file", "broken"),
        ({"file": (None, "text")}, "file", "filename"),
        ({"picture": ("a.png", flat())}, "picture", "file and metadata"),
        ({"file": ("a.png", flat()), "metadata": (None, "{")}, "metadata", "JSON object"),
        ({"file": ("a.png", flat()), "metadata": (None, "[1]")}, "metadata", "JSON object"),
        ({"file": ("a.png", flat()), "metadata": ("m.json", b"{}")}, "metadata", "JSON object"),
        ({"file": ("a.png", flat()), "metadata": (None, '"%s"' % ("x" * 20_000))}, "metadata", "JSON object"),
    ],
)
async def test_what_is_no_file(client: httpx.AsyncClient, parts: dict[str, Any], field: str, words: str) -> None:
    response = await client.post(f"{FILES}/", files=parts)
    told = response.json()
    assert response.status_code == 400, response.text
    assert [each["field"] for each in told["errors"]] == [field]
    assert words in told["detail"]


async def test_a_form_that_is_none(client: httpx.AsyncClient) -> None:
    refused(await client.post(f"{FILES}/", json={"file": "a"}), 400, "malformed_form")
    big = {"file": ("a.png", b"x" * 70_000)}
    refused(await client.post(f"{FILES}/", files=big), 413, "body_too_large")
    two = [("file", ("a.png", flat())), ("file", ("b.png", flat()))]
    refused(await client.post(f"{FILES}/", files=two), 400, "invalid_request", "file")


async def test_bytes_in_part_once_and_for_saving(client: httpx.AsyncClient, upload: str) -> None:
    path = f"{FILES}/{upload}/content"
    whole = await client.get(path)
    assert whole.headers["content-type"] == "image/png"
    assert whole.headers["content-disposition"].startswith("inline")
    assert (await client.get(f"{path}?attachment=true")).headers["content-disposition"].startswith("attachment")
    part = await client.get(path, headers={"Range": "bytes=0-7"})
    assert (part.status_code, part.content) == (206, flat(RED)[:8])
    assert (await client.get(path, headers={"If-None-Match": whole.headers["etag"]})).status_code == 304
    refused(await client.get(path, headers={"Range": "bytes=9999999-"}), 416, "range_not_satisfiable")


async def test_a_deleted_file_is_gone_until_the_gallery_gives_it_back(client: httpx.AsyncClient) -> None:
    (one,) = await made(client)
    assert (await client.delete(f"{FILES}/{one}")).json() == {"message": "File deleted successfully"}
    for path in (f"{FILES}/{one}", f"{FILES}/{one}/content"):
        refused(await client.get(path), 404, "not_found")
    refused(await client.delete(f"{FILES}/{one}"), 404, "not_found")
    told = refused(await client.post(EDIT, json={"prompt": "a", "image": one}), 400, "wrong_state", "image")
    assert "trash" in told["detail"]
    assert (await client.get(f"{FILES}/")).json() == {"items": [], "total": 0}
    await client.post(f"/v1/images/{one}/restore")
    assert (await client.get(f"{FILES}/{one}")).status_code == 200


async def test_lists_come_in_pages_newest_first(client: httpx.AsyncClient, upload: str) -> None:
    ids = [each for _ in range(3) for each in await made(client)]
    told = (await client.get(f"{FILES}/?content=false")).json()
    assert ([each["id"] for each in told["items"]], told["total"]) == (ids[::-1], 3)
    assert (await client.get(f"{FILES}/?page=2")).json() == {"items": [], "total": 3}
    refused(await client.get(f"{FILES}/?page=0"), 400, "invalid_request", "page")
    refused(await client.get(f"{FILES}/?message_id=m"), 400, "invalid_request", "message_id")


class TestOthers:
    @pytest.fixture
    async def mate(self, app: Litestar, client: httpx.AsyncClient, wiring: Wiring) -> AsyncIterator[httpx.AsyncClient]:
        """A member of the administrator's team."""
        user = (await client.post("/admin/users", json={"name": "mate", "email": "mate@example.org"})).json()["id"]
        await client.post("/v1/team/members", json={"user_id": user, "role": "member"})
        body = {"name": "mate", "user_id": user, "permissions": ["features.image_generation", "gallery.write"]}
        key = (await client.post("/v1/team/keys", json=body)).json()["key"]
        async with anyone(app, bearer(key)) as mate:
            yield mate

    async def test_who_makes_a_file_reads_it_without_a_further_permission(
        self, client: httpx.AsyncClient, mate: httpx.AsyncClient
    ) -> None:
        (theirs,) = await made(mate)
        (ours,) = await made(client)
        for more in ("", "/content"):
            assert (await mate.get(f"{FILES}/{theirs}{more}")).status_code == 200
            refused(await mate.get(f"{FILES}/{ours}{more}"), 403, "forbidden")
        refused(await mate.get(f"{FILES}/"), 403, "forbidden")

    async def test_who_made_it_deletes_it_and_so_does_an_owner(
        self, client: httpx.AsyncClient, mate: httpx.AsyncClient
    ) -> None:
        (ours,) = await made(client)
        theirs, other = [(await made(mate))[0] for _ in range(2)]
        refused(await mate.delete(f"{FILES}/{ours}"), 403, "forbidden")
        assert (await mate.delete(f"{FILES}/{theirs}")).status_code == 200
        assert (await client.delete(f"{FILES}/{other}")).status_code == 200

    async def test_another_teams_file_is_not_there(
        self, client: httpx.AsyncClient, other_team: httpx.AsyncClient, upload: str
    ) -> None:
        for image_id in (upload, NOBODYS, "nothing"):
            for asked in ("get", "delete"):
                refused(await getattr(other_team, asked)(f"{FILES}/{image_id}"), 404, "not_found")
            refused(await other_team.get(f"{FILES}/{image_id}/content"), 404, "not_found")
            for named in (image_id, f"{FILES}/{image_id}/content", f"http://darkroom.test{FILES}/{image_id}/content"):
                refused(await other_team.post(EDIT, json={"prompt": "a", "image": [named]}), 404, "not_found", "image[0]")
                body = {"prompt": "a", "image": "http://pictures.example/red.png", "mask": named}
                refused(await other_team.post(EDIT, json=body), 404, "not_found", "mask")
