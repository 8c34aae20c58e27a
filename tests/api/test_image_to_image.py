"""POST /v1/images/image-to-image: pictures of all three kinds, and what reaches the engine of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar import Litestar
from sqlalchemy import delete

from gateway.db import Database, across_teams
from gateway.images.tables import images
from gateway.wiring import Wiring
from tests.api.conftest import PLUGINS
from tests.api.house import create_app, finished, generate, problem
from tests.api.pictures import BLUE, GREEN, RED, WHITE, data_uri, flat
from tests.fakes.fake_engine import read_journal
from tests.fakes.web import Asked, Web, ok

PATH = "/v1/images/image-to-image"
SITE = "http://pictures.example"
MODELS = """
[settings.limits]
max_body_bytes = 16384

[engines.fake]
plugin = "fake"
journal = {journal}

[devices.cpu]
device = "cpu"

[defaults]
image_to_image = "edit"

[[models]]
id = "draw"
engine = "fake"
source = "fake:draw"
can = ["text_to_image"]

[[models]]
id = "one"
engine = "fake"
source = "fake:one"

[[models]]
id = "edit"
engine = "fake"
source = "fake:edit"
max_references = 15
natives = [[128, 128]]
upscaler = "lanczos"
megapixels = {{ standard = 0.015625, hd = 0.0625 }}

[[models]]
id = "look"
engine = "fake"
source = "fake:look"
max_references = 2
takes_source = false
natives = [[128, 128]]
upscaler = "lanczos"

[[models]]
id = "short"
engine = "fake"
source = "fake:short"
delivers = 1

[[models]]
id = "broken"
engine = "fake"
source = "fake:broken"
error = "ModelUnusable"
"""


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    """Has one picture, at http://pictures.example/cat.png."""

    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
        found = {"/cat.png": ok(flat(RED)), "/page.html": ok(b"<html>")}.get(asked.target)
        writer.write(found or b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")

    async with Web() as web:
        await web.serve(answer)
        yield web


@pytest.fixture
def make_app(wiring: Wiring, journal: Path, web: Web) -> Callable[[], Litestar]:
    wiring.models_path.write_text(MODELS.format(journal=json.dumps(str(journal))))
    return lambda: create_app(wiring, registry=PLUGINS, internet=web)


async def submit(client: httpx.AsyncClient, **body: Any) -> dict[str, Any]:
    response = await client.post(PATH, json={"prompt": "make it blue", **body})
    assert response.status_code == 202, response.text
    told: dict[str, Any] = response.json()
    return told


async def edit(client: httpx.AsyncClient, **body: Any) -> dict[str, Any]:
    """Ask, and wait until the task has succeeded."""
    task = await finished(client, (await submit(client, **body))["task_id"])
    assert task["status"] == "succeeded", task
    return task


async def refused(client: httpx.AsyncClient, status: int = 422, code: str = "invalid_request", **body: Any) -> dict[str, Any]:
    told = problem(await client.post(PATH, json={"prompt": "a", **body}), status, code)
    assert (await client.get("/v1/tasks")).json()["data"] == []
    return told


def given(journal: Path) -> dict[str, Any]:
    """What the engine saw in its last run."""
    last: dict[str, Any] = [call for call in read_journal(journal) if call["call"] == "run"][-1]["given"][0]
    return last


async def test_the_envelope_has_all_that_its_document_says(client: httpx.AsyncClient) -> None:
    accepted = await submit(client, model="auto", image=data_uri(), n=2, seed=7)
    task = await finished(client, accepted["task_id"])
    assert set(task) == set(accepted) == {
        "task_id", "status", "capability", "model", "quality", "aspect_ratio", "n", "progress", "input", "billing", "output",
        "error", "created_at", "started_at", "finished_at",
    }  # fmt: skip
    assert (accepted["status"], accepted["output"]) == ("queued", {"images": []})
    assert (task["status"], task["capability"], task["model"]) == ("succeeded", "image_to_image", "edit")
    assert (task["quality"], task["aspect_ratio"], task["n"], task["error"]) == ("standard", "auto", 2, None)
    assert set(task["progress"]) == {"step", "steps", "queue_position", "eta_seconds", "reason"}
    assert accepted["billing"] == task["billing"] == {"charged_credits": "120.0000", "refunded_credits": "0.0000"}
    assert task["created_at"] <= task["started_at"] <= task["finished_at"]
    assert [(image["seed"], image["media_type"]) for image in task["output"]["images"]] == [(7, "image/png"), (8, "image/png")]
    assert set(task["output"]["images"][0]) == {"url", "artifact_id", "width", "height", "media_type", "seed"}
    assert accepted["input"] == task["input"]
    assert task["input"]["strength"] == 0.75
    assert task["input"]["mask"] is None
    [kept] = task["input"]["images"]
    image = (await client.get(f"/v1/images/{kept['artifact_id']}")).json()
    assert (image["source"], image["saved"], image["width"]) == ("upload", False, 64)
    made = (await client.get(f"/v1/images/{task['output']['images'][0]['artifact_id']}")).json()
    assert (made["parent"]["id"], made["source"], made["job_id"]) == (kept["artifact_id"], "edit", task["task_id"])


async def test_pictures_of_all_kinds_reach_the_engine_in_their_order(client: httpx.AsyncClient, journal: Path) -> None:
    uploaded = (await client.post("/v1/uploads", files={"file": ("x.png", flat(GREEN, 80, 40))})).json()
    task = await edit(
        client,
        image={"type": "url", "url": f"{SITE}/cat.png"},
        extra_images=[{"type": "artifact", "artifact_id": uploaded["artifact_id"]}, data_uri(BLUE, 32, 48)],
    )
    assert given(journal)["source"] == [128, 128, *RED]
    assert given(journal)["references"] == [[80, 40, *GREEN], [32, 48, *BLUE]]
    ids = [each["artifact_id"] for each in task["input"]["images"]]
    assert ids[1] == uploaded["artifact_id"]
    # What was taken in can be used again, by any of its ids.
    again = await edit(client, image={"type": "artifact", "artifact_id": ids[2]}, extra_images=[
        {"type": "artifact", "artifact_id": id_} for id_ in ids[:2]
    ])  # fmt: skip
    assert [each["artifact_id"] for each in again["input"]["images"]] == [ids[2], *ids[:2]]
    assert given(journal)["references"] == [[64, 64, *RED], [80, 40, *GREEN]]


async def test_sixteen_pictures_and_no_more(client: httpx.AsyncClient, journal: Path) -> None:
    await edit(client, image=data_uri(), extra_images=[data_uri()] * 15)
    assert len(given(journal)["references"]) == 15
    response = await client.post(PATH, json={"prompt": "a", "image": data_uri(), "extra_images": [data_uri()] * 16})
    assert problem(response, 422, "invalid_request")["errors"][0]["field"] == "extra_images"


async def test_a_result_is_the_next_ones_picture(client: httpx.AsyncClient) -> None:
    first = await generate(client, model="draw", size="96x64")
    id_ = first["output"]["images"][0]["artifact_id"]
    for _ in range(2):
        task = await edit(client, image={"type": "artifact", "artifact_id": id_})
        assert [each["artifact_id"] for each in task["input"]["images"]] == [id_]
        child = task["output"]["images"][0]
        assert (await client.get(f"/v1/images/{child['artifact_id']}")).json()["parent"]["id"] == id_
        id_ = child["artifact_id"]


async def test_a_model_that_only_looks_is_given_references_alone(client: httpx.AsyncClient, journal: Path) -> None:
    task = await edit(client, model="look", image=data_uri(RED), extra_images=[data_uri(BLUE)])
    assert given(journal)["source"] is None
    assert [each[2:] for each in given(journal)["references"]] == [list(RED), list(BLUE)]
    assert task["input"]["strength"] is None
    parent = (await client.get(f"/v1/images/{task['output']['images'][0]['artifact_id']}")).json()["parent"]
    assert parent["id"] == task["input"]["images"][0]["artifact_id"]


async def test_a_mask_makes_it_an_inpainting(client: httpx.AsyncClient, journal: Path) -> None:
    task = await edit(client, model="edit", image=data_uri(RED), mask=data_uri(WHITE), strength=0.5)
    assert (task["capability"], task["input"]["strength"]) == ("inpaint", 0.5)
    assert task["billing"]["charged_credits"] == "60.0000"
    assert task["input"]["mask"]["artifact_id"] != task["input"]["images"][0]["artifact_id"]
    assert given(journal)["mask"] == [128, 128, 255]
    assert given(journal)["strength"] == 0.5


@pytest.mark.parametrize(
    ("body", "width", "height"),
    [
        ({}, 128, 128),
        ({"image": data_uri(RED, 128, 32)}, 256, 64),
        ({"image": data_uri(RED, 32, 128), "quality": "standard"}, 64, 256),
        ({"image": data_uri(RED, 400, 16)}, 360, 48),
        ({"aspect_ratio": "1:1"}, 128, 128),
        ({"aspect_ratio": "1:1", "quality": "hd", "image": data_uri(RED, 128, 32)}, 256, 256),
        ({"size": "200x120"}, 200, 120),
        ({"model": "one", "image": data_uri(RED, 128, 32)}, 1024, 512),
    ],
)
async def test_the_size_that_is_made(client: httpx.AsyncClient, body: dict[str, Any], width: int, height: int) -> None:
    task = await edit(client, **{"image": data_uri(), **body})
    image = task["output"]["images"][0]
    assert (image["width"], image["height"]) == (task["input"]["width"], task["input"]["height"]) == (width, height)


@pytest.mark.parametrize(
    ("body", "quality", "charged"),
    [
        ({}, "standard", "60.0000"),
        ({"quality": "hd", "aspect_ratio": "4:3", "n": 3}, "hd", "960.0000"),
        ({"size": "128x128"}, "standard", "60.0000"),
        ({"size": "256x256"}, "hd", "320.0000"),
    ],
)
async def test_what_it_costs(client: httpx.AsyncClient, body: dict[str, Any], quality: str, charged: str) -> None:
    task = await submit(client, image=data_uri(), **body)
    assert (task["quality"], task["billing"]) == (quality, {"charged_credits": charged, "refunded_credits": "0.0000"})


async def test_a_task_that_fails_is_refunded_in_full(client: httpx.AsyncClient) -> None:
    task = await finished(client, (await submit(client, model="broken", image=data_uri()))["task_id"])
    assert (task["status"], task["error"]["code"]) == ("failed", "model_unusable")
    assert task["billing"] == {"charged_credits": "60.0000", "refunded_credits": "60.0000"}
    again = (await client.post(f"/v1/tasks/{task['task_id']}/retry")).json()
    assert again["input"] == task["input"]
    assert again["billing"] == {"charged_credits": "60.0000", "refunded_credits": "0.0000"}


async def test_a_retry_that_was_answered_is_answered_again(client: httpx.AsyncClient, wiring: Wiring) -> None:
    """Also where it could not be made any more: its picture is gone, and it was retried under another key."""
    failed = await finished(client, (await submit(client, model="broken", image=data_uri()))["task_id"])
    path = f"/v1/tasks/{failed['task_id']}/retry"

    async def retry(key: str) -> httpx.Response:
        return await client.post(path, headers={"Idempotency-Key": key})

    first, other = (await retry("k")).json(), (await retry("another")).json()
    assert first["task_id"] != other["task_id"]
    done = await finished(client, first["task_id"])
    db = Database(wiring.database)
    async with db.write() as connection:
        await connection.execute(across_teams(delete(images)))
    await db.close()
    again = await retry("k")
    assert (again.status_code, again.json()) == (202, done)
    problem(await retry("new"), 409, "wrong_state")


async def test_pictures_that_did_not_come_are_refunded(client: httpx.AsyncClient) -> None:
    task = await edit(client, model="short", image=data_uri(), n=3)
    assert len(task["output"]["images"]) == 1
    assert task["billing"] == {"charged_credits": "180.0000", "refunded_credits": "120.0000"}
    first = await generate(client, model="short", n=2)
    assert first["billing"] == {"charged_credits": "100.0000", "refunded_credits": "50.0000"}


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"image": None}, "image", "type url and url"),
    ({"image": "https://example.org/cat.png"}, "image", "type url and url"),
    ({"image": {"type": "file"}}, "image.type", "data_uri"),
    ({"image": {"type": "data_uri", "data_uri": "cat"}}, "image.data_uri", "data:image/png;base64"),
    ({"image": {"type": "data_uri", "data_uri": "data:image/png;base64,!"}}, "image.data_uri", "base64"),
    ({"image": {"type": "data_uri", "data_uri": "data:text/html;base64,AAAA"}}, "image.data_uri", "PNG"),
    ({"image": {"type": "url", "url": "ftp://example.org/x"}}, "image.url", "http"),
    ({"image": {"type": "url", "url": "http://127.0.0.1/x"}}, "image.url", ""),
    ({"extra_images": [data_uri(), {"type": "url", "url": "http://[::1]/x"}]}, "extra_images[1].url", ""),
    ({"mask": data_uri(WHITE, 64, 32)}, "mask", "The mask is 64x32, the image 64x64"),
    ({"mask": data_uri((0, 0, 0))}, "mask", "must be white"),
    ({"strength": 2}, "strength", "from 0 to 1"),
    ({"quality": "hd"}, "aspect_ratio", "hd needs an aspect_ratio"),
    ({"quality": "hd", "aspect_ratio": "auto"}, "aspect_ratio", "hd needs an aspect_ratio"),
    ({"size": "64x64", "quality": "hd"}, "quality", "leave quality out"),
    ({"model": "draw"}, "model", "cannot do image_to_image"),
    ({"model": "one", "extra_images": [data_uri()]}, "extra_images", "takes no reference picture"),
    ({"model": "look", "extra_images": [data_uri()] * 2}, "extra_images", "at most 2 reference pictures"),
    ({"model": "look", "strength": 0.5}, "strength", "needs a source picture"),
    ({"images": []}, "images", "`extra_images`"),
    ({"webhook": {"url": "nowhere"}}, "webhook.url", ""),
]


async def test_what_cannot_be_is_refused_by_field_and_nothing_is_queued(
    client: httpx.AsyncClient, subtests: pytest.Subtests
) -> None:
    for body, field, words in REFUSED:
        with subtests.test(str(body)[:80]):
            response = await client.post(PATH, json={"prompt": "a", "image": data_uri(), **body})
            assert response.status_code == 422, response.text
            told = response.json()
            assert [error["field"] for error in told["errors"]] == [field]
            assert words in told["detail"]
    assert (await client.get("/v1/tasks")).json()["data"] == []


async def test_no_picture_is_fetched_for_a_model_that_cannot_take_it(client: httpx.AsyncClient, web: Web) -> None:
    body: dict[str, Any] = {"image": {"type": "url", "url": f"{SITE}/cat.png"}, "extra_images": [data_uri()]}
    await refused(client, model="one", **body)
    await refused(client, model="edit", steps=999, **body)
    assert web.connected == []


async def test_what_a_server_does_not_give_is_told_by_its_field(client: httpx.AsyncClient) -> None:
    for path in ("gone.png", "page.html"):
        response = await client.post(
            PATH, json={"prompt": "a", "image": data_uri(), "extra_images": [{"type": "url", "url": f"{SITE}/{path}"}]}
        )
        assert response.status_code == 422
        assert response.json()["errors"][0]["field"] == "extra_images[0].url"


async def test_another_teams_picture_is_not_there(client: httpx.AsyncClient, other_team: httpx.AsyncClient) -> None:
    theirs = (await other_team.post("/v1/uploads", files={"file": ("x.png", flat())})).json()["artifact_id"]
    for id_ in (theirs, "nothing"):
        artifact = {"type": "artifact", "artifact_id": id_}
        for body in ({"image": artifact}, {"extra_images": [artifact]}, {"mask": artifact}):
            await refused(client, 404, "not_found", **{"image": data_uri(), **body})


async def test_the_same_key_leads_to_the_same_task_and_takes_in_nothing_twice(client: httpx.AsyncClient, web: Web) -> None:
    body = {"prompt": "a", "image": {"type": "url", "url": f"{SITE}/cat.png"}}
    first, second = [(await client.post(PATH, json=body, headers={"Idempotency-Key": "k1"})).json() for _ in range(2)]
    assert first["task_id"] == second["task_id"]
    assert first["input"] == second["input"]
    assert len(web.asked) == 1
    other = await client.post(PATH, json={**body, "prompt": "b"}, headers={"Idempotency-Key": "k1"})
    assert other.status_code == 409, other.text
