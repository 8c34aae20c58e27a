"""To use a picture again: inspect, recipe and family."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from litestar import Litestar
from sqlalchemy import update

from engines.lanczos import LanczosEngine
from gateway.db import Database, across_teams, new_id
from gateway.images.tables import images
from gateway.registry import Registry
from gateway.wiring import Wiring
from tests.api.house import create_app, finished, generate, problem
from tests.api.pictures import flat
from tests.fakes.fake_engine import FakeEngine, FakeRemoteEngine
from tests.fakes.web import Web
from tests.images.reading.files import jpeg, png, user_comment
from tests.images.reading.test_comfyui import BASIC

Client = httpx.AsyncClient
MORE = """
[[models]]
id = "sdxl"
title = "Stable Diffusion XL"
engine = "fake"
source = "fake:sd_xl_base_1.0"

[[models]]
id = "cloud"
engine = "fake"
source = "fake:cloud"
repeatable = false

[[models]]
id = "theirs"
engine = "fake"
source = "fake:theirs"
teams = ["nobody"]

[engines.lanczos]
plugin = "lanczos"

[[models]]
id = "lanczos"
engine = "lanczos"
source = "builtin:lanczos"
"""
PLUGINS = Registry({"fake": FakeEngine, "fake-remote": FakeRemoteEngine, "lanczos": LanczosEngine})
A1111 = (
    "a red fox <lora:detail:0.7>\nNegative prompt: blurry\nSteps: 30, Sampler: Euler a, CFG scale: 7, Seed: 5, Size: 512x640, \
Model hash: 31e35c80fc, Model: sd_xl_base_1.0, Version: v1.10.1"
)


@pytest.fixture
def make_app(wiring: Wiring, web: Web) -> Callable[[], Litestar]:
    with wiring.models_path.open("a") as models:
        models.write(MORE)
    return lambda: create_app(wiring, registry=PLUGINS, internet=web)


async def inspected(client: Client, data: bytes, name: str = "a.png") -> dict[str, Any]:
    response = await client.post("/v1/images/inspect", files={"file": (name, data)})
    assert response.status_code == 200, response.text
    told: dict[str, Any] = response.json()
    return told


async def recipe(client: Client, image_id: str) -> dict[str, Any]:
    response = await client.get(f"/v1/images/{image_id}/recipe")
    assert response.status_code == 200, response.text
    told: dict[str, Any] = response.json()
    return told


async def made(client: Client, path: str = "/v1/images/generations", **body: Any) -> str:
    """The id of the one picture that comes of it."""
    response = await client.post(path, json=body)
    assert response.status_code == 202, response.text
    told = response.json()
    task = await finished(client, told.get("task_id") or told["job_id"])
    assert task["status"] == "succeeded", task
    (image,) = task["output"]["images"]
    return str(image["artifact_id"])


def given(image_id: str) -> dict[str, str]:
    return {"type": "artifact", "artifact_id": image_id}


async def content(client: Client, image_id: str) -> bytes:
    return (await client.get(f"/v1/images/{image_id}/content")).content


# ---------------------------------------------------------------------------------------------- inspect


async def test_an_a1111_file_becomes_a_request(client: Client) -> None:
    told = await inspected(client, png(parameters=A1111))
    assert (told["format"], told["software"]) == ("a1111", "A1111 v1.10.1")
    assert told["model"] == {"name": "sd_xl_base_1.0", "hash": "31e35c80fc", "id": "sdxl"}
    assert told["texts"] == {"parameters": A1111}
    assert told["recipe"] == {
        "prompt": "a red fox", "negative_prompt": "blurry", "model": "sdxl", "size": "512x640", "steps": 30,
        "guidance_scale": 7.0, "seed": 5,
    }  # fmt: skip
    assert [each["field"] for each in told["left_out"]] == ["sampler", "loras"]
    response = await client.post("/v1/images/generations", json=told["recipe"])
    assert response.status_code == 202, response.text


async def test_nothing_of_an_inspected_file_is_kept(client: Client, wiring: Wiring) -> None:
    before = (await client.get("/v1/images")).json()["data"]
    await inspected(client, png(parameters=A1111))
    assert (await client.get("/v1/images")).json()["data"] == before
    assert not [each for each in (wiring.data / "blobs").rglob("*") if each.is_file()]


@pytest.mark.parametrize(
    ("data", "form", "left"),
    [
        (png(prompt=json.dumps(BASIC)), "comfyui", ["sampler", "size"]),
        (jpeg(user_comment(b"UNICODE\0" + A1111.encode("utf-16-be"))), "a1111", ["sampler", "loras"]),
        (png(parameters="a cat\nSteps: 5000, Sampler: Euler, Seed: 9007199254740993"), "a1111", ["steps", "seed"]),
        (png(parameters="a cat\nSteps: 9, Sampler: Foo, Seed: 1"), "a1111", ["sampler"]),
        (png(parameters="a cat\nSteps: 9, Sampler: Euler, Seed: 1, Denoising strength: 0.5"), "a1111", ["strength"]),
    ],
)
async def test_what_cannot_be_asked_for_is_left_out_and_said(client: Client, data: bytes, form: str, left: list[str]) -> None:
    told = await inspected(client, data)
    assert told["format"] == form
    assert [each["field"] for each in told["left_out"]] == left
    assert all(each["why"] for each in told["left_out"])
    quote = await client.post("/v1/quote", json=told["recipe"])
    assert quote.status_code == 200, quote.text


async def test_of_a_file_whose_model_is_not_here_the_recipe_suits_the_one_that_is_taken(client: Client) -> None:
    told = await inspected(client, png(parameters=A1111.replace("sd_xl_base_1.0", "somebodys_mix").replace("30,", "5,")))
    assert (told["model"]["id"], "model" in told["recipe"]) == (None, False)
    assert "loras" in [each["field"] for each in told["left_out"]]
    answer = await client.post("/v1/images/generations", json=told["recipe"])
    assert answer.status_code == 202, answer.text


async def test_our_own_file_becomes_the_request_that_made_it(client: Client) -> None:
    first = await generate(client, "a red circle", model="quick", seed=7, steps=3, negative_prompt="blue")
    (image,) = first["output"]["images"]
    told = await inspected(client, await content(client, image["artifact_id"]))
    again = await made(client, **told["recipe"])
    assert told["left_out"] == []
    assert await content(client, again) == await content(client, image["artifact_id"])


async def test_a_date_past_the_last_year_is_the_end_of_that(client: Client) -> None:
    found = await inspected(client, png(**{"Creation Time": "9999:12:31 23:59:59-23:59"}))
    assert found["created_at"] == "9999-12-31T23:59:59Z"


async def test_a_file_that_tells_nothing_is_no_error(client: Client) -> None:
    told = await inspected(client, flat())
    assert (told["recipe"], told["format"], told["model"], told["parameters"]) == (None, None, None, {})


async def test_models_of_other_teams_are_not_told(client: Client, other_team: Client) -> None:
    data = png(parameters="a\nSteps: 3, Sampler: Euler, Seed: 1, Model: theirs")
    assert (await inspected(other_team, data))["model"] == {"name": "theirs", "hash": "", "id": None}


async def test_what_is_no_picture_is_refused(client: Client, stranger: Client) -> None:
    response = await client.post("/v1/images/inspect", files={"file": ("a.png", b"no picture")})
    assert problem(response, 422, "unreadable_picture")["errors"][0]["field"] == "file"
    problem(await client.post("/v1/images/inspect", files={"other": ("a.png", flat())}), 422, "invalid_request")
    problem(await stranger.post("/v1/images/inspect", files={"file": ("a.png", flat())}), 401, "not_authenticated")


# ---------------------------------------------------------------------------------------------- recipe


async def test_a_recipe_makes_the_same_bytes(client: Client) -> None:
    task = await generate(client, "a red circle", model="quick", n=2, output_format="webp", size="200x120")
    for image in task["output"]["images"]:
        told = await recipe(client, image["artifact_id"])
        assert (told["exact"], told["why"]) == (True, None)
        assert told["request"]["body"]["seed"] == image["seed"]
        again = await made(client, told["request"]["path"], **told["request"]["body"])
        assert await content(client, again) == await content(client, image["artifact_id"])


async def test_an_edits_recipe_names_its_pictures(client: Client) -> None:
    first = await made(client, prompt="a red circle", model="free")
    source = given(first)
    edit = await made(client, "/v1/images/image-to-image", prompt="bluer", model="free", image=source, strength=0.5)
    told = await recipe(client, edit)
    assert told["exact"] is True
    assert told["request"]["body"]["image"] == source
    again = await made(client, told["request"]["path"], **told["request"]["body"])
    assert await content(client, again) == await content(client, edit)


async def test_an_upscales_recipe_is_an_upscale(client: Client) -> None:
    first = await made(client, prompt="a red circle", model="free", size="80x60")
    larger = await made(client, f"/v1/images/{first}/upscale", scale=1.5)
    told = await recipe(client, larger)
    assert (told["exact"], told["why"]) == (True, None)
    again = await made(client, told["request"]["path"], **told["request"]["body"])
    assert await content(client, again) == await content(client, larger)


async def test_a_recipe_without_its_source_is_none(client: Client) -> None:
    first = await made(client, prompt="a red circle", model="free")
    edit = await made(client, "/v1/images/image-to-image", prompt="bluer", model="free", image=given(first))
    await client.delete(f"/v1/images/{first}")
    told = await recipe(client, edit)
    assert (told["request"], told["exact"]) == (None, False)
    assert first in told["why"]


async def test_a_recipe_says_why_it_is_not_exact(client: Client, wiring: Wiring) -> None:
    other = await made(client, prompt="a", model="cloud")
    assert "no seeds" in (await recipe(client, other))["why"]
    image = await made(client, prompt="a", model="free")
    text = wiring.models_path.read_text()
    wiring.models_path.write_text(text.replace('source = "fake:free"', 'source = "fake:other"'))
    told = await _changed(client, image)
    assert "set up anew" in told["why"]
    assert told["request"]["body"]["model"] == "free"
    wiring.models_path.write_text(text.replace('id = "free"', 'id = "renamed"'))
    told = await _changed(client, image, "not here")
    assert told["exact"] is False


async def _changed(client: Client, image_id: str, words: str = "anew") -> dict[str, Any]:
    """Once the gateway has seen what changed."""
    async with asyncio.timeout(20):
        while True:
            told = await recipe(client, image_id)
            if words in (told["why"] or ""):
                return told
            await asyncio.sleep(0.05)


async def test_a_picture_from_elsewhere_has_what_its_file_says(client: Client) -> None:
    response = await client.post("/v1/uploads", files={"file": ("a.png", flat())})
    told = await recipe(client, response.json()["artifact_id"])
    assert (told["request"], told["exact"]) == (None, False)


# ---------------------------------------------------------------------------------------------- family


async def _edit(client: Client, image_id: str) -> str:
    return await made(client, "/v1/images/image-to-image", prompt="other", model="free", image=given(image_id))


async def family(client: Client, image_id: str) -> list[tuple[str, str | None, int, bool]]:
    response = await client.get(f"/v1/images/{image_id}/family")
    assert response.status_code == 200, response.text
    return [(each["id"], each["parent_id"], each["depth"], each["deleted"]) for each in response.json()["data"]]


async def test_a_family_is_the_same_from_each_of_its_members(client: Client, wiring: Wiring) -> None:
    root = await made(client, prompt="a", model="free")
    first, second = await _edit(client, root), await _edit(client, root)
    below = await _edit(client, first)
    await made(client, prompt="a", model="free")
    expected = [(root, None, 0, False), (first, root, 1, False), (second, root, 1, False), (below, first, 2, False)]
    for member in (root, first, second, below):
        assert await family(client, member) == expected
    db = Database(wiring.database)
    async with db.write() as connection:
        trashed = across_teams(update(images)).where(images.c.id == first)
        await connection.execute(trashed.values(deleted_at=1))
        lost = across_teams(update(images)).where(images.c.parent_id == root)
        await connection.execute(lost.values(parent_id=(gone := new_id())))
    await db.close()
    expected = [(gone, None, 0, True), (first, gone, 1, True), (second, gone, 1, False), (below, first, 2, False)]
    assert await family(client, below) == expected
    assert await family(client, root) == [(root, None, 0, False)]


async def test_others_pictures_are_not_there(client: Client, other_team: Client) -> None:
    image = await made(client, prompt="a", model="free")
    for kind in ("recipe", "family"):
        problem(await other_team.get(f"/v1/images/{image}/{kind}"), 404, "not_found")
        for nobodys in (new_id(), "%00", "x" * 300):
            problem(await client.get(f"/v1/images/{nobodys}/{kind}"), 404, "not_found")
