"""Importing over HTTP: many files in a form, files that stay where they lie, and their bytes afterwards."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar import Litestar

from gateway.api.gallery.blobs import BlobReader
from gateway.storage import BlobStore
from gateway.storage.inplace import FileChanged, Lying
from gateway.wiring import Wiring
from tests.api.conftest import PLUGINS
from tests.api.house import anyone, bearer, create_app, member_key, problem
from tests.api.pictures import BLUE, GREEN, flat
from tests.fakes.web import Web

Client = httpx.AsyncClient
DAY = "2024-05-01T12:00:00Z"
SHOT = 1_714_564_800 * 10**9


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "theirs").mkdir()
    return tmp_path / "theirs"


@pytest.fixture
def make_app(wiring: Wiring, web: Web, folder: Path) -> Callable[[], Litestar]:
    with wiring.models_path.open("a") as models:
        models.write(f"\n[settings.imports]\nfolders = [{json.dumps(str(folder))}]\n")
    return lambda: create_app(wiring, registry=PLUGINS, internet=web)


def form(*files: tuple[str, bytes], **more: Any) -> dict[str, Any]:
    manifest = {"files": [{"path": path, **more} for path, _ in files]}
    return {"data": {"manifest": json.dumps(manifest)}, "files": [("file", (path, data)) for path, data in files]}


async def test_files_come_with_their_dates_and_tags(client: Client) -> None:
    answer = await client.post(
        "/v1/images/import", **form(("a/b.png", flat()), ("a/c.txt", b"hm"), modified_at=DAY, tags=["a"])
    )
    assert answer.status_code == 200, answer.text
    good, bad = answer.json()["data"]
    assert (good["status"], good["path"], bad["status"], bad["id"]) == ("added", "a/b.png", "refused", None)
    assert "PNG" in bad["reason"]
    image = (await client.get(f"/v1/images/{good['id']}")).json()
    assert (image["source"], image["title"], image["created_at"]) == ("import", "b", DAY)
    assert (await client.get(image["url"])).content == flat()
    assert (await client.get(image["thumbnail_url"])).headers["content-type"] == "image/webp"
    body = {"files": [{"path": "x", "hash": sha256(data).hexdigest()} for data in (flat(), flat(BLUE))]}
    known = (await client.post("/v1/images/import/known", json=body)).json()["data"]
    assert [(each["status"], each["id"]) for each in known] == [("joined", good["id"]), ("wanted", None)]


def told(manifest: str, *parts: str, **texts: str) -> dict[str, Any]:
    """A form with this manifest and a file for each of the parts, called so."""
    return {"data": {"manifest": manifest, **texts}, "files": [(name, ("a", b"a")) for name in parts or ("file",)]}


WRONG: dict[str, tuple[dict[str, Any], int, str]] = {
    "no form": ({"json": {}}, 400, ""),
    "no manifest": ({"files": [("file", ("a", b"a"))]}, 422, "manifest"),
    "a file for a manifest": ({"files": [("file", ("a", b"a")), ("manifest", ("b", b"{}"))]}, 422, "manifest"),
    "another part": (told('{"files": [{"path": "a"}]}', "file", "more"), 422, "more"),
    "no JSON": (told("{"), 422, "manifest"),
    "no file": (told('{"files": [{"path": "a"}]}', "x"), 422, "x"),
    "a text for a file": (told('{"files": [{"path": "a"}]}', "file", file="a"), 422, "file"),
    "fewer than said": (told('{"files": [{"path": "a"}, {"path": "b"}]}'), 422, "manifest"),
    "an unknown field": (told('{"files": [{"path": "a", "name": 1}]}'), 422, "manifest.files[0].name"),
    "a local time": (form(("a", b"a"), modified_at="2024-05-01T12:00:00"), 422, "manifest.files[0].modified_at"),
    "too large": (form(("a", bytes(5000))), 413, ""),
    "NUL": (form(("a\0b", b"a")), 422, "manifest.files[0].path"),
}


@pytest.mark.parametrize("name", WRONG)
async def test_a_wrong_form_changes_nothing(name: str, client: Client) -> None:
    sent, status, field = WRONG[name]
    answer = await client.post("/v1/images/import", **sent)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    if field:
        assert [each["field"] for each in answer.json()["errors"]] == [field]
    assert (await client.get("/v1/images")).json()["data"] == []


async def test_who_may(app: Litestar, wiring: Wiring, stranger: Client, folder: Path) -> None:
    async with anyone(app, bearer(await member_key(wiring, "gallery.read"))) as reader:
        problem(await reader.post("/v1/images/import", **form(("a.png", flat()))), 403, "forbidden")
        problem(await reader.post("/v1/images/import/known", json={"files": []}), 403, "forbidden")
    problem(await stranger.post("/v1/images/import", **form(("a.png", flat()))), 401, "not_authenticated")


async def test_a_member_imports_and_only_an_administrator_in_place(other_team: Client, folder: Path) -> None:
    answer = await other_team.post("/v1/images/import", **form(("a.png", flat())))
    assert answer.json()["data"][0]["status"] == "added"
    problem(await other_team.post("/admin/imports", json={"folder": str(folder)}), 403, "forbidden")


async def test_a_folder_that_is_not_listed_is_told_how(client: Client, folder: Path) -> None:
    told = problem(await client.post("/admin/imports", json={"folder": str(folder.parent)}), 403, "forbidden")
    assert f'"{folder.parent}"' in told["detail"]
    assert "[settings.imports]" in told["detail"]
    problem(await client.patch("/admin/settings", json={"imports": {"folders": ["/"]}}), 422, "invalid_request")
    assert (await client.post("/admin/imports", json={"folder": str(folder)})).json() == {"data": []}


async def test_bytes_of_a_file_in_place(client: Client, folder: Path) -> None:
    file = folder / "a.png"
    file.write_bytes(data := flat())
    os.utime(file, ns=(SHOT, SHOT))
    body = {"folder": str(folder), "files": [{"path": "a.png", "tags": ["x"]}, {"path": "none.png"}]}
    added, refused = (await client.post("/admin/imports", json=body)).json()["data"]
    assert (added["status"], refused["status"]) == ("added", "refused")
    image = (await client.get(f"/v1/images/{added['id']}")).json()
    by_key = f"/v1/images/{added['id']}/content"
    assert image["created_at"] == DAY
    for url in (image["url"], by_key):
        assert (await client.get(url)).content == data
        part = await client.get(url, headers={"Range": "bytes=4-7"})
        assert (part.status_code, part.content) == (206, data[4:8])
    acts = (await client.get("/admin/audit", params={"action": "image.import"})).json()["data"]
    assert [(each["target"], each["details"]) for each in acts] == [(str(folder), {"added": 1})]
    hashed = {"files": [{"path": "a", "hash": sha256(data).hexdigest()}]}
    (wanted,) = (await client.post("/v1/images/import/known", json=hashed)).json()["data"]
    assert wanted["id"] == added["id"]

    other = flat(GREEN)
    file.write_bytes(other + bytes(len(data) - len(other)) if len(other) < len(data) else other[: len(data)])
    assert file.stat().st_size == len(data)
    for url in (image["url"], by_key):
        assert "import" in problem(await client.get(url), 410, "file_changed")["detail"]
    assert (await client.get(image["url"], headers={"If-None-Match": "*"})).status_code == 304  # what they have is right
    file.unlink()
    for url in (image["url"], by_key):
        assert "put it back" in problem(await client.get(url), 404, "not_found")["detail"]
    assert (await client.get(image["thumbnail_url"])).status_code == 200
    file.write_bytes(data)
    os.utime(file, ns=(SHOT, SHOT))
    assert (await client.get(image["url"])).content == data


async def test_large_files_in_place_are_sent_in_parts(client: Client, folder: Path) -> None:
    """And one that changes on the way breaks off instead of sending what it is now."""
    ours = folder / "a.bin"
    ours.write_bytes(data := os.urandom(700_000))
    lying = Lying(str(ours), len(data), ours.stat().st_mtime_ns)

    async def find(_hash: str) -> Lying:
        return lying

    store = BlobStore(f"file://{folder}/blobs", find)
    with await BlobReader(store).open("0" * 64) as blob:
        assert b"".join([chunk async for chunk in blob.chunks(0, blob.size)]) == data
        chunks = blob.chunks(0, blob.size)
        assert await anext(chunks) == data[: 256 << 10]
        os.utime(ours, (1, 1))
        with pytest.raises(FileChanged):
            await anext(chunks)
    with pytest.raises(FileChanged):
        await BlobReader(store).open("0" * 64)
