"""POST /v1/images/generations: what is accepted, what becomes of it, and what is refused with which words."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from litestar import Litestar

from gateway.wiring import Wiring
from tests.api.house import anyone, bearer, generate, member_key, problem

PATH = "/v1/images/generations"


async def test_a_prompt_becomes_a_picture(client: httpx.AsyncClient, stranger: httpx.AsyncClient) -> None:
    accepted = await client.post(PATH, json={"prompt": "a red circle", "seed": 7, "n": 2})
    assert accepted.status_code == 202
    first = accepted.json()
    assert (first["status"], first["model"], first["capability"]) == ("queued", "quick", "text_to_image")
    assert first["output"] == {"images": []}

    task = await generate(client, "a red circle", seed=7, n=2)
    assert task["status"] == "succeeded"
    assert [image["seed"] for image in task["output"]["images"]] == [7, 8]
    assert task["billing"] == {"charged_credits": "100.0000", "refunded_credits": "0.0000"}
    assert task["error"] is None
    assert task["created_at"] <= task["started_at"] <= task["finished_at"]
    assert task["finished_at"].endswith("Z")
    for image in task["output"]["images"]:
        shown = await stranger.get(image["url"])
        assert shown.status_code == 200
        assert shown.headers["content-type"] == image["media_type"] == "image/png"


async def test_what_is_left_out_is_filled_in_and_told(client: httpx.AsyncClient) -> None:
    task = await generate(client)
    assert task["input"]["width"] == task["input"]["height"] == 128
    assert task["input"]["steps"] == task["progress"]["steps"]
    assert isinstance(task["input"]["seed"], int)
    assert task["input"]["sampler"] == "Euler"
    assert (task["quality"], task["aspect_ratio"], task["n"]) == ("standard", "auto", 1)


async def test_the_same_seed_makes_the_same_bytes(client: httpx.AsyncClient) -> None:
    first, second = await generate(client, seed=7), await generate(client, seed=7)
    urls = [task["output"]["images"][0]["url"] for task in (first, second)]
    assert (await client.get(urls[0])).content == (await client.get(urls[1])).content


@pytest.mark.parametrize(
    ("body", "width", "height"),
    [
        ({"model": "quick"}, 128, 128),
        ({"model": "quick", "aspect_ratio": "auto"}, 128, 128),
        ({"model": "quick", "size": "200x120"}, 200, 120),
        ({"model": "free", "quality": "standard"}, 256, 256),
        ({"model": "free", "aspect_ratio": "1:1"}, 256, 256),
        ({"model": "free", "aspect_ratio": "2:1"}, 360, 176),
        ({"model": "free", "quality": "hd", "aspect_ratio": "1:1"}, 512, 512),
        ({"model": "quick", "quality": "standard"}, 1024, 1024),
    ],
)
async def test_the_size_that_is_made(client: httpx.AsyncClient, body: dict[str, Any], width: int, height: int) -> None:
    task = await generate(client, **body)
    assert (task["input"]["width"], task["input"]["height"]) == (width, height)
    image = task["output"]["images"][0]
    assert (image["width"], image["height"]) == (width, height)


@pytest.mark.parametrize("wanted", ["auto", "quick", "fast"])
async def test_auto_and_aliases_become_the_concrete_model(client: httpx.AsyncClient, wanted: str) -> None:
    assert (await client.post(PATH, json={"prompt": "a", "model": wanted})).json()["model"] == "quick"


@pytest.mark.parametrize(
    ("body", "headers", "priority"),
    [
        ({}, {}, "interactive"),
        ({"priority": "bulk"}, {}, "bulk"),
        ({}, {"X-Darkroom-Priority": "bulk"}, "bulk"),
        ({"priority": "interactive"}, {"X-Darkroom-Priority": "bulk"}, "interactive"),
    ],
)
async def test_priority(client: httpx.AsyncClient, body: dict[str, Any], headers: dict[str, str], priority: str) -> None:
    response = await client.post(PATH, json={"prompt": "a", **body}, headers=headers)
    assert response.json()["input"]["priority"] == priority


async def test_a_key_may_make_bulk_the_default(app: Litestar, wiring: Wiring) -> None:
    async with anyone(app, bearer(await member_key(wiring, bulk=True))) as client:
        told = (await client.post(PATH, json={"prompt": "a"})).json()
        asked = (await client.post(PATH, json={"prompt": "a", "priority": "interactive"})).json()
    assert (told["input"]["priority"], asked["input"]["priority"]) == ("bulk", "interactive")


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({}, "prompt", "missing"),
    ({"prompt": ""}, "prompt", "1 to"),
    ({"prompt": "   "}, "prompt", "empty"),
    ({"prompt": "a", "n": 0}, "n", "from 1 to 4"),
    ({"prompt": "a", "n": 5}, "n", "from 1 to 4; for more, ask again."),
    ({"prompt": "a", "steps": 0}, "steps", "from 1 to"),
    ({"prompt": "a", "steps": 900}, "steps", "takes steps from"),
    ({"prompt": "a", "seed": -1}, "seed", "from 0 to"),
    ({"prompt": "a", "seed": 2**53}, "seed", "from 0 to"),
    ({"prompt": "a", "seed": 1.5}, "seed", "a whole number"),
    ({"prompt": "a", "quality": "ultra"}, "quality", "standard"),
    ({"prompt": "a", "quality": "hd"}, "aspect_ratio", "hd needs an aspect_ratio"),
    ({"prompt": "a", "quality": "hd", "aspect_ratio": "auto"}, "aspect_ratio", "hd needs an aspect_ratio"),
    ({"prompt": "a", "aspect_ratio": "5:4"}, "aspect_ratio", "16:9"),
    ({"prompt": "a", "size": "big"}, "size", "such as 1024x768"),
    ({"prompt": "a", "size": "0x64"}, "size", "such as 1024x768"),
    ({"prompt": "a", "size": "99999x99999"}, "size", "pixels"),
    ({"prompt": "a", "model": "free", "size": "8000x8000"}, "size", ""),
    ({"prompt": "a", "size": "64x64", "quality": "standard"}, "quality", "leave quality out"),
    ({"prompt": "a", "size": "64x64", "aspect_ratio": "1:1"}, "aspect_ratio", "leave aspect_ratio out"),
    ({"prompt": "a", "sampler": "Eular"}, "sampler", 'did you mean "Euler"'),
    ({"prompt": "a", "loras": [{"name": "x"}]}, "loras", "LoRA"),
    ({"prompt": "a", "loras": [{"nam": "x"}]}, "loras[0].nam", "name"),
    ({"prompt": "a", "output_format": "bmp"}, "output_format", "webp"),
    ({"prompt": "a", "priority": "urgent"}, "priority", "bulk"),
    ({"prompt": "a", "promt": "b"}, "promt", 'did you mean "prompt"'),
    ({"prompt": "a", "strength": 0.5}, "strength", "source picture"),
    ({"prompt": "a", "mask": "x"}, "mask", "source picture"),
    ({"prompt": "a", "webhook": "https://example.org"}, "webhook", "an object with url"),
    ({"prompt": "a", "image": {}}, "image", "image-to-image"),
    ({"prompt": "refuse me"}, "prompt", ""),
    ({"prompt": "a" * 3000, "n": "2"}, "n", "a whole number"),
]


async def test_what_cannot_be_is_refused_by_field(client: httpx.AsyncClient, subtests: pytest.Subtests) -> None:
    for body, field, words in REFUSED:
        with subtests.test(str(body)[:80]):
            told = problem(await client.post(PATH, json=body), 422, "invalid_request")
            assert [error["field"].replace("[...]", "[0]") for error in told["errors"]] == [field]
            assert words in told["errors"][0]["message"]
            assert words in told["detail"]


async def test_an_unknown_model_is_refused_with_the_nearest(client: httpx.AsyncClient) -> None:
    told = problem(await client.post(PATH, json={"prompt": "a", "model": "quik"}), 422, "unknown_model")
    assert told["errors"][0]["field"] == "model"
    assert '"quick"' in told["detail"]


async def test_a_retired_model_names_its_replacement(client: httpx.AsyncClient) -> None:
    told = problem(await client.post(PATH, json={"prompt": "a", "model": "gone"}), 422, "model_retired")
    assert told["replacement"] == "quick"


async def test_a_wrong_priority_header_is_refused(client: httpx.AsyncClient) -> None:
    response = await client.post(PATH, json={"prompt": "a"}, headers={"X-Darkroom-Priority": "soon"})
    told = problem(response, 422, "invalid_request")
    assert told["errors"][0]["field"] == "X-Darkroom-Priority"
    assert "bulk" in told["detail"]


async def test_nothing_that_was_refused_is_kept(client: httpx.AsyncClient) -> None:
    await client.post(PATH, json={"prompt": "a", "n": 9})
    await client.post(PATH, json={"prompt": "a", "sampler": "none"})
    assert (await client.get("/v1/tasks")).json()["data"] == []


@pytest.mark.parametrize("body", [b"", b"{", b"prompt=a", b'{"prompt": "\xff"}', b"\x00"])
async def test_malformed_json(client: httpx.AsyncClient, body: bytes) -> None:
    response = await client.post(PATH, content=body, headers={"Content-Type": "application/json"})
    problem(response, 400, "malformed_json")


async def test_a_body_over_the_limit(client: httpx.AsyncClient) -> None:
    told = problem(await client.post(PATH, json={"prompt": "a" * 5000}), 413, "body_too_large")
    assert "max_body_bytes" in told["detail"]


async def test_a_body_over_the_limit_that_does_not_say_how_long_it_is(client: httpx.AsyncClient) -> None:
    async def endless() -> Any:
        for _ in range(100):
            yield b" " * 1000

    problem(await client.post(PATH, content=endless()), 413, "body_too_large")


async def test_what_an_engine_cannot_do_fails_the_task(client: httpx.AsyncClient) -> None:
    task = await generate(client, model="broken")
    assert task["status"] == "failed"
    assert task["error"]["code"] == "model_unusable"
    assert task["error"]["message"]
    assert task["output"] == {"images": []}


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic eDp5"}, {"Authorization": "Bearer"}]
)
async def test_without_a_good_key_nothing_is_read(stranger: httpx.AsyncClient, headers: dict[str, str]) -> None:
    response = await stranger.post(PATH, content=b"{", headers=headers)
    told = problem(response, 401, "not_authenticated")
    assert response.headers["www-authenticate"] == "Bearer"
    assert "Bearer" in told["detail"] or "key" in told["detail"]


async def test_a_key_without_the_permission(app: Litestar, wiring: Wiring) -> None:
    async with anyone(app, bearer(await member_key(wiring, "gallery.read"))) as client:
        # Before the body is looked at: it is not even JSON.
        told = problem(await client.post(PATH, content=b"{"), 403, "forbidden")
    assert "features.image_generation" in told["detail"]
