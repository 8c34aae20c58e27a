"""The gallery's own POSTs that make pictures: generate, edit with its sessions, upscale; and how a picture tells of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from litestar import Litestar

from engines.lanczos import LanczosEngine
from gateway.registry import Registry
from gateway.wiring import Wiring
from tests.api.house import anyone, bearer, create_app, finished, member_key, problem
from tests.api.pictures import BLUE, RED, WHITE, data_uri, flat
from tests.fakes.fake_engine import FakeEngine, FakeRemoteEngine, read_journal
from tests.fakes.pictures import png
from tests.fakes.web import Web

Json = dict[str, Any]
GENERATE = "/v1/generate/image"
PLUGINS = Registry({"fake": FakeEngine, "fake-remote": FakeRemoteEngine, "lanczos": LanczosEngine})
MODELS = """
[settings.limits]
max_body_bytes = 262144
max_pixels = 300000

[settings.credits]
enabled = false

[engines.fake]
plugin = "fake"
journal = {journal}

[engines.cloud]
plugin = "fake-remote"
journal = {journal}

[engines.lanczos]
plugin = "lanczos"

[devices.cpu]
device = "cpu"

[defaults]
text_to_image = "draw"
image_to_image = "edit"

[[models]]
id = "draw"
engine = "fake"
source = "fake:draw"
natives = [[128, 128]]
megapixels = {{ standard = 0.015625, hd = 0.0625 }}
can = ["text_to_image"]

[[models]]
id = "edit"
engine = "fake"
source = "fake:edit"
natives = [[128, 128]]
megapixels = {{ standard = 0.015625, hd = 0.0625 }}
max_references = 4

[[models]]
id = "paint"
engine = "fake"
source = "fake:paint"
natives = [[128, 128]]
megapixels = {{ standard = 0.015625, hd = 0.0625 }}
can = ["inpaint"]

[[models]]
id = "broken"
engine = "fake"
source = "fake:broken"
natives = [[128, 128]]
error = "ModelUnusable"

[[models]]
id = "lanczos"
engine = "lanczos"
source = "builtin:lanczos"

[[models]]
id = "cloud"
engine = "cloud"
source = "fake:cloud"
natives = [[128, 128]]
can = ["image_to_image"]
replay = "never"
max_source_bytes = 20000
max_references = 2
{more}
"""


@pytest.fixture
def write(wiring: Wiring, journal: Path) -> Callable[..., None]:
    """models.toml, with more behind it."""

    def write(more: str = "") -> None:
        wiring.models_path.write_text(MODELS.format(journal=json.dumps(str(journal)), more=more))

    return write


@pytest.fixture
def make_app(wiring: Wiring, write: Callable[..., None], web: Web, request: pytest.FixtureRequest) -> Callable[[], Litestar]:
    write(getattr(request, "param", ""))
    return lambda: create_app(wiring, registry=PLUGINS, internet=web)


async def ask(client: httpx.AsyncClient, path: str, **body: Any) -> Json:
    answer = await client.post(path, json=body)
    assert answer.status_code == 202, answer.text
    told: Json = answer.json()
    return told


async def made(client: httpx.AsyncClient, path: str, **body: Any) -> Json:
    """Ask, wait, and the picture's page."""
    task = await finished(client, (await ask(client, path, **body))["job_id"])
    assert task["status"] == "succeeded", task
    return await shown(client, task["output"]["images"][0]["artifact_id"])


async def shown(client: httpx.AsyncClient, image_id: str) -> Json:
    answer = await client.get(f"/v1/images/{image_id}")
    assert answer.status_code == 200, answer.text
    told: Json = answer.json()
    return told


async def upload(client: httpx.AsyncClient, data: bytes | None = None) -> str:
    answer = await client.post("/v1/uploads", files={"file": ("a.png", data or flat())})
    return str(answer.json()["artifact_id"])


def given(journal: Path) -> Json:
    last: Json = [call for call in read_journal(journal) if call["call"] == "run"][-1]["given"][0]
    return last


# ------------------------------------------------------------------------------------------ generate


async def test_a_prompt_becomes_a_picture_with_title_and_tags(client: httpx.AsyncClient) -> None:
    accepted = await ask(client, GENERATE, prompt="a red circle", title=" Hero ", tags=["hero", "Blog", "HERO"], seed=7, n=2)
    assert set(accepted) == {"job_id", "status"}
    assert accepted["status"] == "queued"
    task = await finished(client, accepted["job_id"])
    assert task["billing"]["charged_credits"] == "10.0000"  # five for each
    assert [each["seed"] for each in task["output"]["images"]] == [7, 8]
    for each in task["output"]["images"]:
        image = await shown(client, each["artifact_id"])
        assert (image["title"], image["tags"]) == ("Hero", ["hero", "Blog"])
        assert (image["source"], image["parent"], image["edit_session_id"]) == ("generate", None, None)


async def test_null_is_what_is_left_out(client: httpx.AsyncClient) -> None:
    image = await made(client, GENERATE, prompt="a", model=None, title=None, tags=None, seed=None)
    assert (image["model"], image["title"], image["tags"]) == ("draw", "", [])
    edited = await made(client, f"/v1/images/{image['id']}/edit", prompt="a", model=None, title=None, tags=None)
    assert (edited["title"], edited["tags"]) == ("", [])


async def test_size_and_ratio_mean_what_they_mean_for_tasks(client: httpx.AsyncClient) -> None:
    assert (await made(client, GENERATE, prompt="a", size="96x64"))["width"] == 96
    wide = await made(client, GENERATE, prompt="a", model="draw", aspect_ratio="2:1", quality="standard")
    assert wide["width"] == pytest.approx(2 * wide["height"], rel=0.05)


REFUSED: list[tuple[Json, str]] = [
    ({}, "prompt"),
    ({"prompt": " "}, "prompt"),
    ({"prompt": "a", "tags": ["x"] * 51}, "tags"),
    ({"prompt": "a", "tags": [""]}, "tags[0]"),
    ({"prompt": "a", "tags": [" "]}, "tags[0]"),
    ({"prompt": "a", "tags": ["x" * 65]}, "tags[0]"),
    ({"prompt": "a", "title": "x" * 201}, "title"),
    ({"prompt": "a", "title": "a\nb"}, "title"),
    ({"prompt": "a", "image": data_uri()}, "image"),
    ({"prompt": "a", "model": "nonesuch"}, "model"),
    ({"prompt": "a", "size": "64x64", "aspect_ratio": "1:1"}, "aspect_ratio"),
    ({"prompt": "a", "n": 5}, "n"),
]


async def test_what_cannot_be_is_refused_by_name(client: httpx.AsyncClient, subtests: pytest.Subtests) -> None:
    for body, field in REFUSED:
        with subtests.test(body=body):
            told = problem(
                await client.post(GENERATE, json=body), 422, "unknown_model" if "nonesuch" in str(body) else "invalid_request"
            )
            assert told["errors"][0]["field"] == field
            assert (await client.get("/v1/tasks")).json()["data"] == []


async def test_the_same_key_is_the_same_job_on_this_surface_only(client: httpx.AsyncClient) -> None:
    header = {"Idempotency-Key": "k"}
    one, two = [(await client.post(GENERATE, json={"prompt": "a"}, headers=header)).json() for _ in range(2)]
    assert one["job_id"] == two["job_id"]
    problem(await client.post(GENERATE, json={"prompt": "a", "title": "b"}, headers=header), 409, "idempotency_conflict")
    other = await client.post("/v1/images/generations", json={"prompt": "a"}, headers=header)
    assert other.json()["task_id"] != one["job_id"]


async def test_who_only_reads_makes_nothing(app: Litestar, wiring: Wiring) -> None:
    key = await member_key(wiring, "gallery.read", team="readers")
    async with anyone(app, bearer(key)) as reader:
        problem(await reader.post(GENERATE, json={"prompt": "a"}), 403, "forbidden")
        problem(await reader.post("/v1/images/x/edit", json={"prompt": "a"}), 403, "forbidden")
        problem(await reader.post("/v1/images/x/upscale", json={}), 403, "forbidden")


# ------------------------------------------------------------------------------------------ edit


async def test_an_edit_is_a_variant_in_a_session(client: httpx.AsyncClient, journal: Path) -> None:
    first = await made(client, GENERATE, prompt="a")
    path = f"/v1/images/{first['id']}/edit"
    accepted = await ask(client, path, prompt="make it blue", strength=0.5, title="Blue")
    assert set(accepted) == {"job_id", "status", "edit_session_id"}
    task = await finished(client, accepted["job_id"])
    assert (task["model"], task["capability"], task["billing"]["charged_credits"]) == ("edit", "image_to_image", "10.0000")
    assert given(journal)["strength"] == 0.5
    (variant,) = (await shown(client, first["id"]))["variants"]
    assert variant["id"] == task["output"]["images"][0]["artifact_id"]
    assert (variant["source"], variant["title"], variant["edit_session_id"]) == ("edit", "Blue", accepted["edit_session_id"])
    parent = (await shown(client, variant["id"]))["parent"]
    assert parent == {
        "id": first["id"], "deleted": False, "title": "", "url": first["url"], "thumbnail_url": first["thumbnail_url"],
    }  # fmt: skip
    session = accepted["edit_session_id"]
    again = await made(client, f"/v1/images/{variant['id']}/edit", prompt="larger", edit_session_id=session)
    assert again["edit_session_id"] == session
    assert (await ask(client, path, prompt="make it green"))["edit_session_id"] != session


async def test_a_session_can_be_gone_on_with_before_its_first_edit_is_done(client: httpx.AsyncClient) -> None:
    picture = await upload(client)
    first = await ask(client, f"/v1/images/{picture}/edit", prompt="a")
    second = await ask(client, f"/v1/images/{picture}/edit", prompt="b", edit_session_id=first["edit_session_id"])
    assert second["edit_session_id"] == first["edit_session_id"]


async def test_sent_twice_an_edit_is_one_in_one_session(client: httpx.AsyncClient) -> None:
    picture, other = await upload(client), await upload(client)
    header = {"Idempotency-Key": "k"}
    answers = [await client.post(f"/v1/images/{picture}/edit", json={"prompt": "a"}, headers=header) for _ in range(2)]
    one, two = [{key: answer.json()[key] for key in ("job_id", "edit_session_id")} for answer in answers]
    assert one == two
    told = await client.post(f"/v1/images/{other}/edit", json={"prompt": "a"}, headers=header)
    problem(told, 409, "idempotency_conflict")


async def test_another_teams_session_and_picture_are_not_there(
    client: httpx.AsyncClient, other_team: httpx.AsyncClient
) -> None:
    mine, theirs = await upload(client), await upload(other_team)
    session = (await ask(other_team, f"/v1/images/{theirs}/edit", prompt="a"))["edit_session_id"]
    for each in (session, "nonesuch"):
        answer = await client.post(f"/v1/images/{mine}/edit", json={"prompt": "a", "edit_session_id": each})
        assert problem(answer, 404, "not_found")["errors"][0]["field"] == "edit_session_id"
        answer = await client.post(f"/v1/images/{mine}/upscale", json={"edit_session_id": each})
        assert problem(answer, 404, "not_found")["errors"][0]["field"] == "edit_session_id"
    for path in ("edit", "upscale"):
        body = {"prompt": "a"} if path == "edit" else {}
        answer = await client.post(f"/v1/images/{theirs}/{path}", json=body)
        assert problem(answer, 404, "not_found")["errors"][0]["field"] == "image_id"


async def test_what_is_in_the_trash_is_neither_edited_nor_enlarged(client: httpx.AsyncClient) -> None:
    first = await made(client, GENERATE, prompt="a")
    child = await made(client, f"/v1/images/{first['id']}/edit", prompt="b")
    assert (await client.delete(f"/v1/images/{first['id']}")).is_success
    for path, body in (("edit", {"prompt": "a"}), ("upscale", {})):
        problem(await client.post(f"/v1/images/{first['id']}/{path}", json=body), 409, "wrong_state")
    gone = {"id": first["id"], "deleted": True, "title": None, "url": None, "thumbnail_url": None}
    assert (await shown(client, child["id"]))["parent"] == gone
    assert (await client.delete(f"/v1/images/{first['id']}/forever")).is_success
    for path, body in (("edit", {"prompt": "a"}), ("upscale", {})):
        problem(await client.post(f"/v1/images/{first['id']}/{path}", json=body), 404, "not_found")
    assert (await shown(client, child["id"]))["parent"] == gone


async def test_variants_are_the_newest_and_no_trash(client: httpx.AsyncClient) -> None:
    first = await made(client, GENERATE, prompt="a")
    made_of_it = [(await made(client, f"/v1/images/{first['id']}/edit", prompt="b"))["id"] for _ in range(3)]
    assert [each["id"] for each in (await shown(client, first["id"]))["variants"]] == made_of_it[::-1]
    await client.delete(f"/v1/images/{made_of_it[1]}")
    assert [each["id"] for each in (await shown(client, first["id"]))["variants"]] == [made_of_it[2], made_of_it[0]]


async def test_a_mask_repaints_a_part(client: httpx.AsyncClient, journal: Path) -> None:
    picture = await upload(client)
    task = await finished(client, (await ask(client, f"/v1/images/{picture}/edit", prompt="a", mask=data_uri(WHITE)))["job_id"])
    assert (task["capability"], task["status"]) == ("inpaint", "succeeded")
    small = await client.post(f"/v1/images/{picture}/edit", json={"prompt": "a", "mask": data_uri(WHITE, 32, 32)})
    assert problem(small, 422, "invalid_request")["errors"][0]["field"] == "mask"


async def test_further_pictures_are_looked_at(client: httpx.AsyncClient, journal: Path) -> None:
    picture = await upload(client)
    await made(client, f"/v1/images/{picture}/edit", prompt="a", extra_images=[data_uri(BLUE)])
    assert given(journal)["source"][2:] == list(RED)
    assert [each[2:] for each in given(journal)["references"]] == [list(BLUE)]


@pytest.mark.parametrize(
    ("make_app", "mask", "model"),
    [
        ("", False, "edit"),
        ('[settings.gallery]\nedit_model = "cloud"', False, "cloud"),
        ('[settings.gallery]\nedit_model = "cloud"', True, ("edit", "paint")),  # it cannot, so the best that can
        ('[settings.gallery]\nedit_model = "broken"\n[[models]]\nid = "gpt-image-2"\nretired = "edit"', False, "broken"),
        (
            '[[models]]\nid = "gpt-image-2"\nengine = "cloud"\nsource = "fake:gpt"\nnatives = [[64, 64]]\nreplay = "never"',
            False,
            "gpt-image-2",
        ),
        (
            '[[models]]\nid = "so"\nengine = "fake"\nsource = "fake:so"\nnatives = [[64, 64]]\naliases = ["gpt-image-2"]',
            False,
            "so",
        ),
        ('[[models]]\nid = "gpt-image-2"\nengine = "cloud"\nsource = "elsewhere"', False, "edit"),  # not on offer
        (
            '[[models]]\nid = "gpt-image-2"\nengine = "cloud"\nsource = "fake:gpt"\nnatives = [[64, 64]]\nteams = ["nobody"]',
            False,
            "edit",
        ),
    ],
    indirect=["make_app"],
)
async def test_the_edit_model_is_a_setting(client: httpx.AsyncClient, mask: bool, model: str | tuple[str, ...]) -> None:
    picture = await upload(client)
    body = {"prompt": "a", **({"mask": data_uri(WHITE)} if mask else {})}
    task = await finished(client, (await ask(client, f"/v1/images/{picture}/edit", **body))["job_id"])
    assert task["model"] in model if isinstance(model, tuple) else task["model"] == model


# ------------------------------------------------------------------------------------------ what a cloud is sent


def noise(width: int, height: int) -> bytes:
    return png(np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8))


async def test_what_a_cloud_takes_no_more_of_is_scaled_down(client: httpx.AsyncClient, journal: Path) -> None:
    large = await upload(client, noise(160, 120))
    image = await made(client, f"/v1/images/{large}/edit", prompt="a", model="cloud", size="160x120", extra_images=[
        {"type": "artifact", "artifact_id": large}, data_uri()
    ])  # fmt: skip
    assert (image["width"], image["height"]) == (160, 120)
    width, height, *_ = given(journal)["source"]
    assert 0.5 < width * height * 3 / 20000 <= 1
    assert width / height == pytest.approx(160 / 120, rel=0.05)
    references = given(journal)["references"]
    assert (references[0][:2], references[1][:2]) == ([width, height], [64, 64])


async def test_here_it_is_given_as_it_is(client: httpx.AsyncClient, journal: Path) -> None:
    large = await upload(client, noise(160, 120))
    await made(client, f"/v1/images/{large}/edit", prompt="a", model="edit", size="160x120")
    assert given(journal)["source"][:2] == [160, 120]
