"""Pictures from words and from pictures: what is honored, for each request."""

from __future__ import annotations

import asyncio
import base64
import io
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar import Litestar
from PIL import Image

from gateway.api.openwebui.asked import WebuiEdit
from gateway.api.tasks.asked import DataUriPicture
from gateway.wiring import Wiring
from tests.api.holding import bodies_held, held
from tests.api.house import anyone, bearer, finished, member_key
from tests.api.openwebui.asking import EDIT, MAKE, MODELS, file, file_id, made
from tests.api.pictures import GREEN, RED, WHITE, flat
from tests.fakes.fake_engine import read_journal

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
SITE = "http://pictures.example"


def data_url(colour: Any = RED, width: int = 64, height: int = 64) -> str:
    return f"data:image/png;base64,{base64.b64encode(flat(colour, width, height)).decode()}"


def given(journal: Path) -> dict[str, Any]:
    """What the engine saw in its last run."""
    last: dict[str, Any] = [call for call in read_journal(journal) if call["call"] in ("run", "generate")][-1]["given"][0]
    return last


async def test_the_documents_own_example(client: httpx.AsyncClient) -> None:
    body = {"prompt": "A serene mountain landscape at sunset with a lake", "model": "quick", "size": "1024x1024", "n": 1}
    response = await client.post(MAKE, json=body)
    assert response.status_code == 200, response.text
    (answer,) = response.json()
    assert list(answer) == ["url"]
    picture = await client.get(answer["url"])
    assert picture.headers["content-type"] == "image/png"
    with Image.open(io.BytesIO(picture.content)) as image:
        assert image.size == (1024, 1024)


@pytest.mark.parametrize("prefix", ["/api/images", "/api/v1/images"])
async def test_both_addresses(client: httpx.AsyncClient, prefix: str, upload: str) -> None:
    assert (await client.get(f"{prefix}/models")).status_code == 200
    assert (await client.get(f"{prefix}/config")).status_code == 200
    assert (await client.get(f"{prefix}/config/url/verify")).json() is True
    assert len(await made(client, f"{prefix}/generations")) == 1
    assert len(await made(client, f"{prefix}/edit", image=upload)) == 1
    assert (await client.post(f"{prefix}/config/update", json={})).status_code == 200


async def test_every_field_is_honored(client: httpx.AsyncClient) -> None:
    ids = await made(client, model="free", size="128x64", n=2, steps=7, negative_prompt="blur", seed=5)
    told = [(await file(client, each))["meta"]["data"] for each in ids]
    assert [each["seed"] for each in told] == [5, 6]
    expected = {"model": "free", "prompt": "a red circle", "negative_prompt": "blur", "size": "128x64", "n": 2, "steps": 7}
    for data in told:
        assert data | expected == data


@pytest.mark.parametrize(
    "body",
    [{"size": "auto"}, {"size": ""}, {"size": None}, {"model": "auto"}, {"model": ""}, {"model": None},
     {"n": None, "steps": None, "negative_prompt": None, "seed": None, "metadata": None}, {"model": "gpt-image-1"}],
    ids=str,
)  # fmt: skip
async def test_what_is_left_open_is_the_models_own(client: httpx.AsyncClient, body: dict[str, Any]) -> None:
    (made_one,) = await made(client, **body)
    data = (await file(client, made_one))["meta"]["data"]
    assert (data["model"], data["size"]) == ("quick", "128x128")


async def test_models_of_all_engines_are_there_at_once(client: httpx.AsyncClient) -> None:
    listed = (await client.get(MODELS)).json()
    assert {"id": "quick", "name": "Quick"} in listed
    ids = [each["id"] for each in listed]
    assert {"quick", "free", "edit", "afar"} <= set(ids)
    assert not {"grow", "secret", "gone"} & set(ids)
    for model in ("free", "afar"):
        (one,) = await made(client, model=model, size="64x64" if model == "free" else None)
        assert (await file(client, one))["meta"]["data"]["model"] == model


@pytest.mark.parametrize("kind", ["data URL", "URL", "id", "path", "whole path", "our address", "sent path"])
async def test_a_picture_is_named_in_every_way(client: httpx.AsyncClient, upload: str, journal: Path, kind: str) -> None:
    named = {
        "data URL": data_url(),
        "URL": f"{SITE}/red.png",
        "id": upload,
        "path": f"/api/v1/files/{upload}",
        "whole path": f"/api/v1/files/{upload}/content",
        "our address": f"http://darkroom.test/api/v1/files/{upload}/content?attachment=true",
        "sent path": f" /api/v1/files/{upload}/content/red.png ",
    }
    (one,) = await made(client, EDIT, image=named[kind], strength=0.5)
    assert given(journal)["source"] is not None
    data = (await file(client, one))["meta"]["data"]
    assert (data["model"], data["strength"]) == ("edit", 0.5)


async def test_the_first_of_a_list_is_changed_and_the_others_are_looked_at(
    client: httpx.AsyncClient, upload: str, journal: Path
) -> None:
    await made(client, EDIT, image=[upload, data_url(GREEN), f"{SITE}/blue.png"], n=2, negative_prompt="blur")
    seen = given(journal)
    assert seen["source"] is not None
    assert len(seen["references"]) == 2


async def test_an_edit_keeps_the_ratio_or_has_the_size_that_is_asked_for(client: httpx.AsyncClient) -> None:
    sizes = []
    for size in (None, "auto", "", "256x128"):
        (one,) = await made(client, EDIT, image=data_url(width=96, height=48), size=size)
        sizes.append((await file(client, one))["meta"]["data"]["size"])
    assert sizes[3] == "256x128"
    for written in sizes[:3]:
        width, _, height = written.partition("x")
        assert int(width) / int(height) == pytest.approx(2, rel=0.1)


async def test_a_mask_is_painted_anew(client: httpx.AsyncClient, upload: str, journal: Path) -> None:
    await made(client, EDIT, image=upload, mask=data_url(WHITE))
    assert given(journal)["mask"] is not None


async def test_the_result_is_a_variant_in_the_gallery(client: httpx.AsyncClient) -> None:
    (first,) = await made(client)
    (second,) = await made(client, EDIT, image=f"/api/v1/files/{first}/content")
    assert (await client.get(f"/v1/images/{second}")).json()["parent"]["id"] == first
    shown = [each["id"] for each in (await client.get("/v1/images")).json()["data"]]
    assert shown == [second, first]


async def test_the_same_again_is_the_same_pictures(client: httpx.AsyncClient, upload: str) -> None:
    for path, more in ((MAKE, {}), (EDIT, {"image": upload})):
        header = {"Idempotency-Key": f"again {path}"}
        body = {"prompt": "a", **more}
        first, second = [await client.post(path, json=body, headers=header) for _ in range(2)]
        assert first.json() == second.json() != []
        other = await client.post(path, json={**body, "prompt": "b"}, headers=header)
        assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")
        moved = await client.post(path.replace("/api/", "/api/v1/"), json=body, headers=header)
        assert moved.json() == first.json()


async def test_the_same_again_when_the_pictures_are_deleted(client: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "mine"}
    (first,) = (await client.post(MAKE, json={"prompt": "a"}, headers=headers)).json()
    await client.delete(f"/v1/images/{file_id(first)}")
    again = await client.post(MAKE, json={"prompt": "a"}, headers=headers)
    assert (again.status_code, again.json()["code"]) == (404, "pictures_deleted")


async def test_priority_and_price(client: httpx.AsyncClient) -> None:
    response = await client.post(MAKE, json={"prompt": "a"}, headers={"X-Darkroom-Priority": "bulk"})
    assert response.status_code == 200
    (task,) = (await client.get("/v1/tasks")).json()["data"]
    assert task["input"]["priority"] == "bulk"
    assert task["billing"]["charged_credits"] == "0.0000"


@pytest.mark.parametrize("more", ["[tariffs]\nopenwebui = 5\n"])
async def test_it_costs_what_the_tariff_says(app: Litestar, client: httpx.AsyncClient, wiring: Wiring) -> None:
    await client.patch("/admin/settings", json={"credits": {"enabled": True}})
    async with anyone(app, bearer(await member_key(wiring))) as poor:
        told = await poor.post(MAKE, json={"prompt": "a"})
        assert (told.status_code, told.json()["code"]) == (402, "insufficient_credits")


async def test_a_client_that_leaves_does_not_stop_its_job(client: httpx.AsyncClient) -> None:
    waiting = asyncio.create_task(client.post(MAKE, json={"prompt": "a", "model": "stuck"}))
    while not (tasks := (await client.get("/v1/tasks")).json()["data"]) or tasks[0]["status"] != "running":
        await asyncio.sleep(0.01)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await asyncio.sleep(0.1)
    (task,) = (await client.get("/v1/tasks")).json()["data"]
    assert task["status"] == "running"
    await client.post(f"/v1/tasks/{task['task_id']}/cancel")
    await finished(client, task["task_id"])


@pytest.mark.parametrize("several", [False, True])
async def test_pictures_that_were_taken_in_are_not_held_for_those_who_wait(client: httpx.AsyncClient, several: bool) -> None:
    url = f"data:image/png;base64,{base64.b64encode(flat(RED)).decode()}"
    body = {"prompt": "a", "model": "stuck", "image": [url] if several else url, "mask": url}
    waiting = asyncio.create_task(client.post(EDIT, json=body))
    while not (tasks := (await client.get("/v1/tasks")).json()["data"]):
        assert not waiting.done(), waiting.result().text
        await asyncio.sleep(0.01)
    assert not any(any(each.images) or each.mask for each in held(WebuiEdit))
    assert not held(DataUriPicture)
    assert not [each for each in bodies_held() if b"data:image" in each]
    await client.post(f"/v1/tasks/{tasks[0]['task_id']}/cancel")
    await waiting
